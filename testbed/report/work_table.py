"""What nodes did and what broke, row by row, and the tables of it for a terminal."""

from collections.abc import Iterator
from typing import Any, Literal, cast

from rich.table import Table

from testbed.report.cells import (
    add_by_variant,
    megabits,
    microseconds,
    milliseconds,
    new_table,
    shown_percent,
)
from testbed.report.failures import RECOVERY_PARTS, GapSummary, RecoverySummary, RefusalSummary
from testbed.report.metrics import StreamMetrics
from testbed.report.node_work import ExpertsSummary, ServiceSummary, TransferSummary
from testbed.report.summary import Streams, Summary, VariantSummary

SERVICE_STREAMS = {"first_tokens": "first token", "tokens": "token", "answers": "answer"}
"""Streams of services' clients, as keys of the summary, and what one of each is."""

EXPERT_STREAMS = {"dispatches": "dispatch", "combinations": "combine", "exchanges": "exchange"}
TRANSFER_STREAMS = {"blocks": "block"}
JOB_STREAMS = {"requests": "request", "recoveries": "recovery"}
_ALL_STREAMS = {**SERVICE_STREAMS, **EXPERT_STREAMS, **TRANSFER_STREAMS, **JOB_STREAMS}

PLACEMENT_COUNTS: tuple[Literal["placed", "refused", "waiting", "lost", "promoted", "evicted"], ...]
PLACEMENT_COUNTS = ("placed", "refused", "waiting", "lost", "promoted", "evicted")

_DELAYS = ("p50", "p95", "p99", "max")
_NAMED_AT_MOST = 4
_SHOWN_AT_MOST = 12
"""Rows of a table on a terminal, of those that can be very many."""


def stream_rows(summary: Summary, streams: dict[str, str]) -> Iterator[tuple[str, str, str, StreamMetrics]]:
    """Every stream of some measures as (variant, name, what one of it is, numbers)."""
    for variant, numbers in summary["variants"].items():
        measures = cast("dict[str, Streams]", numbers)
        for key, what in streams.items():
            for name, directions in measures.get(key, {}).items():
                for metrics in directions.values():
                    yield variant, name, what, metrics


def recovery_rows(summary: Summary) -> list[tuple[str, RecoverySummary]]:
    """Every job that served again as (variant, numbers), in the order in which they did."""
    return [
        (variant, each)
        for variant, numbers in summary["variants"].items()
        for each in numbers.get("recovered", [])
    ]


def gap_rows(summary: Summary) -> list[tuple[str, GapSummary]]:
    """Every session that missed frames as (variant, numbers)."""
    return [
        (variant, each)
        for variant, numbers in summary["variants"].items()
        for each in numbers.get("gaps", [])
    ]


def refusal_rows(summary: Summary) -> list[tuple[str, RefusalSummary]]:
    """Everything that found no node and did not run, as (variant, numbers)."""
    return [
        (variant, each)
        for variant, numbers in summary["variants"].items()
        for each in numbers.get("refused", [])
    ]


def refusal_line(summary: Summary) -> str | None:
    """What found no node, by variant, in one sentence; None if everything ran."""
    found: dict[str, list[str]] = {}
    for variant, each in refusal_rows(summary):
        found.setdefault(variant, []).append(f"{each['what']} {each['name']}")
    if not found:
        return None
    said = (f"{variant}: {_first(names)}" for variant, names in found.items())
    return f"Not run, for lack of a node: {'; '.join(said)}."


def _first(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED_AT_MOST} more" if len(names) > _NAMED_AT_MOST else ""
    return ", ".join(names[:_NAMED_AT_MOST]) + more


def service_rows(summary: Summary) -> list[tuple[str, str, ServiceSummary]]:
    """Every service as (variant, its name, numbers)."""
    return _named_rows(summary, "services")


def transfer_rows(summary: Summary) -> list[tuple[str, str, TransferSummary]]:
    """Every transfer as (variant, its name, numbers)."""
    return _named_rows(summary, "transfers")


def expert_rows(summary: Summary) -> list[tuple[str, str, ExpertsSummary]]:
    """Every group of experts as (variant, its name, numbers)."""
    return _named_rows(summary, "experts")


def _named_rows(summary: Summary, key: str) -> list[tuple[str, str, Any]]:
    return [
        (variant, name, each)
        for variant, numbers in summary["variants"].items()
        for name, each in cast("dict[str, Any]", numbers).get(key, {}).items()
    ]


def jobs_moved(numbers: VariantSummary) -> bool:
    """Whether the jobs of a variant did more than run where they were placed."""
    return bool(numbers.get("faults")) or any(numbers["placement"][key] for key in PLACEMENT_COUNTS[1:])


def work_tables(summary: Summary) -> Iterator[Table]:
    """The tables of a run for a terminal; none for a run without such work and without faults."""
    if any(jobs_moved(numbers) for numbers in summary["variants"].values()):
        yield _placement(summary)
    if refusal_rows(summary):
        yield _refusals(summary)
    if recovery_rows(summary):
        yield _recoveries(summary)
    if gap_rows(summary):
        yield _gaps(summary)
    if any(stream_rows(summary, _ALL_STREAMS)):
        yield _streams(summary)
    if service_rows(summary):
        yield _services(summary)
    if expert_rows(summary):
        yield _experts(summary)
    if transfer_rows(summary):
        yield _transfers(summary)


def _placement(summary: Summary) -> Table:
    table = new_table("Jobs", ("variant",), PLACEMENT_COUNTS)
    for variant, numbers in summary["variants"].items():
        table.add_row(variant, *(str(numbers["placement"][key]) for key in PLACEMENT_COUNTS))
    return table


def _refusals(summary: Summary) -> Table:
    found = refusal_rows(summary)
    few = f": the first {_SHOWN_AT_MOST} of {len(found)}" if len(found) > _SHOWN_AT_MOST else ""
    table = new_table(f"Not run, for lack of a node{few}", ("variant", "what", "name", "why"), ())
    rows = [(variant, each["what"], each["name"], each["reason"]) for variant, each in found]
    add_by_variant(table, rows[:_SHOWN_AT_MOST])
    return table


def _recoveries(summary: Summary) -> Table:
    found = recovery_rows(summary)
    longest = sorted(found, key=lambda row: -row[1]["recovery_ns"])[:_SHOWN_AT_MOST]
    few = f": the {_SHOWN_AT_MOST} longest of {len(found)}" if len(found) > _SHOWN_AT_MOST else ""
    columns = ("detect", "decide", "transfer", "restart", "first", "in all")
    table = new_table(f"From a fault until a job serves again, ms{few}", ("variant", "job"), columns)
    add_by_variant(
        table,
        [
            (
                variant,
                each["job"],
                *(_shortly(each[key]) for key in RECOVERY_PARTS),
                _shortly(each["recovery_ns"]),
            )
            for variant, each in found
            if (variant, each) in longest
        ],
    )
    return table


def _shortly(value_ns: int) -> str:
    """Milliseconds in fewer digits, because six of them share a line."""
    return f"{value_ns / 1e6:.2f}"


def _gaps(summary: Summary) -> Table:
    table = new_table(
        "Without a frame until another node took over", ("variant", "session"), ("gap, ms", "missed/due")
    )
    rows = [
        (
            variant,
            each["session"],
            milliseconds(each["gap_ns"]),
            f"{each['frames_missed']}/{each['frames_due']}",
        )
        for variant, each in gap_rows(summary)
    ]
    add_by_variant(table, rows)
    return table


def _streams(summary: Summary) -> Table:
    """The delays of all that nodes do; of very many names those that waited longest."""
    found = list(stream_rows(summary, _ALL_STREAMS))
    longest_ns: dict[str, int] = {}
    for _, name, _, metrics in found:
        longest_ns[name] = max(longest_ns.get(name, 0), metrics["delay_ns"]["max"] or 0)
    shown = sorted(longest_ns, key=lambda name: -longest_ns[name])[:_SHOWN_AT_MOST]
    few = f": the {len(shown)} longest of {len(longest_ns)}" if len(shown) < len(longest_ns) else ""
    table = new_table(f"Work on nodes, ms{few}", ("variant", "name", "what"), (*_DELAYS, "lost/sent"))
    rows = [
        (
            *(variant, name, what),
            *(milliseconds(metrics["delay_ns"][key]) for key in _DELAYS),
            f"{metrics['lost']}/{metrics['sent']}",
        )
        for variant, name, what, metrics in found
        if name in shown
    ]
    add_by_variant(table, rows)
    return table


def _services(summary: Summary) -> Table:
    columns = ("answered", "tokens/s", "busy", "saturated", "batch")
    table = new_table("Services", ("variant", "service", "node"), columns)
    rows = [
        (
            *(variant, name, each["node"] or "-"),
            f"{each['answered']}/{each['requests']}",
            "-" if each["token_rate"] is None else str(each["token_rate"]),
            shown_percent(each["utilisation_ppm"]),
            shown_percent(each["saturation_ppm"]),
            "-" if each["mean_batch"] is None else f"{each['mean_batch']:.1f}",
        )
        for variant, name, each in service_rows(summary)
    ]
    add_by_variant(table, rows)
    return table


def _experts(summary: Summary) -> Table:
    table = new_table("Experts", ("variant", "experts"), ("steps", "nodes", "mean exchange, us"))
    rows = [
        (variant, name, str(each["steps"]), str(len(set(each["nodes"]))), microseconds(each["exchange_ns"]))
        for variant, name, each in expert_rows(summary)
    ]
    add_by_variant(table, rows)
    return table


def _transfers(summary: Summary) -> Table:
    columns = ("Mbit/s", "before", "broken", "kept", "outage", "stalled", "again")
    table = new_table(
        "Transfers: Mbit/s before and while the fabric is broken, times in ms",
        ("variant", "transfer"),
        columns,
    )
    rows = [
        (
            *(variant, name, megabits(each["throughput_bps"])),
            *(megabits(each["before_bps"]), megabits(each["broken_bps"]), shown_percent(each["kept_ppm"])),
            *(
                milliseconds(each["outage_ns"]),
                milliseconds(each["stalled_ns"]),
                str(each["blocks_sent_again"]),
            ),
        )
        for variant, name, each in transfer_rows(summary)
    ]
    add_by_variant(table, rows)
    return table
