"""What passes between the OLT and its T-CONTs each frame: reports up, the bandwidth map down.

Named tuples, because thousands are made in a virtual second.
"""

from typing import NamedTuple


class QueueReport(NamedTuple):
    """What the OLT learns of a T-CONT's queue.

    Taken at the T-CONT's first burst in upstream frame `frame`, before that burst's payload, or, for a
    T-CONT that was granted nothing there, at the start of the frame. `occupancy_bytes` counts the queue
    with headers and padding. `used_bytes` counts all that was sent so far, likewise, and may wrap at
    2**32; it is what traffic monitoring sees, which in turn does not look at the occupancy.
    """

    alloc_id: int
    frame: int
    occupancy_bytes: int
    used_bytes: int


class Allocation(NamedTuple):
    """What a T-CONT may send in one burst.

    `start_byte` and `end_byte` are the burst's coded part, as line bytes within the frame; of its data,
    `skip_bytes` come before this allocation's payload of `grant_bytes`: the burst's header, allocations
    before it, and its own report, if it has one. A `report` without a grant is a poll.
    """

    alloc_id: int
    start_byte: int
    skip_bytes: int
    grant_bytes: int
    end_byte: int
    report: bool


class Burst(NamedTuple):
    """What one ONU sends in one go; guard time, preamble and delimiter come before `start_byte`."""

    onu: int
    start_byte: int
    end_byte: int
    allocations: tuple[Allocation, ...]


class GrantMap(NamedTuple):
    """The bandwidth map (BWmap) of one upstream frame, its bursts in the order of their start.

    It holds as it stands until `next_frame`, the first frame that needs a decision of its own; None
    if only a change of the T-CONTs can bring one about.
    """

    frame: int
    bursts: tuple[Burst, ...]
    next_frame: int | None

    @property
    def repeats(self) -> bool:
        """Whether it holds for more than its own frame."""
        return self.next_frame != self.frame + 1

    def granted_bytes(self, alloc_id: int) -> int:
        """What a T-CONT may send in this frame."""
        return sum(
            allocation.grant_bytes
            for burst in self.bursts
            for allocation in burst.allocations
            if allocation.alloc_id == alloc_id
        )
