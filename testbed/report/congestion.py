"""What held senders back beside the rates: marks and drops of queues with an AQM, and TCP's own buffers."""

from collections.abc import Iterator

from testbed.report.summary import Summary
from testbed.report.table import VARIANT, Column, Table, number, shown_percent

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


def congestion_tables(summary: Summary) -> tuple[Table, ...]:
    """The tables of marks, of queues and of windows."""
    flow = Column("Flow")
    return (
        _table(
            "Packets of flows with ECN",
            (flow, number("Packets"), number("With CE"), number("Share")),
            marked_rows(summary),
        ),
        _table(
            "Queues with an AQM",
            (
                *(Column("Queue"), Column("Way"), Column("AQM", short="aqm")),
                *(number("Marks"), number("Dropped")),
            ),
            queue_rows(summary),
        ),
        _table(
            "Held up by TCP's windows, not by the network",
            (flow, number("Receiver's"), number("Sender's")),
            held_up_rows(summary),
        ),
    )


def _table(title: str, columns: tuple[Column, ...], rows: Iterator[tuple[str, ...]]) -> Table:
    return Table(title, (VARIANT, *columns), list(rows), title=title)
