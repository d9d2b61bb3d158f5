"""An order for one run, as it is handed to the program that carries it out, and what became of it."""

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOrder:
    """One run of a sweep, complete in itself, so that any machine with the testbed can carry it out.

    `text` is the effective scenario with the settings in it, except for the seed; `settings` are what the
    manifest says of them. `kernel` is the key of the embedded kernel that must be used.
    """

    name: str
    text: str
    seed: int
    settings: tuple[str, ...]
    kernel: str
    wall_limit_s: float
    stall_limit_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalOrder:
    """An order with the folder that becomes its run directory, and how many variants run side by side.

    `scratch` is a folder that is of no use any more if whoever started the run is gone.
    """

    order: RunOrder
    out: str
    side_by_side: int
    scratch: str = ""

    def line(self) -> str:
        """As a line of JSON."""
        return json.dumps(asdict(self)) + "\n"

    @classmethod
    def from_line(cls, line: str) -> "LocalOrder":
        """From a line of JSON, as `line` gives it."""
        fields = json.loads(line)
        written = fields["order"]
        order = RunOrder(**{**written, "settings": tuple(written["settings"])})
        return cls(**{**fields, "order": order})


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run is under way."""

    name: str


@dataclass(frozen=True, slots=True)
class RunResult:
    """A run is over: with status 0 it is finished, otherwise `message` is what its program said last."""

    name: str
    status: int
    message: str = ""


RunUpdate = RunStarted | RunResult
"""What whoever has runs done tells while they are."""
