"""What watches a machine in real time, on a clock that the test makes late, and what is left."""

import json
from pathlib import Path
from typing import Any, cast

import pytest

from testbed.driver.children import Child, Children
from testbed.driver.host_load import HostLoad, starting_ns
from testbed.host.clock import Clock
from testbed.host.control import Control
from testbed.host.load_watch import TICK_NS, LoadWatch, read_counters
from testbed.host.loop import Loop
from testbed.plan.make import make_plan
from testbed.record.logs import EventLog
from testbed.scenario import load
from testbed.scenario.loading import from_mapping

SECOND = 10**9
LINE = {"rate": "100 Mbit/s", "committed": "0 bit/s", "queue": "500 kB"}
NETWORK: dict[str, Any] = {
    "title": "A network",
    "duration": "1 s",
    "network": {"topology": "elastic_access", "parameters": {"onus": 1}},
    "access": {"downstream": LINE, "upstream": LINE},
    "pon": {"model": "shaped_link"},
}


class LateClock:
    """Every wait ends late: by so much, and the one given by number by so much more."""

    def __init__(self, usual_ns: int, hold_ups_ns: dict[int, int]) -> None:
        self._now_ns, self._usual_ns, self._hold_ups_ns = 0, usual_ns, hold_ups_ns
        self._waits = 0

    def now_ns(self) -> int:
        return self._now_ns

    def sleep_until(self, at_ns: int) -> None:
        late_ns = self._usual_ns + self._hold_ups_ns.get(self._waits, 0) if at_ns else 0
        self._now_ns = max(self._now_ns, at_ns + late_ns)
        self._waits += 1


class Told:
    """A control line at whose other end somebody says stop after so many questions; what was said is kept."""

    def __init__(self, asked: int) -> None:
        self._left, self.said = asked, list[tuple[str, dict[str, Any]]]()

    def say(self, kind: str, **fields: Any) -> None:
        self.said.append((kind, fields))

    def hear(self) -> dict[str, Any]:
        return {"kind": "go"}

    def heard(self) -> dict[str, Any] | None:
        self._left -= 1
        return {"kind": "stop"} if self._left < 0 else None


def watched(ticks: int, usual_ns: int, hold_ups_ns: dict[int, int]) -> list[tuple[str, dict[str, Any]]]:
    """What the program says of a machine."""
    told = Told(ticks)
    LoadWatch(cast(Clock, LateClock(usual_ns, hold_ups_ns)), cast(Control, told)).run()
    return told.said


def test_an_idle_machine_gives_its_lateness_and_no_bad_second() -> None:
    said = watched(250, 40_000, {})
    assert [kind for kind, _ in said] == ["ready", "done"]
    load = said[-1][1]["load"]
    assert (load["timers"], load["late_p50_ns"], load["late_max_ns"]) == (250, 40_000, 40_000)
    assert load["seconds"] == pytest.approx(250 * TICK_NS / SECOND, abs=0.001)


def test_a_second_in_which_a_timer_was_late_is_told_when_it_is_over() -> None:
    """Held up for 35 ms: three further timers were due in the meantime, and count."""
    said = watched(300, 40_000, {150: 35_000_000})
    assert [kind for kind, _ in said] == ["ready", "late", "done"]
    late, load = said[1][1]["load"], said[-1][1]["load"]
    assert late["late_max_ns"] == load["late_max_ns"] == said[-1][1]["late_ns"] == 35_040_000
    assert (load["timers"], load["late_p50_ns"]) == (303, 40_000)
    assert load["late_p99_ns"] == 35_040_000 - 3 * TICK_NS


def test_this_machine_s_counters_only_grow() -> None:
    before, after = read_counters(), read_counters()
    assert after.all_ticks >= before.all_ticks > 0
    assert after.dropped >= before.dropped
    assert after.squeezed >= before.squeezed


class Watcher:
    """Children of which one is the program that watches; it says once that it was late, and has a load."""

    def __init__(self, load: dict[str, Any]) -> None:
        self._load = load
        self.hear: Any = None

    def start(self, name: str, host: str, _make: Any, hear: Any) -> Child:
        self.hear = hear
        return cast(Child, (name, host))

    def go(self, child: Child) -> None:
        self.hear(child, {"kind": "late", "load": self._load})

    def stop(self, _child: Child) -> dict[str, Any]:
        return {"kind": "done", "late_ns": self._load["late_max_ns"], "load": self._load}


def written(folder: Path, **changed: int) -> list[dict[str, Any]]:
    """The events of a run with such a load."""
    load = {
        "seconds": 1.0,
        "timers": 100,
        "late_p50_ns": 1,
        "late_p99_ns": 2,
        "late_max_ns": 3,
        "busy_ppm": 0,
        "steal_ppm": 0,
        "waiting_ppm": None,
        "dropped": 0,
        "squeezed": 0,
        **changed,
    }
    script = from_mapping(NETWORK, "network")
    scenario, network = script.variants["default"], script.networks["default"]
    plan = make_plan(network, scenario.access, scenario.pon)
    with EventLog(folder) as events:
        children = cast(Children, Watcher(load))
        watch = HostLoad(lambda *_: lambda: None, plan, children, Loop(Clock(0)), events)
        watch.start()
        watch.stop()
    return [json.loads(line) for line in events.path.read_text().splitlines()]


def test_what_was_seen_is_written_and_a_warning_only_of_what_is_bad(tmp_path: Path) -> None:
    (tmp_path / "good").mkdir()
    (tmp_path / "bad").mkdir()
    good = written(tmp_path / "good")
    assert [event["kind"] for event in good] == ["host.late", "host.load"]
    assert (good[1]["late_max_ns"], good[1]["driver_late_ns"]) == (3, 0)
    bad = written(tmp_path / "bad", busy_ppm=990_000, dropped=7)
    assert [event["kind"] for event in bad] == ["host.late", "host.load", "warning"]
    assert bad[2]["text"].startswith(
        "7 packets were dropped before any queue of the network; the processors were"
    )


def test_a_run_with_more_programs_begins_later() -> None:
    """Nothing is started before time 0 in the first; the second has an API to load and a capture."""
    scenario = from_mapping(NETWORK, "network").variants["default"]
    assert starting_ns(scenario) == 0
    more = from_mapping({**NETWORK, "capture": ["home1"], "northbound": {"host": "node1"}}, "network")
    assert starting_ns(more.variants["default"]) == 2_100_000_000
    assert starting_ns(load("cloud_gaming").variants["elastic"]) == 6 * 2 * 100_000_000
