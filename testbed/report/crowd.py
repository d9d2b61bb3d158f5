"""Which of very many sessions a reader is shown first: those that waited longest."""

from typing import Any

from testbed.report.summary import Summary

SHOWN_AT_MOST = 12
"""Sessions and measured flows of which tables on a terminal and plots show all; of more, this many."""


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
