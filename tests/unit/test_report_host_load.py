"""What a report says of the machine that carried a run in real time."""

from typing import Any

from recorded import recorded

from testbed.report.host_load import HostLoadSummary, host_load, warnings, words

LOAD: dict[str, Any] = {
    "kind": "host.load",
    "at_ns": 10,
    "seconds": 4.0,
    "timers": 400,
    "late_p50_ns": 50_000,
    "late_p99_ns": 800_000,
    "late_max_ns": 2_500_000,
    "busy_ppm": 420_000,
    "steal_ppm": 0,
    "waiting_ppm": None,
    "dropped": 0,
    "squeezed": 0,
    "driver_late_ns": 300_000,
}
SECOND = {"kind": "host.late", "at_ns": 5} | {
    key: value for key, value in LOAD.items() if key not in ("kind", "at_ns", "driver_late_ns")
}
LATE = {"kind": "warning", "at_ns": 9, "text": "…", "program": "olt", "late_ns": 7_000_000}


def host_load_of(events: list[dict[str, Any]]) -> HostLoadSummary | None:
    return host_load(recorded(events))


def test_virtual_time_has_none() -> None:
    assert host_load_of([{"kind": "run.end", "at_ns": 1}]) is None


def test_results_are_off_by_what_was_latest() -> None:
    """A timer, if no program was later."""
    found = host_load_of([LOAD])
    assert found is not None
    assert (found["off_by_ns"], found["latest_program"]) == (2_500_000, None)
    assert words(found) == (
        "results of this run are off by up to 2.500 ms; timers were late by 0.050 ms (p50), 0.800 ms (p99), "
        "2.500 ms (max); processors busy 42.0 %"
    )
    found = host_load_of([SECOND, LATE, LOAD])
    assert found is not None
    assert (found["off_by_ns"], found["latest_program"], found["late_seconds"]) == (7_000_000, "olt", 1)
    assert "off by up to 7.000 ms (program olt); " in words(found)


def test_the_driver_is_a_program_too() -> None:
    found = host_load_of([LOAD | {"driver_late_ns": 9_000_000}])
    assert found is not None
    assert (found["off_by_ns"], found["latest_program"]) == (9_000_000, "driver")


def test_packets_that_the_machine_lost_are_told() -> None:
    found = host_load_of([LOAD | {"dropped": 12}])
    assert found is not None
    assert "and 12 packets were lost on the way to a queue" in words(found)


def test_late_programs_are_one_warning_and_others_stay_what_they_are() -> None:
    """A crowd's programs would fill the page otherwise; each is among the events."""
    events = [
        {"kind": "warning", "variant": "a", "text": "a record was cut off"},
        LATE | {"variant": "a"},
        LATE | {"variant": "a", "program": "player", "late_ns": 9_000_000},
        LATE | {"variant": "b"},
        {"kind": "run.end", "variant": "b"},
    ]
    told = list(warnings(recorded(events)))
    assert [variant for variant, _ in told] == ["a", "a", "b"]
    assert told[0][1] == "a record was cut off"
    assert told[1][1].startswith("2 programs were more than 1.000 ms late, player the most, by 9.000 ms: ")
    assert told[2][1].startswith("1 program was more than 1.000 ms late, olt the most, by 7.000 ms: ")
