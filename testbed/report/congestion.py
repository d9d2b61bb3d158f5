"""What held senders back beside the rates: marks and drops of queues with an AQM, and TCP's own buffers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.table import Table

from testbed.report.cells import add_by_variant, new_table, shown_percent
from testbed.report.summary import Summary

HELD_UP_PPM = 200_000
"""A flow that its windows held up for less is not told of: at its start every flow waits a little."""

QUEUED_PPM = 1_500_000
"""With a round trip of this much of its least, what a flow has under way stands in a queue: its windows are
full because the network is."""


def held_up_rows(summary: Summary) -> Iterator[tuple[str, str, str, str]]:
    """The flows whose windows held them up, as (variant, flow, receiver's share, sender's share)."""
    for variant, numbers in summary["variants"].items():
        for flow, found in numbers["flows"].items():
            shares_ppm = found.get("receive_window_ppm", 0), found.get("send_buffer_ppm", 0)
            if max(shares_ppm) >= HELD_UP_PPM and found.get("round_trip_ppm", 0) < QUEUED_PPM:
                yield variant, flow, shown_percent(shares_ppm[0]), shown_percent(shares_ppm[1])


def marked_rows(summary: Summary) -> Iterator[tuple[str, str, str, str, str]]:
    """The flows with ECN, as (variant, flow, packets, with CE, their share)."""
    for variant, numbers in summary["variants"].items():
        for flow, found in numbers["flows"].items():
            if "packets" in found:
                packets, marked = found["packets"], found["ce_packets"]
                share = shown_percent(marked * 10**6 // packets if packets else None)
                yield variant, flow, f"{packets:,}", f"{marked:,}", share


def queue_rows(summary: Summary) -> Iterator[tuple[str, str, str, str, str, str]]:
    """The queues with an AQM, as (variant, queue, direction, AQM, marks, dropped)."""
    for variant, numbers in summary["variants"].items():
        for queue in numbers.get("queues", ()):
            aqm = (
                queue["aqm"]
                if queue["aqm"] == queue["discipline"]
                else f"{queue['aqm']}: {queue['discipline']}"
            )
            counts = f"{queue['marks']:,}", f"{queue['dropped_packets']:,}"
            yield variant, queue["queue"], queue["direction"], aqm, *counts


@dataclass(frozen=True, slots=True)
class Told:
    """One table: its columns of names and of numbers, and its rows, which begin with their variant."""

    title: str
    names: tuple[str, ...]
    numbers: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def told(summary: Summary) -> list[Told]:
    """The tables that have something to tell."""
    tables = (
        Told(
            "Packets of flows with ECN",
            ("variant", "flow"),
            ("packets", "with CE", "share"),
            [*marked_rows(summary)],
        ),
        Told(
            "Queues with an AQM",
            ("variant", "queue", "way", "aqm"),
            ("marks", "dropped"),
            [*queue_rows(summary)],
        ),
        Told(
            "Held up by TCP's windows, not by the network",
            ("variant", "flow"),
            ("receiver's", "sender's"),
            [*held_up_rows(summary)],
        ),
    )
    return [table for table in tables if table.rows]


def congestion_tables(summary: Summary) -> Iterator[Table]:
    """The same on a terminal."""
    for each in told(summary):
        table = new_table(each.title, each.names, each.numbers)
        add_by_variant(table, each.rows)
        yield table
