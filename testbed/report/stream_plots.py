"""The plots of streams of messages that any kind of application has: delays over time, and distributions."""

from collections.abc import Iterator, Sequence

import pandas as pd

from testbed.report.figures import Plot, alone, integers, panels, said
from testbed.report.marks import BANDS, mark_faults
from testbed.report.records import RunRecords
from testbed.report.reduce import drawn_at_most, envelope
from testbed.report.traces import delay_line, loss_marks, share_line

DRAWN_AT_MOST = 12
"""Of each kind of application, the names that are drawn: the first of the run."""

Titles = Sequence[tuple[str, str]]
"""Measures that are drawn below one another, each with its title."""


def stream_plots(run: RunRecords, measures: Titles) -> Iterator[tuple[str, list[Plot]]]:
    """The first names that have any of these measures, each with its plots."""
    for name, present in _named(run.packets, measures):
        yield name, [_over_time(run, name, present), _distribution(run, name, present)]


def _named(packets: pd.DataFrame, measures: Titles) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """The first names with any of these measures, each with those that something arrived of."""
    arrived = packets[
        packets["received_at_ns"].notna() & packets["measure"].isin([key for key, _ in measures])
    ]
    for name in [str(name) for name in arrived["session"].unique()][:DRAWN_AT_MOST]:
        of_name = set(arrived.loc[arrived["session"] == name, "measure"].unique())
        yield name, [(measure, title) for measure, title in measures if measure in of_name]


def _over_time(run: RunRecords, name: str, measures: Titles) -> Plot:
    figure = panels([title.capitalize() for _, title in measures], "ms", names=len(run.faults))
    at_most = drawn_at_most(len(run.faults))
    buckets: set[int] = set()
    for row, (measure, _) in enumerate(measures, start=1):
        for index, variant in enumerate(run.faults):
            sent = run.stream(variant, name, measure)
            arrived = sent[sent["delay_ns"].notna()].sort_values("sent_at_ns", kind="stable")
            series = envelope(integers(arrived["sent_at_ns"]), integers(arrived["delay_ns"]), at_most)
            buckets |= {series.bucket_ns} if series.bucket_ns else set()
            figure.add_trace(delay_line(series.at_ns, series.value / 1e6, index, variant, row == 1), row, 1)
            lost_at_ns = integers(sent.loc[sent["delay_ns"].isna(), "sent_at_ns"])
            if len(lost_at_ns):
                figure.add_trace(loss_marks(lost_at_ns, at_most // 4, index, variant), row, 1)
    bands = mark_faults(figure, run.faults, run.duration_ns)
    figure.update_xaxes(title_text="begun at, s of virtual time", row=len(measures))
    caption = (
        f"{_both(measures)} of {name} over time. Crosses on the zero line: what never came."
        f"{BANDS if bands else ''}{alone(len(run.faults))}{said(buckets)}"
    )
    return Plot(f"work-{name}", caption, figure, can_be_logarithmic=True)


def _distribution(run: RunRecords, name: str, measures: Titles) -> Plot:
    titles = [title.capitalize() for _, title in measures]
    figure = panels(titles, "share of all", names=len(run.faults), shared=False)
    for row, (measure, _) in enumerate(measures, start=1):
        for index, variant in enumerate(run.faults):
            sent = run.stream(variant, name, measure)
            figure.add_trace(share_line(sent, index, variant, row == 1), row, 1)
    figure.update_yaxes(range=[0, 1.02], tickformat=".0%")
    figure.update_xaxes(rangemode="tozero")
    figure.update_xaxes(title_text="ms", row=len(measures))
    caption = (
        f"Distribution of the {_both(measures).lower()} of {name}: the share that took at most so long. "
        f"A curve that ends below 100 % lost the rest.{alone(len(run.faults))}"
    )
    return Plot(f"work-cdf-{name}", caption, figure)


def _both(measures: Titles) -> str:
    *before, last = (title for _, title in measures)
    return f"{', '.join(before)} and {last}".capitalize() if before else last.capitalize()
