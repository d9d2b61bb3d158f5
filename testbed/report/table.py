"""The result of a run on a terminal: readable at 80 columns, without colour, and through a pipe."""

from collections.abc import Iterator
from typing import Literal, cast

from rich.console import Console
from rich.table import Table
from rich.text import Text

from testbed.model.quantity import Kind
from testbed.report import host_load
from testbed.report.cells import add_by_variant, megabits, milliseconds, new_table, shown_percent
from testbed.report.channels import ChannelSummary, WaySummary
from testbed.report.congestion import congestion_tables
from testbed.report.crowd import left_out, telling
from testbed.report.expectations import show, show_measured
from testbed.report.metrics import StreamMetrics
from testbed.report.summary import Streams, Summary
from testbed.report.work_table import refusal_line, work_tables
from testbed.units import RATE, SIZE

_DELAYS = ("p50", "p95", "p99", "max")
_FLOWS_SIDE_BY_SIDE = 4
_ARROWS = {"downstream": "down", "upstream": "up"}
ADMISSION_COUNTS: tuple[Literal["asked", "admitted", "refused", "preempted", "expired"], ...]
ADMISSION_COUNTS = ("asked", "admitted", "refused", "preempted", "expired")


def print_table(summary: Summary, console: Console) -> None:
    """Print delays, losses, expectations, published figures, and the wall time per virtual second."""
    numbers = summary["variants"].values()
    tables = []
    if any(variant["probes"] for variant in numbers):
        tables.append(_delays(summary, "One-way delay of the probes, ms", ("probes",)))
    if any(variant["frames"] for variant in numbers):
        tables.append(_delays(summary, "Delay of whole video frames, ms", ("frames",)))
    if any(variant["packets"] or variant["commands"] for variant in numbers):
        title = "Packets and commands of sessions, packets of measured flows, ms"
        tables.append(_delays(summary, title, ("packets", "commands")))
    if any(variant.get("messages") for variant in numbers):
        tables.append(_delays(summary, "Messages of workloads, ms", ("messages",)))
    if any(variant["flows"] for variant in numbers):
        tables += _flows(summary)
    tables += congestion_tables(summary)
    if any(variant["channels"] for variant in numbers):
        tables.append(_channels(summary))
    if any(variant["admission"]["asked"] > 1 for variant in numbers):
        tables.append(_admission(summary))
    tables += work_tables(summary)
    if summary["expectations"] or summary["not_run"]:
        tables.append(_verdicts(summary))
    if summary["references"]:
        tables.append(_references(summary))
    for table in tables:
        console.print(table, end="\n\n")
    console.print(_closing(summary), highlight=False, soft_wrap=True)


def verdict_line(summary: Summary) -> str:
    """The outcome in one sentence."""
    judged = summary["expectations"]
    failed = sum(not verdict["holds"] for verdict in judged)
    if not judged:
        return "No expectation was judged."
    if failed:
        return f"{failed} of {len(judged)} expectations do not hold."
    return f"All {len(judged)} expectations hold." if len(judged) > 1 else "The one expectation holds."


def rows(summary: Summary, keys: tuple[str, ...]) -> Iterator[tuple[str, str, str, StreamMetrics]]:
    """Every stream of some measures as (variant, session, direction, numbers), in the summary's order."""
    for variant, numbers in summary["variants"].items():
        measures = cast("dict[str, Streams]", numbers)
        for key in keys:
            for session, directions in measures.get(key, {}).items():
                for direction, metrics in directions.items():
                    yield variant, session, direction, metrics


def flow_rows(summary: Summary) -> Iterator[tuple[str, str, str, str, str]]:
    """Every background flow as (variant, flow, throughput, received, after its end), for people."""
    for variant, numbers in summary["variants"].items():
        for flow, found in numbers["flows"].items():
            received, drained = (
                "-" if size_bytes is None else SIZE.format_down(size_bytes)
                for size_bytes in (found["received_bytes"], found["drained_bytes"])
            )
            yield variant, flow, RATE.format_down(found["throughput_bps"]), received, drained


def drained_rows(summary: Summary) -> Iterator[tuple[str, str, str]]:
    """The flows of which queues delivered something after their end, as (variant, flow, how much)."""
    for variant, numbers in summary["variants"].items():
        for flow, found in numbers["flows"].items():
            if found["drained_bytes"]:
                yield variant, flow, SIZE.format_down(found["drained_bytes"])


def channel_rows(summary: Summary) -> Iterator[tuple[str, str, ChannelSummary, str, WaySummary]]:
    """Every channel as (variant, session, the whole, direction, that direction of it)."""
    for variant, numbers in summary["variants"].items():
        for session, channel in numbers["channels"].items():
            yield variant, session, channel, "downstream", channel["downstream"]
            yield variant, session, channel, "upstream", channel["upstream"]


def _delays(summary: Summary, title: str, keys: tuple[str, ...]) -> Table:
    shown = telling(summary)
    title = ": ".join(part for part in (title, left_out(summary)) if part)
    table = new_table(title, ("variant", "session", "way"), (*_DELAYS, "lost/sent", "reord."))
    found = []
    for variant, session, direction, metrics in rows(summary, keys):
        if session not in shown:
            continue
        delays = [milliseconds(metrics["delay_ns"][name]) for name in _DELAYS]
        lost = f"{metrics['lost']}/{metrics['sent']}"
        found.append((variant, session, _ARROWS[direction], *delays, lost, str(metrics["reordered"])))
    add_by_variant(table, found)
    return table


def _flows(summary: Summary) -> Iterator[Table]:
    """The throughput of each flow in a column of its own, as many side by side as fit."""
    flows = list(dict.fromkeys(row[1] for row in flow_rows(summary)))
    for first in range(0, len(flows), _FLOWS_SIDE_BY_SIDE):
        table = new_table("Throughput of background flows", ("variant",), ())
        shown = flows[first : first + _FLOWS_SIDE_BY_SIDE]
        for flow in shown:
            table.add_column(flow, justify="right", overflow="fold")
        for variant in summary["variants"]:
            found = {row[1]: row[2] for row in flow_rows(summary) if row[0] == variant}
            table.add_row(variant, *(found.get(flow, "-") for flow in shown))
        yield table
    if drained := list(drained_rows(summary)):
        table = new_table("After a flow's end", ("variant", "flow"), ("delivered",))
        add_by_variant(table, drained)
        yield table


def _channels(summary: Summary) -> Table:
    """A row for each direction of a channel, or one for a channel that was never opened."""
    shown = telling(summary)
    title = "Channels: mean rates in Mbit/s, times in ms"
    title = ": ".join(part for part in (title, left_out(summary)) if part)
    columns = ("had", "used", "unused", "resizes", "queued", "opening")
    table = new_table(title, ("variant", "session", "way"), columns)
    found = []
    for variant, session, channel, direction, way in channel_rows(summary):
        if session not in shown:
            continue
        if way["max_rate_bps"] is None:
            if direction == "downstream":
                found.append((variant, session, channel["state"], *["-"] * 6))
            continue
        numbers = (
            megabits(way["allocated_mean_bps"]),
            megabits(way["used_mean_bps"]),
            shown_percent(way["unused_ppm"]),
            str(way["resizes"]),
            milliseconds(way["queueing_ns"]),
            milliseconds(way["opening_ns"]),
        )
        found.append((variant, session, _ARROWS[direction], *numbers))
    add_by_variant(table, found)
    return table


def _admission(summary: Summary) -> Table:
    title = "Requests for channels, and fairness (Jain's index) among those served"
    table = new_table(title, ("variant",), (*ADMISSION_COUNTS, "fair down", "fair up"))
    for variant, numbers in summary["variants"].items():
        admission = numbers["admission"]
        counts = [str(admission[name]) for name in ADMISSION_COUNTS]
        fairness = [shown_percent(value_ppm) for value_ppm in admission["fairness_ppm"].values()]
        table.add_row(variant, *counts, *fairness)
    return table


def _verdicts(summary: Summary) -> Table:
    table = new_table("Expectations", (), ())
    table.add_column("")
    table.add_column("expected", overflow="fold", ratio=1)
    table.add_column("measured", justify="right", no_wrap=True)
    for verdict in summary["expectations"]:
        word = Text("PASS", style="green") if verdict["holds"] else Text("FAIL", style="bold red")
        table.add_row(word, verdict["text"], show_measured(verdict))
    for text in summary["not_run"]:
        table.add_row(Text("-", style="dim"), text, "not run")
    return table


def _references(summary: Summary) -> Table:
    in_ms = all(compared["unit"] == Kind.DELAY.unit for compared in summary["references"])
    table = new_table(f"Published figures beside ours{', ms' if in_ms else ''}", (), ())
    table.add_column("figure", overflow="fold", ratio=2)
    table.add_column("published", justify="right", no_wrap=True)
    table.add_column("ours", justify="right", no_wrap=True)
    table.add_column("source", overflow="fold", ratio=2)
    for compared in summary["references"]:
        figures = (
            milliseconds(value) if in_ms else show(value, compared["unit"])
            for value in (compared["published"], compared["measured"])
        )
        table.add_row(compared["text"], *figures, compared["source"])
    return table


def _closing(summary: Summary) -> str:
    pace = summary["wall_s_per_virtual_s"]
    time = "real" if summary["venue"] == "host" else "virtual"
    per_second = "" if pace is None else f" ({pace:.2f} wall seconds per {time} second)"
    machine = "".join(f"{line}\n" for line in host_load.lines(summary))
    not_run = refusal_line(summary)
    refused = "" if not_run is None else f"{not_run}\n"
    return (
        f"{verdict_line(summary)}\n"
        f"{refused}"
        f"{summary['scenario']}, seed {summary['seed']}, venue {summary['venue']}\n"
        f"{summary['virtual_s']:.1f} s of {time} time in {summary['wall_s']:.1f} s{per_second}\n"
        f"{machine}"
        f"{summary['run_dir']}/report.html"
    )
