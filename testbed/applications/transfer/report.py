"""What a report says and shows of transfers."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import plotly.graph_objects as go

from testbed.applications.application import Report
from testbed.applications.script import Script
from testbed.applications.transfer.model import Transfers
from testbed.applications.transfer.summary import PlaneSummary, transfers
from testbed.report.figures import Plot, alone, integers, panels, said, style
from testbed.report.marks import BANDS, mark_faults
from testbed.report.records import RunRecords, VariantRecords
from testbed.report.reduce import drawn_at_most, envelope
from testbed.report.stream_plots import stream_plots
from testbed.report.streams import by_name, stream_columns, stream_rows
from testbed.report.summary import Summary
from testbed.report.table import (
    VARIANT,
    Column,
    PageSection,
    Table,
    megabits,
    milliseconds,
    number,
    seconds,
    shown_percent,
)
from testbed.report.work_words import span
from testbed.units import DURATION, SIZE


class TransferReport(Report):
    """Of the key `transfers`."""

    streams: ClassVar = {"blocks": "block"}

    def conditions(self, script: Script) -> Iterator[tuple[str, str]]:
        """What was declared of each transfer."""
        for name, transfer in Transfers.of(script).transfers.items():
            yield (
                f"transfer {name}",
                f"{transfer.source} → {transfer.destination}, blocks of {SIZE.format(transfer.block_bytes)}, "
                f"{transfer.window_blocks} unacknowledged on a plane at most; a plane is given up after "
                f"{DURATION.format(transfer.timeout_ns)} of silence and tried every "
                f"{DURATION.format(transfer.retry_ns)}; {span(transfer.starts_at_ns, transfer.ends_at_ns)}",
            )

    def summarise(self, records: VariantRecords) -> Mapping[str, Any]:
        """Each transfer that has ended."""
        return {"transfers": transfers(records)}

    def sections(self, summary: Summary) -> Iterator[PageSection]:
        """The rates of transfers, what broke them, and the delays of their blocks."""
        yield _section(summary)

    def plots(self, run: RunRecords, summary: Summary) -> Iterator[tuple[str, list[Plot]]]:
        """What arrived of each transfer over time, and the delays of its blocks."""
        planes: dict[str, dict[str, Any]] = {}
        for variant, name, each in by_name(summary, "transfers"):
            planes.setdefault(name, {})[variant] = each["planes"]
        for name, plots in stream_plots(run, [("block", "block")]):
            yield f"Transfer {name}", [_throughput(run, planes.get(name, {}), name), *plots]


def _section(summary: Summary) -> PageSection:
    """The rates of transfers, what broke them, and the delays of their blocks."""
    columns = (
        *(VARIANT, Column("Transfer"), number("Whole", megabits, short="Mbit/s")),
        *(number("Before", megabits), number("While", megabits, short="broken")),
        *(number("After", megabits, page_only=True), number("Kept", shown_percent, strong=True)),
        number("Outage, ms", milliseconds, short="outage", strong=True),
        number("At, s", seconds, page_only=True),
        number("Stalled, ms", milliseconds, short="stalled", strong=True),
        number("Blocks sent again", short="again"),
    )
    transfers = by_name(summary, "transfers")
    found = [
        (
            *(variant, name, each["throughput_bps"], each["before_bps"], each["broken_bps"]),
            *(each["after_bps"], each["kept_ppm"], each["outage_ns"], each["outage_at_ns"]),
            *(each["stalled_ns"], each["blocks_sent_again"]),
        )
        for variant, name, each in transfers
    ]
    rates = Table(
        "Rates in Mbit/s over the whole transfer, and before, while and after a plane or a link of the "
        "fabric was broken",
        columns,
        found,
        title="Transfers: Mbit/s before and while the fabric is broken, times in ms",
    )
    planes = Table(
        "What outages and stalls came from: planes that were silent for so long that the sender gave them up",
        (VARIANT, Column("Transfer"), number("At, s", lambda at_ns: f"{at_ns / 1e9:.6f}"), Column("What")),
        [
            (variant, name, plane["at_ns"], plane_words(plane))
            for variant, name, each in transfers
            for plane in each["planes"]
        ],
    )
    blocks = Table(
        "Blocks, from first sent to arrived, in milliseconds",
        stream_columns("Transfer"),
        stream_rows(summary, TransferReport.streams),
    )
    return PageSection(
        "Transfers",
        (rates, planes, blocks),
        note=(
            "The outage is the longest time in which no block arrived at all. Stalled is the longest time in "
            "which the blocks without a gap did not grow: what it takes until the silence of a plane is "
            "noticed, and until what was sent there has come on the others."
        ),
    )


def _throughput(run: RunRecords, planes: Mapping[str, Sequence[PlaneSummary]], name: str) -> Plot:
    """What arrived over time; `planes` has what became of planes, by variant."""
    of_transfer = run.rates[run.rates["session"] == name]
    unit, size_bps = _unit(int(of_transfer["throughput_bps"].max()) if len(of_transfer) else 0)
    figure = panels(["Throughput"], unit, names=len(run.faults))
    at_most = drawn_at_most(len(run.faults))
    buckets: set[int] = set()
    for index, variant in enumerate(run.faults):
        rows = of_transfer[of_transfer["variant"] == variant]
        series = envelope(integers(rows["at_ns"]), integers(rows["throughput_bps"]), at_most)
        buckets |= {series.bucket_ns} if series.bucket_ns else set()
        looks = style(index)
        figure.add_trace(
            go.Scatter(
                x=series.at_ns / 1e9,
                y=series.value / size_bps,
                name=variant,
                legendgroup=variant,
                mode="lines",
                # A row stands for the time before it.
                line={"color": looks.colour, "dash": looks.dash, "width": 2, "shape": "vh"},
                hovertemplate=f"{variant}: %{{y:.4~g}} {unit} until %{{x:.3f}} s<extra></extra>",
            )
        )
        if marked := planes.get(variant):
            figure.add_trace(_plane_marks(marked, index, variant))
    bands = mark_faults(figure, run.faults, run.duration_ns)
    figure.update_xaxes(title_text="s of virtual time")
    caption = (
        f"What arrived of transfer {name} over time. Triangles on the zero line: planes given up (down) and "
        f"found alive again (up).{BANDS if bands else ''}{alone(len(run.faults))}{said(buckets)}"
    )
    return Plot(f"work-rate-{name}", caption, figure, can_be_logarithmic=True)


def _unit(highest_bps: int) -> tuple[str, int]:
    """The unit of an axis that reaches so high, and its size: no axis needs thousands of it."""
    return ("Gbit/s", 10**9) if highest_bps >= 10**10 else ("Mbit/s", 10**6)


def _plane_marks(planes: Sequence[PlaneSummary], index: int, variant: str) -> go.Scatter:
    return go.Scatter(
        x=[plane["at_ns"] / 1e9 for plane in planes],
        y=[0] * len(planes),
        name=f"{variant}: planes",
        showlegend=False,
        mode="markers",
        marker={
            "color": style(index).colour,
            "symbol": ["triangle-up" if plane["alive"] else "triangle-down" for plane in planes],
            "size": 12,
        },
        text=[plane_words(plane) for plane in planes],
        cliponaxis=False,
        hovertemplate=f"{variant}, %{{x:.3f}} s: %{{text}}<extra></extra>",
    )


def plane_words(plane: PlaneSummary) -> str:
    """What became of a plane: "plane 2 given up after 1.000 ms of silence, 64 blocks sent again"."""
    after = f"{plane['after_ns'] / 1e6:.3f} ms"
    if plane["alive"]:
        return f"plane {plane['plane']} alive again {after} after it was given up"
    return f"plane {plane['plane']} given up after {after} of silence, {plane['blocks']} blocks sent again"


PART = TransferReport()
