"""Whatever is told apart by its name has a name of its own, of whichever kinds the two are."""

from itertools import combinations
from types import SimpleNamespace
from typing import Any

import pytest

from testbed.applications.game.model import Repeat
from testbed.applications.script import Script
from testbed.scenario.names import name_rules

REPEATED = SimpleNamespace(repeat=Repeat(count=9, within_ns=1))
GROUP = SimpleNamespace(jobs_of=lambda name: (f"{name}1", f"{name}2"))
KINDS: dict[str, dict[str, Any]] = {
    "session": {"sessions": {"talk": SimpleNamespace(repeat=None)}},
    "repetition": {"sessions": {"tal": REPEATED, "talk": REPEATED}},
    "flow": {"background": {"talk": None}},
    "group of jobs": {"jobs": {"talk": GROUP}},
    "service": {"services": {"talk": SimpleNamespace(clients={})}},
    "clients": {"services": {"chat": SimpleNamespace(clients={"talk": None})}},
    "workload": {"workloads": {"talk": None}},
    "transfer": {"transfers": {"talk": None}},
    "experts": {"experts": {"talk": GROUP}},
}
SECTIONS = ("sessions", "background", "jobs", "services", "workloads", "transfers", "experts")


def told(*parts: dict[str, Any]) -> list[str]:
    sections: dict[str, Any] = {key: {} for key in SECTIONS}
    for part in parts:
        for key, entries in part.items():
            sections[key] = {**sections[key], **entries}
    return [message for _, message in name_rules(Script.model_construct(**sections))]


def pairs() -> list[tuple[str, str]]:
    return [
        (one, other) for one, other in combinations(KINDS, 2) if one != "session" or other != "repetition"
    ]


@pytest.mark.parametrize(("one", "other"), pairs())
def test_two_kinds_do_not_share_a_name(one: str, other: str) -> None:
    assert told(KINDS[one]) == told(KINDS[other]) == []
    (message,) = told(KINDS[one], KINDS[other])
    assert "is the name of " in message
    assert message.endswith(" too; they are told apart by name, so rename one")


def test_jobs_and_repetitions_have_names_too() -> None:
    assert told(KINDS["experts"], {"transfers": {"talk2": None}}) == [
        "'talk2', a job of it, is the name of the transfer transfers.talk2 too; they are told apart by name, "
        "so rename one"
    ]
    assert told({"sessions": {"p": REPEATED, "p3": SimpleNamespace(repeat=None)}}) == [
        "is the name of a repetition of sessions.p too; they are told apart by name, so rename one"
    ]


def test_repetitions_of_two_sessions_do_not_meet() -> None:
    many = SimpleNamespace(repeat=Repeat(count=99, within_ns=1))
    (message,) = told({"sessions": {"p": many, "p1": REPEATED}})
    assert message.startswith("'p11', a repetition of it, is the name of a repetition of sessions.p too")
