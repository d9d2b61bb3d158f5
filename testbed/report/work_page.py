"""What the page shows of work on nodes and of failures, gathered for its templates."""

from typing import Any

from testbed.report.failures import RECOVERY_PARTS
from testbed.report.summary import Summary
from testbed.report.timeline import Event
from testbed.report.work_table import (
    EXPERT_STREAMS,
    JOB_STREAMS,
    PLACEMENT_COUNTS,
    SERVICE_STREAMS,
    TRANSFER_STREAMS,
    expert_rows,
    gap_rows,
    jobs_moved,
    recovery_rows,
    refusal_line,
    refusal_rows,
    service_rows,
    stream_rows,
    transfer_rows,
)

PLACEMENTS = ("job.place", "job.refuse", "job.queue", "job.promote", "job.evict", "job.cancel")
"""Decisions about where a job runs."""

SCORES_SHOWN = 5
"""Nodes of a decision that are shown with their scores: the best."""


def work_of(summary: Summary) -> dict[str, Any]:
    """Everything that `work.html` shows, by the names that it has there."""
    variants = summary["variants"]
    return {
        "services": service_rows(summary),
        "service_streams": list(stream_rows(summary, SERVICE_STREAMS)),
        "experts": expert_rows(summary),
        "expert_streams": list(stream_rows(summary, EXPERT_STREAMS)),
        "transfers": transfer_rows(summary),
        "transfer_streams": list(stream_rows(summary, TRANSFER_STREAMS)),
        "planes": [
            (variant, name, plane)
            for variant, name, transfer in transfer_rows(summary)
            for plane in transfer["planes"]
        ],
        "moved": any(jobs_moved(numbers) for numbers in variants.values()),
        "placements": [(variant, numbers["placement"]) for variant, numbers in variants.items()],
        "placement_counts": PLACEMENT_COUNTS,
        "refused": refusal_rows(summary),
        "refused_line": refusal_line(summary),
        "faults": [
            (variant, fault) for variant, numbers in variants.items() for fault in numbers.get("faults", [])
        ],
        "recoveries": recovery_rows(summary),
        "recovery_parts": RECOVERY_PARTS,
        "gaps": gap_rows(summary),
        "job_streams": list(stream_rows(summary, JOB_STREAMS)),
    }


def decision(event: Event) -> str:
    """Where a decision leaves a job: its node, or in a word why it has none."""
    words = {"job.refuse": "refused", "job.queue": "waits", "job.evict": "waits", "job.cancel": "cancelled"}
    if event["kind"] in words:
        return words[event["kind"]]
    return f"{event['node']}, its backup" if event["kind"] == "job.promote" else str(event["node"])


def reason(event: Event) -> str:
    """Why a decision about a job was taken."""
    if event.get("reason"):
        return str(event["reason"])
    return f"{event['failed']} failed" if "failed" in event else "-"


def scores(event: Event) -> str:
    """The best nodes with their scores, and how many more there were."""
    found = sorted((event.get("scores") or {}).items(), key=lambda pair: -pair[1])
    shown = found if len(found) <= SCORES_SHOWN + 1 else found[:SCORES_SHOWN]
    words = ", ".join(f"{node} {score:.2f}" for node, score in shown)
    more = len(found) - len(shown)
    return f"{words} and {more} more" if more else words or "-"
