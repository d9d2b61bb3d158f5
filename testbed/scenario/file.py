"""A scenario file as the rest of the program sees it: complete, checked, and with its networks built."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from testbed.applications.quantity import Expectation, Reference
from testbed.applications.script import Scenario
from testbed.model.network import Network
from testbed.text import counted
from testbed.units import DURATION


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioFile:
    """The variants of a scenario by name, each with its network, and what is expected of them.

    `path` is None for a scenario built in code. `text` is the effective scenario as YAML, settings and
    seed included: loading it gives an equal value, wherever it is stored.
    """

    name: str
    path: Path | None = field(compare=False)
    title: str
    variants: dict[str, Scenario]
    networks: dict[str, Network]
    expectations: tuple[Expectation, ...]
    references: tuple[Reference, ...]
    text: str

    def summary(self) -> str:
        """One line: "cloud_gaming: 2 variants (best_effort, elastic), 1 session, 5 flows, 30 s"."""
        scenarios = self.variants.values()
        durations = dict.fromkeys(DURATION.format(scenario.duration_ns) for scenario in scenarios)
        parts = (
            f"{counted(len(self.variants), 'variant')} ({', '.join(self.variants)})",
            counted(_distinct(scenario.sessions for scenario in scenarios), "session"),
            counted(_distinct((*each.background, *each.workloads) for each in scenarios), "flow"),
            " or ".join(durations),
        )
        return f"{self.name}: {', '.join(parts)}"


def _distinct(names_by_variant: Iterable[Iterable[str]]) -> int:
    return len({name for names in names_by_variant for name in names})
