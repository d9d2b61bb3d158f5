"""The tables of sessions and flows: delays, throughput, congestion, channels, expectations."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal, cast

from testbed.model.measure import Unit
from testbed.record.event import RecordedEvent
from testbed.record.events import ChannelExpired, ChannelPreempted, ChannelRefused
from testbed.report.channels import ChannelSummary, WaySummary
from testbed.report.congestion import congestion_tables
from testbed.report.expectations import show
from testbed.report.metrics import StreamMetrics
from testbed.report.streams import left_out, telling
from testbed.report.summary import Streams, Summary
from testbed.report.table import (
    VARIANT,
    Column,
    Look,
    PageSection,
    Row,
    Table,
    folded,
    megabits,
    milliseconds,
    number,
    seconds,
    shown_percent,
    verdict,
    words,
)
from testbed.units import RATE, SIZE

_SESSION = Column("Session")
_FLOWS_SIDE_BY_SIDE = 4
_ARROWS: dict[str, str] = {"downstream": "down", "upstream": "up"}


def _way(direction: str) -> str:
    return _ARROWS.get(direction, direction)


_DIRECTION = Column("Direction", short="way", short_form=_way)
_DELAY_TITLES = (
    ("One-way delay of the probes", ("probes",)),
    ("Delay of whole video frames", ("frames",)),
    ("Packets and commands of sessions, packets of measured flows", ("packets", "commands")),
    ("Messages of workloads", ("messages",)),
)
_ADMISSION: tuple[Literal["asked", "admitted", "refused", "preempted", "expired"], ...]
_ADMISSION = ("asked", "admitted", "refused", "preempted", "expired")
_LostChannel = ChannelRefused | ChannelPreempted | ChannelExpired
_LOST_CHANNELS: dict[type[_LostChannel], str] = {
    ChannelRefused: "refused",
    ChannelPreempted: "pre-empted",
    ChannelExpired: "expired",
}
"""The decisions by which a session is without the channel that it wants, and what becomes of it."""


def delay_section(summary: Summary) -> PageSection:
    """The delays of packets, frames and messages, the throughput of flows, and what held flows back."""
    return PageSection(
        "Delays",
        (
            *(_delays(summary, title, keys) for title, keys in _DELAY_TITLES),
            *_flows(summary),
            *congestion_tables(summary),
        ),
        note="Percentiles by nearest rank over everything that arrived; reordering as in RFC 4737.",
    )


def rows(summary: Summary, keys: tuple[str, ...]) -> Iterator[tuple[str, str, str, StreamMetrics]]:
    """Every stream of some measures as (variant, session, direction, numbers), in the summary's order."""
    for variant, numbers in summary["variants"].items():
        measures = cast("dict[str, Streams]", numbers)
        for key in keys:
            for session, directions in measures.get(key, {}).items():
                for direction, metrics in directions.items():
                    yield variant, session, direction, metrics


def _delays(summary: Summary, title: str, keys: tuple[str, ...]) -> Table:
    shown = telling(summary)
    columns = (
        *(VARIANT, _SESSION, _DIRECTION),
        number("p50", milliseconds, strong=True),
        number("p95", milliseconds),
        number("p99", milliseconds),
        number("p99.9", milliseconds, page_only=True),
        number("min", milliseconds, page_only=True),
        number("max", milliseconds),
        number("Lost/sent"),
        number("Reordered", short="reord."),
    )
    found: list[Row] = [
        (
            *(variant, session, direction),
            *(metrics["delay_ns"][name] for name in ("p50", "p95", "p99", "p999", "min", "max")),
            *(f"{metrics['lost']}/{metrics['sent']}", metrics["reordered"]),
        )
        for variant, session, direction, metrics in rows(summary, keys)
    ]
    return Table(
        f"{title}, in milliseconds",
        columns,
        found,
        title=f"{title}, ms",
        short_rows=[row for row in found if row[1] in shown],
        few=left_out(summary),
    )


def _size(size_bytes: int | None) -> str:
    return "-" if size_bytes is None else SIZE.format_down(size_bytes)


def _rate(rate_bps: int | None) -> str:
    return "-" if rate_bps is None else RATE.format_down(rate_bps)


def _flows(summary: Summary) -> Iterator[Table]:
    """A row for each flow on a page; on a terminal a column for each, as many side by side as fit."""
    found = [
        (variant, flow, each["throughput_bps"], each["received_bytes"], each["drained_bytes"])
        for variant, numbers in summary["variants"].items()
        for flow, each in numbers["flows"].items()
    ]
    columns = (
        *(VARIANT, Column("Flow")),
        number("Throughput", _rate, strong=True),
        *(number("Received", _size), number("After its end", _size)),
    )
    caption = (
        "Background flows: what arrived in their time, of TCP the payload, of UDP the IP packets, and what "
        "queues delivered after it"
    )
    yield Table(caption, columns, found)
    flows = list(dict.fromkeys(row[1] for row in found))
    rates = {row[:2]: row[2] for row in found}
    for first in range(0, len(flows), _FLOWS_SIDE_BY_SIDE):
        shown = flows[first : first + _FLOWS_SIDE_BY_SIDE]
        yield Table(
            "",
            (VARIANT, *(number(flow, _rate, short=flow, folds=True) for flow in shown)),
            [(variant, *(rates.get((variant, flow)) for flow in shown)) for variant in summary["variants"]],
            title="Throughput of background flows",
        )
    yield Table(
        "",
        (VARIANT, Column("Flow"), number("Delivered", _size)),
        [(row[0], row[1], row[4]) for row in found if row[4]],
        title="After a flow's end",
    )


def _channel_rows(summary: Summary) -> list[tuple[str, str, ChannelSummary, str, WaySummary]]:
    """Every channel as (variant, session, the whole, direction, that direction of it)."""
    return [
        (variant, session, channel, direction, cast("WaySummary", cast("Any", channel)[direction]))
        for variant, numbers in summary["variants"].items()
        for session, channel in numbers["channels"].items()
        for direction in ("downstream", "upstream")
    ]


def channel_section(summary: Summary, events: Sequence[RecordedEvent]) -> PageSection:
    """What channels had and used, how long packets waited in them, and who got none."""
    return PageSection(
        "Channels",
        (*_channels(summary), _admission(summary), _lost_channels(events)),
        note=(
            "Means are over the time in which the session sent and had its channel. Queueing is the longest "
            "delay of a packet sent meanwhile beyond the shortest that any had. The first packet in a "
            "channel is the first one sent after the network had it; growth counts from the decision, and "
            "the longest is shown."
        ),
        empty="No session asked for one.",
    )


def _channels(summary: Summary) -> Iterator[Table]:
    """Rates and times: two tables of a page, and one of a terminal with the most telling numbers of both."""
    names = (VARIANT, _SESSION, _DIRECTION)
    rate_columns = (
        number("Allocated", megabits, short="had"),
        number("Used", megabits),
        number("Unused", megabits, page_only=True),
        number("Unused, share", shown_percent, short="unused", strong=True),
        number("Resizes"),
    )
    time_columns = (
        number("Longest queueing", milliseconds, short="queued", strong=True),
        number("Request to open", milliseconds, page_only=True),
        number("Request to packet", milliseconds, short="opening"),
        number("Request to arrival", milliseconds, page_only=True),
        number("Growth to packet", milliseconds, page_only=True),
    )
    rates: list[Row] = []
    times: list[Row] = []
    short: list[Row] = []
    for variant, session, channel, direction, way in _channel_rows(summary):
        has_opened = way["max_rate_bps"] is not None
        rated = (
            *(way["allocated_mean_bps"], way["used_mean_bps"], way["unused_mean_bps"], way["unused_ppm"]),
            way["resizes"] if has_opened else None,
        )
        timed = (
            *(way["queueing_ns"], way["opened_after_ns"], way["opening_ns"]),
            *(way["arrival_after_ns"], way["growth_ns"]),
        )
        rates.append((variant, session, direction, channel["state"], *rated))
        if has_opened:
            times.append((variant, session, direction, *timed))
            short.append((variant, session, direction, *rated, *timed))
        elif direction == "downstream":
            short.append((variant, session, channel["state"], *[None] * 10))
    shown = telling(summary)
    yield Table(
        "",
        (*names, *rate_columns, *time_columns),
        short,
        title="Channels: mean rates in Mbit/s, times in ms",
        short_rows=[row for row in short if row[1] in shown],
        few=left_out(summary),
    )
    yield Table(
        "What each channel had and what was used of it: mean rates in Mbit/s",
        (*names, Column("At the end"), *rate_columns),
        rates,
        folded=folded(rates, "rows: rates of channels"),
    )
    yield Table(
        "How long packets waited in each channel that opened, and how fast it opened and grew, in "
        "milliseconds",
        (*names, *time_columns),
        times,
        folded=folded(times, "rows: times of channels"),
    )


def _admission(summary: Summary) -> Table:
    """Shown on a page where there are channels, on a terminal where more than one was asked for."""
    variants = summary["variants"]
    columns = (
        VARIANT,
        *(number(name.capitalize()) for name in _ADMISSION),
        number("Fairness down", shown_percent, short="fair down"),
        number("Fairness up", shown_percent, short="fair up"),
    )
    found = [
        (
            variant,
            *(numbers["admission"][name] for name in _ADMISSION),
            *numbers["admission"]["fairness_ppm"].values(),
        )
        for variant, numbers in variants.items()
    ]
    has_several = any(numbers["admission"]["asked"] > 1 for numbers in variants.values())
    title = "Requests for channels, and fairness (Jain's index) among those served"
    return Table(
        "Requests for channels, and how fairly those were served that had one (Jain's index over what each "
        "sent of what it wanted to send)"
        if any(numbers["channels"] for numbers in variants.values())
        else "",
        columns,
        found,
        title=title if has_several else "",
    )


def _lost_channels(events: Sequence[RecordedEvent]) -> Table:
    return Table(
        "Refused, pre-empted and expired channels, and why",
        (VARIANT, number("At, s", seconds), _SESSION, Column("What"), words("Reason")),
        [
            (each.variant, each.at_ns, lost.session, _LOST_CHANNELS[type(lost)], lost.reason)
            for each in events
            if isinstance(lost := each.event, _LostChannel)
        ],
    )


def verdict_section(summary: Summary) -> PageSection:
    """Whether what the scenario expects holds, and published figures beside those of the run."""
    return PageSection(
        "Expectations and published figures",
        (_verdicts(summary), _references(summary)),
        empty="The scenario states none.",
    )


def _verdicts(summary: Summary) -> Table:
    columns = (
        Column("Verdict", verdict, short="", look=Look.VERDICT),
        *(Column("Expected"), number("Measured")),
    )
    judged = [
        (each["holds"], each["text"], show(each["measured"], each["unit"]))
        for each in summary["expectations"]
    ]
    not_run = [(None, text, "not run") for text in summary["not_run"]]
    return Table("What the scenario expects", columns, [*judged, *not_run], title="Expectations")


def _references(summary: Summary) -> Table:
    in_ms = all(compared["unit"] == Unit.DELAY.unit for compared in summary["references"])
    title = "Published figures beside ours"
    short_form = _shown_in_ms if in_ms else _shown
    columns = (
        Column("Figure"),
        number("Published", _shown, short_form=short_form),
        number("Ours", _shown, short_form=short_form, strong=True),
        Column("Source"),
    )
    found = [
        (
            *(each["text"], (each["published"], each["unit"]), (each["measured"], each["unit"])),
            each["source"],
        )
        for each in summary["references"]
    ]
    return Table(f"{title}. They decide nothing.", columns, found, title=f"{title}, ms" if in_ms else title)


def _shown(figure: tuple[int | None, str]) -> str:
    return show(*figure)


def _shown_in_ms(figure: tuple[int | None, str]) -> str:
    return milliseconds(figure[0])
