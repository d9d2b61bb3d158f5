"""Names that tell what runs apart, in events, logs and reports: each may occur once in a scenario.

Programs, faults and T-CONTs have names of their own kind: their events and files say which kind they mean.
"""

from collections.abc import Iterator

from testbed.applications.application import Named, all_rules
from testbed.applications.script import Script
from testbed.scenario.rates import Finding
from testbed.scenario.repeat import names_of_repetitions
from testbed.scenario.tree import Keys, spelt


def name_rules(script: Script) -> Iterator[Finding]:
    """No name occurs twice; of each entry the first that does is told."""
    taken: dict[str, Named] = {}
    told: set[Keys] = set()
    for one in _named(script):
        other = taken.setdefault(one.name, one)
        if other is not one and one.keys not in told:
            told.add(one.keys)
            own = "" if one.keys[-1] == one.name else f"{one.name!r}, {one.what} it, "
            whose = f"{other.what} {spelt(other.keys)}"
            yield one.keys, f"{own}is the name of {whose} too; they are told apart by name, so rename one"


def _named(script: Script) -> Iterator[Named]:
    """All names; of two that are equal the later one is at fault."""
    yield from _sessions(script)
    for name in script.background:
        yield Named(("background", name), name, "the flow")
    yield from _jobs(script)
    for name in script.workloads:
        yield Named(("workloads", name), name, "the workload")
    for rules in all_rules():
        yield from rules.names(script)


def _sessions(script: Script) -> Iterator[Named]:
    for name, session in script.sessions.items():
        at: Keys = ("sessions", name)
        yield Named(at, name, "the session")
        for each in names_of_repetitions(name, session.repeat.count) if session.repeat is not None else ():
            yield Named(at, each, "a repetition of")


def _jobs(script: Script) -> Iterator[Named]:
    for name, group in script.jobs.items():
        at: Keys = ("jobs", name)
        yield Named(at, name, "the group of jobs")
        for each in group.jobs_of(name):
            yield Named(at, each, "a job of")
