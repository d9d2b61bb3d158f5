"""Bursts on the line: how much data is sure to fit what is free of a frame, and where each burst goes."""

from collections.abc import Mapping, Sequence

from testbed.errors import InvariantError
from testbed.pon.dba.grant_map import Allocation, Burst
from testbed.pon.dba.quiet import QuietSpan
from testbed.pon.framing import Framing, least_grant_bytes, line_bytes

Item = tuple[int, int, bool]
"""What one T-CONT is to have of its ONU's burst: its Alloc-ID, a grant in bytes, and whether to report."""

Wanted = tuple[int, list[Item]]
"""An ONU and the items of its burst."""


def least_part_bytes(framing: Framing) -> int:
    """The smallest part that a grant is split into where a burst meets the end of a free stretch."""
    return least_grant_bytes(framing) if not framing.fragmentable else 2 * framing.header_bytes


def _abandoned_bytes(framing: Framing) -> int:
    """The most line bytes that may stay unused before the end of a free stretch."""
    framed_bytes = framing.burst_header_bytes + framing.burst_trailer_bytes + framing.poll_bytes
    framed_bytes += framing.block_bytes - 1
    return framing.burst_overhead_bytes + line_bytes(framing, framed_bytes + 2 * least_part_bytes(framing))


def worth_using(framing: Framing, free: Sequence[QuietSpan]) -> list[QuietSpan]:
    """The free stretches that are long enough for a burst."""
    abandoned = _abandoned_bytes(framing)
    return [span for span in free if span.end_byte - span.start_byte > abandoned]


def capacity_bytes(framing: Framing, free: Sequence[QuietSpan], bursts: int, reports: int) -> int:
    """Payload that is sure to fit these stretches however it is divided; negative if not even reports do.

    Each report is counted with all of its blocks, of which a grant for the same T-CONT may use the rest.
    Each burst is counted with a whole codeword's parity for its last, shortened one. Each stretch but
    the last may end in the middle of a burst, which then goes on as one more, or leave a little unused.
    """
    if not free:
        return -1
    splits = len(free) - 1
    line = sum([span.end_byte - span.start_byte for span in free])
    line -= (bursts + splits) * (framing.burst_overhead_bytes + framing.parity_bytes)
    if splits:
        line -= splits * _abandoned_bytes(framing)
    headers = (bursts + splits) * (framing.burst_header_bytes + framing.burst_trailer_bytes)
    return line * framing.data_bytes // framing.codeword_bytes - headers - reports * framing.poll_bytes


def coded_bytes(framing: Framing, free: Sequence[QuietSpan], bursts: int) -> int:
    """Line bytes for the coded parts of bursts, of which each stretch but the last may cut one in two.

    The second part has a header of its own, and at most two codewords more are only just begun.
    """
    splits = len(free) - 1
    line = sum([span.end_byte - span.start_byte for span in free])
    line -= (bursts + splits) * framing.burst_overhead_bytes
    if splits:
        around = framing.burst_header_bytes + framing.burst_trailer_bytes
        line -= splits * (around + 2 * framing.parity_bytes + _abandoned_bytes(framing))
    return line


class LayoutLine:
    """The free stretches of a frame while they are filled, in order; never leaves this module."""

    def __init__(self, framing: Framing, free: Sequence[QuietSpan]) -> None:
        self.framing = framing
        self.overhead = framing.burst_overhead_bytes
        self.around = framing.burst_header_bytes + framing.burst_trailer_bytes
        self.report = framing.report_bytes
        self.poll = framing.poll_bytes
        self.coded = framing.data_bytes
        self.parity = framing.codeword_bytes - framing.data_bytes
        self.least = least_part_bytes(framing)
        self.rest = list(reversed(free))
        self.cursor, self.end = self.rest.pop() if self.rest else (0, 0)
        self.bursts: list[Burst] = []

    def length(self, items: Sequence[Item]) -> int:
        """Line bytes of a burst without its guard time."""
        data = self.around
        for _, grant, report in items:
            if report:
                data += grant + self.report if grant else self.poll
            else:
                data += grant
        return data + -(-data // self.coded) * self.parity

    def put(self, onu: int, items: list[Item]) -> None:
        """Add an ONU's burst; what does not fit the present stretch goes to the next ones."""
        while items:
            start = self.cursor + self.overhead
            end = start + self.length(items)
            if end <= self.end:
                self._add(onu, start, end, items)
                return
            first, items = self._split(items, self.end - start)
            if first:
                self._add(onu, start, start + self.length(first), first)
            self.step()

    def step(self) -> None:
        """Go on to the next stretch."""
        if not self.rest:
            raise InvariantError("a burst does not fit the frame although its capacity was counted")
        self.cursor, self.end = self.rest.pop()

    def _add(self, onu: int, start: int, end: int, items: Sequence[Item]) -> None:
        self.bursts.append(burst_of(self.framing, onu, start, end, items))
        self.cursor = end

    def _split(self, items: list[Item], line: int) -> tuple[list[Item], list[Item]]:
        """The part of a burst that fits a stretch of line, and the rest."""
        codewords, over = divmod(max(line, 0), self.framing.codeword_bytes)
        room = codewords * self.coded + max(over - self.parity, 0) - self.around
        first: list[Item] = []
        for number, item in enumerate(items):
            alloc_id, grant, report = item
            own = (self.report if grant else self.poll) if report else 0
            room -= own
            if grant > room or room < 0:
                block = self.framing.block_bytes
                part = (min(room, grant - self.least) + own) // block * block - own
                if part < self.least:
                    return first, items[number:]
                first.append((alloc_id, part, report))
                return first, [(alloc_id, grant - part, False), *items[number + 1 :]]
            first.append(item)
            room -= grant
        return first, []


def burst_of(framing: Framing, onu: int, start: int, end: int, items: Sequence[Item]) -> Burst:
    """A burst with its allocations one behind the other."""
    skip, report_bytes = framing.burst_header_bytes, framing.report_bytes
    allocations = []
    for alloc_id, grant, report in items:
        if report:
            skip += report_bytes
        allocations.append(Allocation(alloc_id, start, skip, grant, end, report))
        skip += grant if grant else framing.poll_bytes - report_bytes
    return Burst(onu, start, end, tuple(allocations))


def place(
    framing: Framing,
    free: Sequence[QuietSpan],
    wanted: Sequence[Wanted],
    not_before: Mapping[int, int],
    spare_bytes: int,
) -> list[Burst]:
    """Lay out bursts in the order given; `not_before` holds ONUs back to a line byte.

    Those held back go where the others let them: behind the first burst that ends late enough, or, when
    nothing else is left to place, after a pause, as long as pauses do not exceed `spare_bytes` in all.
    """
    line = LayoutLine(framing, free)
    if not not_before:
        for onu, items in wanted:
            line.put(onu, items)
        return line.bursts
    held = sorted((at_byte, onu) for onu, at_byte in not_before.items())
    by_onu = dict(wanted)
    for onu, items in wanted:
        if onu in not_before:
            continue
        # Never early: a burst before its bytes are there would carry nothing.
        while held and held[0][0] <= line.cursor + framing.burst_overhead_bytes:
            _, first = held.pop(0)
            line.put(first, by_onu[first])
        line.put(onu, items)
    for at_byte, onu in held:
        spare_bytes = _pause(line, at_byte - framing.burst_overhead_bytes, spare_bytes)
        line.put(onu, by_onu[onu])
    return line.bursts


def _pause(line: LayoutLine, until_byte: int, spare_bytes: int) -> int:
    """Let the line idle until a byte, or for as long as may be; what may still be wasted."""
    while line.cursor < until_byte:
        pause = min(until_byte, line.end) - line.cursor
        if pause > spare_bytes:
            line.cursor += max(spare_bytes, 0)
            return 0
        spare_bytes -= pause
        line.cursor += pause
        if line.cursor < until_byte:
            if not line.rest:
                return spare_bytes
            line.step()
    return spare_bytes
