"""The tables of jobs: where they ran, what broke, and how long it took until they served again."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from testbed.record.event import Event, RecordedEvent
from testbed.record.events import JobCancelled, JobEvicted, JobPlaced, JobPromoted, JobQueued, JobRefused
from testbed.report.failures import RECOVERY_PARTS, RecoverySummary, RefusalSummary
from testbed.report.streams import listed, stream_columns, stream_rows
from testbed.report.summary import Summary, VariantSummary
from testbed.report.table import (
    VARIANT,
    Column,
    PageSection,
    Row,
    Table,
    folded,
    milliseconds,
    number,
    seconds,
    words,
)

_NAMED_AT_MOST = 4
_SHOWN_AT_MOST = 12
"""Rows of a table on a terminal, of those that can be very many."""

JOB_STREAMS = {"requests": "request", "recoveries": "recovery"}
PLACEMENT_COUNTS: tuple[Literal["placed", "refused", "waiting", "lost", "promoted", "evicted"], ...]
PLACEMENT_COUNTS = ("placed", "refused", "waiting", "lost", "promoted", "evicted")
_WITHOUT_NODE: dict[type[Event], str] = {
    JobRefused: "refused",
    JobQueued: "waits",
    JobEvicted: "waits",
    JobCancelled: "cancelled",
}
"""Decisions after which a job has no node, in a word."""

SCORES_SHOWN = 5
"""Nodes of a decision that are shown with their scores: the best."""


def job_section(summary: Summary, events: Sequence[RecordedEvent]) -> PageSection:
    """Where jobs ran, what broke, how long it took until they served again, and every decision about them."""
    return PageSection(
        "Jobs",
        (
            *_placed(summary),
            *(_faults(summary), _recoveries(summary), _gaps(summary)),
            Table(
                "Requests to jobs, and recoveries, in milliseconds",
                stream_columns("Jobs or session"),
                stream_rows(summary, JOB_STREAMS),
            ),
            _decisions(events),
        ),
    )


def recovery_rows(summary: Summary) -> list[tuple[str, RecoverySummary]]:
    """Every job that served again as (variant, numbers), in the order in which they did."""
    return listed(summary, "recovered")


def refusal_line(summary: Summary) -> str | None:
    """What found no node, by variant, in one sentence; None if everything ran."""
    found: dict[str, list[str]] = {}
    each: RefusalSummary
    for variant, each in listed(summary, "refused"):
        found.setdefault(variant, []).append(f"{each['what']} {each['name']}")
    if not found:
        return None
    said = (f"{variant}: {_first(names)}" for variant, names in found.items())
    return f"Not run, for lack of a node: {'; '.join(said)}."


def _first(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED_AT_MOST} more" if len(names) > _NAMED_AT_MOST else ""
    return ", ".join(names[:_NAMED_AT_MOST]) + more


def _jobs_moved(numbers: VariantSummary) -> bool:
    """Whether the jobs of a variant did more than run where they were placed."""
    return bool(numbers.get("faults")) or any(numbers["placement"][key] for key in PLACEMENT_COUNTS[1:])


def _placed(summary: Summary) -> Iterator[Table]:
    """How many jobs were placed and how many not, and what did not run for lack of a node."""
    variants = summary["variants"]
    if any(_jobs_moved(numbers) for numbers in variants.values()):
        yield Table(
            "Jobs placed, refused, without a node at their end, and lost; how often a backup took over, and "
            "how often there was none",
            (VARIANT, *(number(name.capitalize()) for name in PLACEMENT_COUNTS)),
            [
                (variant, *(numbers["placement"][key] for key in PLACEMENT_COUNTS))
                for variant, numbers in variants.items()
            ],
            title="Jobs",
        )
    refused = [
        (variant, each["what"], each["name"], each["at_ns"], each["reason"])
        for variant, each in listed(summary, "refused")
    ]
    columns = (
        *(VARIANT, Column("What"), Column("Name"), number("At, s", seconds, page_only=True)),
        words("Why"),
    )
    yield Table(
        "What did not run, because there was no node for it",
        columns,
        refused,
        title="Not run, for lack of a node",
        short_rows=refused[:_SHOWN_AT_MOST],
        few=f"the first {_SHOWN_AT_MOST} of {len(refused)}" if len(refused) > _SHOWN_AT_MOST else "",
    )


def _faults(summary: Summary) -> Table:
    columns = (
        *(VARIANT, Column("Fault"), Column("What"), number("At, s", seconds)),
        number("Repaired at, s", lambda at_ns: "never" if at_ns is None else seconds(at_ns)),
    )
    found = [
        (variant, fault["fault"], fault["what"], fault["at_ns"], fault["repaired_at_ns"])
        for variant, fault in listed(summary, "faults")
    ]
    return Table("What broke", columns, found)


def _recoveries(summary: Summary) -> Table:
    headings = (
        *(("Detection", "detect"), ("Decision", "decide"), ("Transfer", "transfer"), ("Restart", "restart")),
        *(("First request", "first"), ("In all", "in all")),
    )
    columns = (
        *(VARIANT, Column("Job"), Column("On", page_only=True)),
        *(
            # Six of them share a line of a terminal, so they have fewer digits there.
            number(
                name,
                milliseconds,
                short=short,
                short_form=lambda value_ns: f"{value_ns / 1e6:.2f}",
                strong=name == "In all",
            )
            for name, short in headings
        ),
    )
    found: list[Row] = [
        (variant, each["job"], each["node"], *(each[key] for key in RECOVERY_PARTS), each["recovery_ns"])
        for variant, each in recovery_rows(summary)
    ]
    longest = sorted(found, key=lambda row: -row[-1])[:_SHOWN_AT_MOST]
    return Table(
        "From a fault until the first request or frame that a job serves again, in milliseconds",
        columns,
        found,
        title="From a fault until a job serves again, ms",
        short_rows=[row for row in found if row in longest],
        few=f"the {_SHOWN_AT_MOST} longest of {len(found)}" if len(found) > _SHOWN_AT_MOST else "",
        folded=folded(found, "recoveries"),
    )


def _gaps(summary: Summary) -> Table:
    columns = (
        *(VARIANT, Column("Session"), number("Gap, ms", milliseconds, strong=True)),
        number("Frames missed/due", short="missed/due"),
    )
    found = [
        (variant, each["session"], each["gap_ns"], f"{each['frames_missed']}/{each['frames_due']}")
        for variant, each in listed(summary, "gaps")
    ]
    return Table(
        "Time without a frame until another node took over, and the frames that fell into it",
        columns,
        found,
        title="Without a frame until another node took over",
    )


def _decisions(events: Sequence[RecordedEvent]) -> Table:
    columns = (
        *(VARIANT, number("At, s", seconds), Column("Job"), Column("Node"), Column("Backup")),
        *(words("Reason"), words("Scores")),
    )
    found = [
        (each.variant, each.at_ns, *decision)
        for each in events
        if (decision := decision_row(each.event)) is not None
    ]
    return Table("Where jobs were placed, and why", columns, found, folded=folded(found, "decisions"))


def decision_row(event: Event) -> tuple[str, str, str | None, str, str] | None:
    """Where a job runs: the job, its node or why it has none, its backup, the reason, and scores."""
    match event:
        case JobPlaced():
            return event.job, event.node, event.backup, event.reason or "-", scores(event.scores)
        case JobPromoted():
            return event.job, f"{event.node}, its backup", None, f"{event.failed} failed", "-"
        case JobRefused() | JobQueued() | JobEvicted():
            return event.job, _WITHOUT_NODE[type(event)], None, event.reason or "-", "-"
        case JobCancelled():
            return event.job, _WITHOUT_NODE[type(event)], None, "-", "-"
    return None


def scores(by_node: Mapping[str, float]) -> str:
    """The best nodes with their scores, and how many more there were."""
    found = sorted(by_node.items(), key=lambda pair: -pair[1])
    shown = found if len(found) <= SCORES_SHOWN + 1 else found[:SCORES_SHOWN]
    text = ", ".join(f"{node} {score:.2f}" for node, score in shown)
    more = len(found) - len(shown)
    return f"{text} and {more} more" if more else text or "-"
