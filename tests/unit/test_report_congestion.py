"""Marks, drops and windows are told where there are any, by the events that carry them."""

from typing import Any, cast

import pytest
from recorded import recorded

from testbed.report import timeline
from testbed.report.congestion import congestion_tables, held_up_rows, marked_rows, queue_rows
from testbed.report.summary import Summary

ARRIVED = {"received_bytes": 1, "drained_bytes": 0, "throughput_bps": 8}
ROUND_TRIPS = {"round_trip_ns": 170_000_000, "least_round_trip_ns": 160_000_000}
BUSY = {"busy_ns": 10**9, "receive_window_ns": 0, "refills": 40, "dry_refills": 0, **ROUND_TRIPS}
QUEUED = BUSY | {"dry_refills": 40, "round_trip_ns": 240_000_000}
QUEUE = {"queue": "onu1", "direction": "downstream", "marks": 1_226, "dropped_packets": 7}


def summary(*events: dict[str, Any]) -> Summary:
    found = recorded(events)
    flows, queues = timeline.flows(found), timeline.queues(found)
    return cast("Summary", {"variants": {"one": {"flows": flows, "queues": queues}}})


def flow(**fields: Any) -> dict[str, Any]:
    return {"kind": "flow.end", "flow": "far"} | ARRIVED | fields


@pytest.mark.parametrize(
    ("fields", "shares"),
    [
        ({"receive_window_ns": 900_000_000}, ("90.0 %", "0.0 %")),
        ({"dry_refills": 38}, ("0.0 %", "95.0 %")),
        ({"receive_window_ns": 200_000_000, "dry_refills": 1}, ("20.0 %", "2.5 %")),
    ],
)
def test_a_flow_that_its_windows_hold_up_says_so(fields: dict[str, int], shares: tuple[str, str]) -> None:
    assert [*held_up_rows(summary(flow(**BUSY | fields)))] == [("one", "far", *shares)]


@pytest.mark.parametrize(
    "fields",
    [BUSY, BUSY | {"receive_window_ns": 199_000_000, "dry_refills": 7}, BUSY | {"refills": 0}, QUEUED, {}],
)
def test_a_flow_that_the_network_holds_up_says_nothing(fields: dict[str, int]) -> None:
    """One fills a queue with all that it may hold; the last is udp, or of a run before there were counts."""
    assert [*held_up_rows(summary(flow(**fields)))] == []


def test_marks_are_told_of_flows_with_ecn_alone() -> None:
    assert [*marked_rows(summary(flow(packets=11_131, ce_packets=1_226)))] == [
        ("one", "far", "11,131", "1,226", "11.0 %")
    ]
    assert [*marked_rows(summary(flow(packets=0, ce_packets=0)))] == [("one", "far", "0", "0", "-")]
    assert [*marked_rows(summary(flow()))] == []


def test_a_queue_says_which_discipline_stood_for_its_aqm() -> None:
    events = [
        {"kind": "queue.end", "aqm": "l4s", "discipline": "fq_codel", **QUEUE},
        {"kind": "queue.end", "aqm": "cake", "discipline": "cake", **QUEUE},
    ]
    assert [*queue_rows(summary(*events))] == [
        ("one", "onu1", "downstream", "l4s: fq_codel", "1,226", "7"),
        ("one", "onu1", "downstream", "cake", "1,226", "7"),
    ]


def test_there_is_a_table_for_each_thing_that_there_is_to_tell() -> None:
    assert not any(table.rows for table in congestion_tables(summary(flow())))
    capable = flow(**BUSY | {"dry_refills": 40}, packets=10, ce_packets=1)
    queue = {"kind": "queue.end", "aqm": "cake", "discipline": "cake", **QUEUE}
    for table in congestion_tables(summary(capable, queue)):
        assert len(table.rows) == 1
        assert all(len(row) == len(table.columns) for row in table.rows)
