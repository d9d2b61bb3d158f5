"""A T-CONT's queue, packet by packet, as `sch_pon` keeps it: encapsulation, padding, fragments, reports.

Time is counted in line bytes since the start of upstream frame 0, so that an instant is a place on the line.
"""

from collections import deque

from testbed.pon.framing import Framing


class Queue:
    """Packets wait in order; a grant takes whole ones, and of the next one what a fragment holds."""

    def __init__(self, framing: Framing) -> None:
        self.framing = framing
        self.waiting: deque[tuple[int, int]] = deque()
        """Arrival, and length with the FCS; of the first one what is left of it."""
        self.framed_bytes = 0
        self.used_bytes = 0
        self.delivered = 0

    def framed(self, length_bytes: int) -> int:
        """A packet or fragment with its header and padding."""
        unit = self.framing.unit_bytes
        return self.framing.header_bytes + -(-length_bytes // unit) * unit

    def add(self, at: int, length_bytes: int) -> None:
        """Have a packet arrive; those that arrive earlier are added earlier."""
        self.waiting.append((at, length_bytes))

    def reported(self, at: int) -> int:
        """What a report at an instant says: all that has arrived by then, encapsulated."""
        return sum(self.framed(length) for arrived, length in self.waiting if arrived <= at)

    def serve(self, frame: int, start: int, skip: int, grant: int) -> int:
        """Send into an allocation of a frame; how many packets have gone out whole."""
        framing, used, gone = self.framing, 0, 0
        begin = frame * framing.frame_bytes
        while self.waiting:
            arrived, length = self.waiting[0]
            used = max(used, self._passed(arrived - begin, start, skip))
            if used >= grant or arrived >= begin + framing.frame_bytes:
                break
            need, room = self.framed(length), grant - used
            if need <= room:
                used += need
                self.used_bytes += need
                self.waiting.popleft()
                gone += 1
                continue
            if framing.fragmentable and room > framing.header_bytes:
                unit = framing.unit_bytes
                part = (room - framing.header_bytes) // unit * unit
                if part:
                    self.waiting[0] = arrived, length - part
                    self.used_bytes += part + framing.header_bytes
            break
        self.delivered += gone
        return gone

    def _passed(self, at: int, start: int, skip: int) -> int:
        """How much of an allocation's payload has passed at a line byte of its frame, in whole units."""
        framing = self.framing
        if at <= start:
            return 0
        codewords, within = divmod(at - start, framing.codeword_bytes)
        data = codewords * framing.data_bytes + min(within, framing.data_bytes) - skip
        return -(-data // framing.unit_bytes) * framing.unit_bytes if data > 0 else 0
