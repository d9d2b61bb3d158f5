"""What the channels of a variant gave and took: capacity left unused, waiting, openings, and fairness.

Everything is integer arithmetic, as in `testbed.report.metrics`. Shares are in millionths (ppm).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from testbed.report.timeline import Channel

Integers = NDArray[np.int64]

DIRECTIONS = ("downstream", "upstream")
MILLION = 1_000_000
_RATES_EVERY_NS = 100_000_000
"""A row of the rates stands for the time since the one before, or, after a gap, for this long."""


class WaySummary(TypedDict):
    """One direction of a channel. Means are over the time in which the session sent and had the channel.

    `opened_after_ns`, `opening_ns` and `arrival_after_ns` count from the request: until the network had the
    channel, until the first packet was sent in it, and until that packet arrived. `growth_ns` is the longest
    time from a decision for a higher rate to the first packet sent at it. Null is what never came.
    """

    min_rate_bps: int | None
    max_rate_bps: int | None
    allocated_mean_bps: int | None
    used_mean_bps: int | None
    unused_mean_bps: int | None
    unused_ppm: int | None
    resizes: int
    queueing_ns: int | None
    opened_after_ns: int | None
    opening_ns: int | None
    arrival_after_ns: int | None
    growth_ns: int | None


class ChannelSummary(TypedDict):
    """One session's channel; `resizes` of both directions together."""

    state: str
    reason: str | None
    requested_at_ns: int
    resizes: int
    downstream: WaySummary
    upstream: WaySummary


class AdmissionSummary(TypedDict):
    """All channels of a variant: how many were asked for and what became of them.

    `fairness_ppm` is Jain's index, by direction, over what each session with a channel sent of what it
    wanted to send: a million if all had the same share, a million over their number if one had everything.
    """

    asked: int
    admitted: int
    refused: int
    preempted: int
    expired: int
    fairness_ppm: dict[str, int | None]


@dataclass(frozen=True, slots=True)
class _Sent:
    """What a session sent one way, by instant of sending: instants and delays, -1 for what never arrived."""

    at_ns: Integers
    delay_ns: Integers

    @classmethod
    def of(cls, packets: pd.DataFrame) -> "_Sent":
        """From rows of the samples."""
        rows = packets.sort_values("sent_at_ns", kind="stable")
        delay_ns = rows["delay_ns"].fillna(-1).to_numpy(dtype=np.int64)
        return cls(rows["sent_at_ns"].to_numpy(dtype=np.int64), delay_ns)

    def first_from(self, at_ns: int) -> tuple[int, int | None] | None:
        """When the first packet from an instant on was sent, and when it arrived."""
        index = int(np.searchsorted(self.at_ns, at_ns))
        if index == len(self.at_ns):
            return None
        sent_at_ns, delay_ns = int(self.at_ns[index]), int(self.delay_ns[index])
        return sent_at_ns, sent_at_ns + delay_ns if delay_ns >= 0 else None

    def queueing_ns(self, from_ns: int, to_ns: int) -> int | None:
        """The longest delay of what was sent between two instants, beyond the shortest that anything had."""
        arrived = self.delay_ns >= 0
        inside = self.delay_ns[arrived & (self.at_ns >= from_ns) & (self.at_ns < to_ns)]
        return int(inside.max() - self.delay_ns[arrived].min()) if len(inside) else None


def summarise_channels(
    found: Mapping[str, Channel], packets: pd.DataFrame, sampled: pd.DataFrame
) -> dict[str, ChannelSummary]:
    """Every channel by session, from its events, the session's packets and the rates of one variant."""
    by_stream = dict(iter(_packets_only(packets).groupby(["session", "direction"], observed=True)))
    by_rate = dict(iter(sampled.groupby(["session", "direction"], observed=True)))
    summaries = {}
    for session, channel in found.items():
        ways = [
            _way(
                channel,
                direction,
                _Sent.of(by_stream.get((session, direction), packets.iloc[:0])),
                by_rate.get((session, direction), sampled.iloc[:0]),
            )
            for direction in DIRECTIONS
        ]
        summaries[session] = ChannelSummary(
            state=channel.state,
            reason=channel.reason,
            requested_at_ns=channel.requested_at_ns,
            resizes=sum(way["resizes"] for way in ways),
            downstream=ways[0],
            upstream=ways[1],
        )
    return summaries


def summarise_admission(found: Mapping[str, Channel], sampled: pd.DataFrame) -> AdmissionSummary:
    """All channels of one variant together."""
    states = [channel.state for channel in found.values()]
    served = sampled[sampled["rate_bps"].notna() & sampled["demand_bps"].notna()]
    return AdmissionSummary(
        asked=len(states),
        admitted=len(states) - states.count("refused"),
        refused=states.count("refused"),
        preempted=states.count("preempted"),
        expired=states.count("expired"),
        fairness_ppm={
            direction: fairness_ppm(_shares_ppm(served[served["direction"] == direction]))
            for direction in DIRECTIONS
        },
    )


def fairness_ppm(shares: Sequence[int]) -> int | None:
    """Jain's index of fairness over shares in any one unit, in millionths.

    R. Jain, D. Chiu and W. Hawe, DEC-TR-301 (1984). None without shares, or if all of them are zero.
    """
    squares = sum(share * share for share in shares)
    return sum(shares) ** 2 * MILLION // (len(shares) * squares) if squares else None


def _shares_ppm(rows: pd.DataFrame) -> list[int]:
    """Of each session, what its class sent of what it wanted to send."""
    sums = rows.groupby("session", observed=True)[["throughput_bps", "demand_bps"]].sum()
    return [int(sent) * MILLION // int(wanted) for sent, wanted in sums.itertuples(index=False) if wanted]


def _packets_only(packets: pd.DataFrame) -> pd.DataFrame:
    """The packets without the rows for whole frames, whose delay is that of several packets."""
    return packets[packets["measure"] != "frame"]


def _way(channel: Channel, direction: str, sent: _Sent, sampled: pd.DataFrame) -> WaySummary:
    had_bps = channel.rates_bps(direction)
    opened_at_ns, asked_at_ns = channel.opened_at_ns(direction), channel.requested_at_ns
    first = None if opened_at_ns is None else sent.first_from(opened_at_ns)
    allocated_bps, used_bps = _means_bps(channel, direction, sent, sampled)
    unused_bps = None if allocated_bps is None or used_bps is None else max(0, allocated_bps - used_bps)
    return WaySummary(
        min_rate_bps=min(had_bps, default=None),
        max_rate_bps=max(had_bps, default=None),
        allocated_mean_bps=allocated_bps,
        used_mean_bps=used_bps,
        unused_mean_bps=unused_bps,
        unused_ppm=unused_bps * MILLION // allocated_bps
        if unused_bps is not None and allocated_bps
        else None,
        resizes=max(0, len(had_bps) - 1),
        queueing_ns=None if opened_at_ns is None else sent.queueing_ns(opened_at_ns, channel.ended_at_ns),
        opened_after_ns=None if opened_at_ns is None else opened_at_ns - asked_at_ns,
        opening_ns=None if first is None else first[0] - asked_at_ns,
        arrival_after_ns=None if first is None or first[1] is None else first[1] - asked_at_ns,
        growth_ns=_growth_ns(channel, direction, sent),
    )


def _means_bps(
    channel: Channel, direction: str, sent: _Sent, sampled: pd.DataFrame
) -> tuple[int | None, int | None]:
    """What the channel had and what was used of it, over the rates' rows from first to last packet."""
    rows = sampled[sampled["rate_bps"].notna()].sort_values("at_ns")
    if len(sent.at_ns) == 0 or len(rows) == 0:
        return None, None
    to_ns = rows["at_ns"].to_numpy(dtype=np.int64)
    from_ns = np.maximum(to_ns - _RATES_EVERY_NS, np.concatenate([[-(2**62)], to_ns[:-1]]))
    inside = (to_ns > sent.at_ns[0]) & (from_ns < sent.at_ns[-1])
    to_ns, from_ns = to_ns[inside], from_ns[inside]
    lasted_ns = int((to_ns - from_ns).sum())
    if lasted_ns == 0:
        return None, None
    used_bps = rows["throughput_bps"].to_numpy(dtype=np.int64)[inside]
    used = sum(int(bps) * int(span_ns) for bps, span_ns in zip(used_bps, to_ns - from_ns, strict=True))
    had = sum(
        channel.bits(direction, int(start_ns), int(end_ns))
        for start_ns, end_ns in zip(from_ns, to_ns, strict=True)
    )
    return _rounded(had, lasted_ns), _rounded(used, lasted_ns)


def _growth_ns(channel: Channel, direction: str, sent: _Sent) -> int | None:
    """The longest time from a decision to grow to the first packet sent at the new rate."""
    firsts = (
        (decided_at_ns, sent.first_from(done_at_ns))
        for decided_at_ns, done_at_ns in channel.growths.get(direction, [])
    )
    return max((first[0] - decided_at_ns for decided_at_ns, first in firsts if first), default=None)


def _rounded(dividend: int, divisor: int) -> int:
    return (2 * dividend + divisor) // (2 * divisor)
