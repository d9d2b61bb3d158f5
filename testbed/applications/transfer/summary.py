"""Transfers as numbers: their rates before, during and after what breaks in the fabric, and their outages.

Everything is integer arithmetic, as in `testbed.report.metrics`. Shares are in millionths (ppm).
"""

from collections.abc import Iterable, Sequence
from typing import TypedDict

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from testbed.applications.transfer.events import TransferEnded, TransferPlaneChanged
from testbed.record.event import RecordedEvent
from testbed.report.records import VariantRecords

Integers = NDArray[np.int64]
Span = tuple[int, int]

MILLION = 1_000_000


class PlaneSummary(TypedDict):
    """One plane given up by a transfer after so long a silence, or found alive again so long after that.

    `blocks` were on their way there, and are sent again.
    """

    at_ns: int
    plane: int
    alive: bool
    after_ns: int
    blocks: int


class TransferSummary(TypedDict):
    """A transfer at its end, and its rates before, during and after what broke in the fabric.

    A rate is null where there is no such time. The outage began at `outage_at_ns`; `stalled_ns` is the
    longest time in which the blocks without a gap did not grow.
    """

    received_bytes: int
    throughput_bps: int
    blocks_sent_again: int
    before_bps: int | None
    broken_bps: int | None
    after_bps: int | None
    kept_ppm: int | None
    outage_ns: int | None
    outage_at_ns: int | None
    stalled_ns: int | None
    planes: list[PlaneSummary]


def transfers(records: VariantRecords) -> dict[str, TransferSummary]:
    """Every transfer that has ended."""
    events, packets, sampled = records.events, records.packets, records.rates
    broken = [
        (fault["at_ns"], _LATEST_NS if fault["repaired_at_ns"] is None else fault["repaired_at_ns"])
        for fault in records.faults
        if fault["in_fabric"]
    ]
    blocks = packets[packets["measure"] == "block"]
    found = {}
    for each in events:
        if isinstance(end := each.event, TransferEnded):
            name = end.transfer
            of_transfer = blocks[blocks["session"] == name]
            sampled_ns = sampled.loc[sampled["session"] == name, "at_ns"].max()
            lasted_to_ns = 0 if pd.isna(sampled_ns) else int(sampled_ns)
            found[name] = _transfer(end, _planes(events, name), _Arrived(of_transfer, lasted_to_ns), broken)
    return found


_LATEST_NS = 2**62


class _Arrived:
    """What arrived of a transfer, by instant of arrival, until its end."""

    def __init__(self, blocks: pd.DataFrame, lasted_to_ns: int) -> None:
        last_sent_ns = blocks["sent_at_ns"].max()
        self.ends_at_ns = max(lasted_to_ns, 0 if pd.isna(last_sent_ns) else int(last_sent_ns))
        arrived = blocks[blocks["received_at_ns"].notna()].sort_values("received_at_ns", kind="stable")
        at_ns: Integers = arrived["received_at_ns"].to_numpy(dtype=np.int64)
        self.at_ns = at_ns[at_ns <= self.ends_at_ns]
        self._whole_at_ns = _whole_at_ns(blocks)
        self._sums: Integers = np.cumsum(arrived["size_bytes"].to_numpy(dtype=np.int64))

    def rate_bps(self, spans: Sequence[Span]) -> int | None:
        """The rate over some spans of time, each without its first instant; None without any time."""
        inside = [self._within(span) for span in spans]
        lasted_ns = sum(end_ns - start_ns for start_ns, end_ns in inside if end_ns > start_ns)
        if lasted_ns == 0:
            return None
        came = sum(self._bytes_by(end_ns) - self._bytes_by(start_ns) for start_ns, end_ns in inside)
        return came * 8 * 10**9 // lasted_ns

    def outage(self) -> tuple[int | None, int | None]:
        """The longest time without an arrival, and when it began."""
        if len(self.at_ns) == 0:
            return None, None
        waits_ns = np.diff(self.at_ns, append=self.ends_at_ns)
        longest = int(waits_ns.argmax())
        return int(waits_ns[longest]), int(self.at_ns[longest])

    def stalled_ns(self) -> int | None:
        """The longest time in which the blocks without a gap did not grow; None if they never began to."""
        grown_at_ns = self._whole_at_ns[self._whole_at_ns <= self.ends_at_ns]
        return int(np.diff(grown_at_ns, append=self.ends_at_ns).max()) if len(grown_at_ns) else None

    def _within(self, span: Span) -> Span:
        """A span without what lies before the first arrival and after the end."""
        first_ns = int(self.at_ns[0]) if len(self.at_ns) else self.ends_at_ns
        start_ns = min(max(span[0], first_ns), self.ends_at_ns)
        return start_ns, max(start_ns, min(span[1], self.ends_at_ns))

    def _bytes_by(self, at_ns: int) -> int:
        count = int(np.searchsorted(self.at_ns, at_ns, side="right"))
        return int(self._sums[count - 1]) if count else 0


def _whole_at_ns(blocks: pd.DataFrame) -> Integers:
    """When the blocks from the first one on without a gap grew, in order."""
    received = blocks.sort_values("seq")["received_at_ns"]
    missing = np.flatnonzero(received.isna().to_numpy())
    without_gap = received.iloc[: int(missing[0])] if len(missing) else received
    at_ns: Integers = without_gap.to_numpy(dtype=np.int64)
    return np.unique(np.maximum.accumulate(at_ns)) if len(at_ns) else at_ns


def _transfer(
    end: TransferEnded, planes: list[PlaneSummary], arrived: _Arrived, broken: Sequence[Span]
) -> TransferSummary:
    whole = united(broken)
    before = arrived.rate_bps([(0, whole[0][0])]) if whole else None
    during = arrived.rate_bps(whole)
    after = arrived.rate_bps([(whole[-1][1], _LATEST_NS)]) if whole else None
    outage_ns, outage_at_ns = arrived.outage()
    return TransferSummary(
        received_bytes=end.received_bytes,
        throughput_bps=end.throughput_bps,
        blocks_sent_again=end.blocks_sent_again,
        before_bps=before,
        broken_bps=during,
        after_bps=after,
        kept_ppm=during * MILLION // before if during is not None and before else None,
        outage_ns=outage_ns,
        outage_at_ns=outage_at_ns,
        stalled_ns=arrived.stalled_ns(),
        planes=planes,
    )


def united(spans: Iterable[Span]) -> list[Span]:
    """Spans of time without overlaps, in order."""
    found: list[Span] = []
    for start_ns, end_ns in sorted(spans):
        if found and start_ns <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end_ns))
        else:
            found.append((start_ns, end_ns))
    return found


def _planes(events: Iterable[RecordedEvent], transfer: str) -> list[PlaneSummary]:
    return [
        PlaneSummary(
            at_ns=each.at_ns,
            plane=change.plane,
            alive=change.alive,
            after_ns=change.after_ns,
            blocks=change.blocks,
        )
        for each in events
        if isinstance(change := each.event, TransferPlaneChanged) and change.transfer == transfer
    ]
