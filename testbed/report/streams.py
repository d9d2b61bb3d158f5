"""What tables of several kinds share: rows and columns of streams, and which of very many are shown. Pure."""

from typing import Any, cast

from testbed.report.summary import Streams, Summary
from testbed.report.table import VARIANT, Column, Form, Row, milliseconds, number

SHOWN_AT_MOST = 12
"""Sessions and measured flows of which tables on a terminal and plots show all; of more, this many."""


def stream_rows(summary: Summary, streams: dict[str, str]) -> list[Row]:
    """The streams of some measures: variant, name, what one of it is, delays, how many were lost."""
    return [
        (
            *(variant, name, what),
            *(metrics["delay_ns"][key] for key in ("p50", "p95", "p99", "p999", "mean", "max")),
            f"{metrics['lost']}/{metrics['sent']}",
        )
        for variant, numbers in summary["variants"].items()
        for key, what in streams.items()
        for name, directions in cast("dict[str, Streams]", numbers).get(key, {}).items()
        for metrics in directions.values()
    ]


def stream_columns(whose: str, form: Form = milliseconds) -> tuple[Column, ...]:
    """The columns of `stream_rows`."""
    return (
        *(VARIANT, Column(whose), Column("What")),
        *(number("p50", form, strong=True), number("p95", form), number("p99", form)),
        *(number("p99.9", form, page_only=True), number("mean", form, page_only=True)),
        *(number("max", form), number("Lost/sent")),
    )


def by_name(summary: Summary, key: str) -> list[tuple[str, str, Any]]:
    """The numbers of everything of one kind, as (variant, name, numbers)."""
    return [
        (variant, name, each)
        for variant, numbers in summary["variants"].items()
        for name, each in cast("dict[str, Any]", numbers).get(key, {}).items()
    ]


def listed(summary: Summary, key: str) -> list[tuple[str, Any]]:
    """Everything of one list of the summary, as (variant, numbers)."""
    return [
        (variant, each)
        for variant, numbers in summary["variants"].items()
        for each in cast("dict[str, Any]", numbers).get(key, ())
    ]


def telling(summary: Summary) -> list[str]:
    """The sessions and measured flows to show, in the summary's order: those with the longest delays."""
    longest_ns: dict[str, int] = {}
    for variant in summary["variants"].values():
        measures: Any = variant
        for key in ("probes", "frames", "packets", "commands", "messages"):
            for name, directions in measures.get(key, {}).items():
                delays_ns = [metrics["delay_ns"]["max"] or 0 for metrics in directions.values()]
                longest_ns[name] = max([longest_ns.get(name, 0), *delays_ns])
        for name in variant["channels"]:
            longest_ns.setdefault(name, 0)
    first = sorted(longest_ns, key=lambda name: -longest_ns[name])[:SHOWN_AT_MOST]
    return [name for name in longest_ns if name in first]


def left_out(summary: Summary) -> str:
    """What to say of those that are not shown; empty if all are."""
    names = {
        name
        for variant in summary["variants"].values()
        for streams in (
            variant["probes"],
            variant["packets"],
            variant.get("messages", {}),
            variant["channels"],
        )
        for name in streams
    }
    if len(names) <= SHOWN_AT_MOST:
        return ""
    return f"the {SHOWN_AT_MOST} of {len(names)} with the longest delays"
