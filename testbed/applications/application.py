"""What a kind of application is made of: the parts that it may have, each in a module of its folder.

    model.py     KIND    its keys in a scenario file, its measures          testbed.applications.kind
    rules.py     PART    what its entries need and what they ask for        Rules
    control.py   PART    its programs in a run                              Control
    events.py            its events, subclasses of                          testbed.record.event.Event
    report.py    PART    its numbers, tables and plots                      Report

Only `model` is required. A module imports what its part needs and nothing above it: a model no network, rules
no run, control no report. What is common to the programs of several kinds is in `testbed.host`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

from testbed.applications.registry import parts

if TYPE_CHECKING:
    from testbed.applications.script import Script
    from testbed.driver.run_context import RunContext
    from testbed.model.job import Job
    from testbed.model.network import Network
    from testbed.report.figures import Plot
    from testbed.report.records import RunRecords, VariantRecords
    from testbed.report.summary import Summary
    from testbed.report.table import PageSection
    from testbed.scenario.tree import Keys


@dataclass(frozen=True, slots=True)
class PacketLoad:
    """Packets that something sends from one instant to another, in ns, at a mean rate."""

    name: str
    starts_at_ns: int
    ends_at_ns: int
    packets_per_s: float


class Named(NamedTuple):
    """A name, and what has it: the entry under these keys, or a part of that entry."""

    keys: tuple[str | int, ...]
    name: str
    what: str


class OwnJob(NamedTuple):
    """A job by its name, and the name of the entry that it belongs to, under which it is reported."""

    name: str
    job: "Job"
    entry: str
    tells_when_served: bool = False
    """Whether `FirstServed` is published when a further node has served it for the first time."""


class Rules:
    """What the entries of a kind need of their network, and what they ask of the machine. Pure."""

    def findings(self, script: "Script", network: "Network") -> "Iterator[tuple[Keys, str]]":
        """What is wrong, as the keys of what is at fault and what to do about it."""
        yield from ()

    def names(self, script: "Script") -> Iterator[Named]:
        """Every name by which events, logs and reports tell entries of this kind and their parts apart."""
        yield from ()

    def having(self, measure: str, script: "Script") -> "tuple[str, Sequence[str]] | None":
        """What entries with a measure of this kind are called, and their names; None for other measures."""
        return None

    def jobs(self, script: "Script") -> "Iterator[OwnJob]":
        """Every job that entries of this kind may place."""
        yield from ()

    def partners(self, script: "Script") -> Iterable[str]:
        """The hosts that those jobs talk to, as far as they are known beforehand."""
        return ()

    def files(self, script: "Script") -> Iterable[Path]:
        """Files of this machine that programs need, besides those that are named as `InputFile`."""
        return ()

    def processes(self, script: "Script") -> int:
        """How many processes are started before time 0."""
        return 0

    def packet_load(self, script: "Script", network: "Network") -> Iterator[PacketLoad]:
        """What is sent while the network holds nothing up."""
        yield from ()


class Running(Protocol):
    """The entries of a kind in one run."""

    def start(self) -> None:
        """Start programs and set timers; called once, before time 0."""

    def stop(self) -> None:
        """Stop the programs and record what came of them; called once, at the end."""


class Control(Protocol):
    """Makes what runs the entries of a kind."""

    def __call__(self, run: "RunContext") -> Running: ...


class Report:
    """What a kind adds to the numbers of a variant, to the tables and to the page.

    `streams` has its streams of messages by their keys of the summary, and what one message of each is.
    """

    streams: ClassVar[Mapping[str, str]] = {}

    def conditions(self, script: "Script") -> Iterator[tuple[str, str]]:
        """What was declared, as (what, how)."""
        yield from ()

    def summarise(self, records: "VariantRecords") -> Mapping[str, Any]:
        """Numbers of a variant, by their keys of the summary; what is empty is left out there."""
        return {}

    def sections(self, summary: "Summary") -> "Iterator[PageSection]":
        """Tables, under headings of the page."""
        yield from ()

    def plots(self, run: "RunRecords", summary: "Summary") -> "Iterator[tuple[str, list[Plot]]]":
        """Plots, by heading."""
        yield from ()


def all_rules() -> tuple[Rules, ...]:
    """The rules of every kind that has some."""
    return parts("rules")


def all_controls() -> tuple[Control, ...]:
    """What runs the entries of each kind, in the order in which programs are started."""
    return parts("control")


def all_reports() -> tuple[Report, ...]:
    """What each kind adds to a report."""
    return parts("report")


def having(measure: str, script: "Script") -> tuple[str, Sequence[str]]:
    """What entries with a measure are called, and their names; no names if there is no such kind."""
    for rules in all_rules():
        found = rules.having(measure, script)
        if found is not None:
            return found
    return measure, ()
