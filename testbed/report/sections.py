"""Every section with tables of a run, in the order of a page; a terminal prints the same tables."""

from collections.abc import Sequence

from testbed.applications.application import all_reports
from testbed.record.event import RecordedEvent
from testbed.report.job_tables import JOB_STREAMS, job_section
from testbed.report.run_tables import channel_section
from testbed.report.streams import stream_columns, stream_rows
from testbed.report.summary import Summary
from testbed.report.table import PageSection, Table

_STREAMS_AT_MOST = 12
"""Names in the table of all streams on a terminal; of more, those that waited longest."""


def sections(summary: Summary, events: Sequence[RecordedEvent] = ()) -> tuple[PageSection, ...]:
    """The sections of every kind; those of which a run has nothing have no rows.

    A terminal shows no single events, so it needs no `events`.
    """
    return (
        channel_section(summary, events),
        job_section(summary, events),
        PageSection("Work on nodes", (work_streams(summary),)),
        *(section for part in all_reports() for section in part.sections(summary)),
    )


def work_streams(summary: Summary) -> Table:
    """The streams of all kinds in one table of a terminal; of very many names those that waited longest."""
    of_kinds = {key: what for part in all_reports() for key, what in part.streams.items()}
    streams = {**of_kinds, **JOB_STREAMS}
    found = stream_rows(summary, streams)
    longest_ns: dict[str, int] = {}
    for row in found:
        longest_ns[row[1]] = max(longest_ns.get(row[1], 0), row[8] or 0)
    shown = sorted(longest_ns, key=lambda name: -longest_ns[name])[:_STREAMS_AT_MOST]
    return Table(
        "",
        stream_columns("Name"),
        found,
        title="Work on nodes, ms",
        short_rows=[row for row in found if row[1] in shown],
        few=f"the {len(shown)} longest of {len(longest_ns)}" if len(shown) < len(longest_ns) else "",
    )
