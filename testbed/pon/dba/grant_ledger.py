"""A state's numbers while a frame is being decided: mutable, and never seen outside `decide`."""

from collections.abc import Sequence

from testbed.pon.dba.dba_state import HISTORY_FRAMES, DbaState
from testbed.pon.dba.demand_estimate import hear
from testbed.pon.dba.grant_map import QueueReport


class GrantLedger:
    """The lists are by place in `arrangement.tconts`, as in the state."""

    def __init__(self, state: DbaState, frame: int) -> None:
        self.state = state
        self.frame = frame
        self.arrangement = state.arrangement
        framing = state.arrangement.framing
        self.framing = framing
        self.units = state.arrangement.units
        self.block_bytes = framing.block_bytes
        self.least_bytes = state.arrangement.least_bytes
        self.cut_bytes = state.arrangement.cut_bytes
        self.granted = list(state.granted)
        self.known = list(state.known)
        self.reported = list(state.reported)
        self.fixed_credit = list(state.fixed_credit)
        self.assured_credit = list(state.assured_credit)
        self.maximum_credit = list(state.maximum_credit)
        self.carried = list(state.carried)
        self.monitors = list(state.monitors)
        self.overdue: tuple[int, ...] = ()

    def hear(self, reports: Sequence[QueueReport]) -> None:
        """Take in what has become known, and what was announced for this frame."""
        hear(self.state, reports, self.frame, self.known, self.reported, self.monitors)
        for announcement in self.state.announcements:
            if self.state.frame < announcement.frame <= self.frame:
                index = self.arrangement.place_of[announcement.alloc_id]
                self.known[index] = max(self.known[index], self.granted[index]) + announcement.announced_bytes

    def expect(self) -> None:
        """Let watched T-CONTs want what they are thought to want."""
        for index, monitor in enumerate(self.monitors):
            if monitor is not None:
                self.known[index] = self.granted[index] + max(monitor.estimate_bytes, self.least_bytes)

    def earn(self) -> None:
        """Add the frame's credit to every T-CONT that may have more than fixed grants."""
        arrangement, elapsed = self.arrangement, self.frame - self.state.frame
        for credits, earned, most in (
            (self.assured_credit, arrangement.assured_units, arrangement.assured_most),
            (self.maximum_credit, arrangement.maximum_units, arrangement.maximum_most),
        ):
            for index, credit in enumerate(credits):
                now = credit + earned[index] * elapsed
                credits[index] = now if now < most[index] else most[index]

    def count(self, index: int, grant_bytes: int) -> None:
        """Enter by how much a grant is sure to shorten the queue.

        It may end within a frame. Then the rest of the frame needs a header of its own, or, where frames
        are not split, the whole frame goes later. It ends between frames only where it holds all that is
        known to wait; what it has beyond that may again end within a frame that nobody knows of yet.
        A grant of a header or less takes nothing. Of a T-CONT that is watched grants are counted, not needs.
        """
        if self.monitors[index] is not None:
            self.granted[index] += grant_bytes
            return
        need_bytes = self.known[index] - self.granted[index]
        if 0 < need_bytes <= grant_bytes:
            beyond_bytes = grant_bytes - need_bytes - self.cut_bytes
            self.granted[index] += need_bytes + (beyond_bytes if beyond_bytes > 0 else 0)
        elif grant_bytes > self.cut_bytes:
            self.granted[index] += grant_bytes - self.cut_bytes

    def closed(self) -> DbaState:
        """The state after this frame."""
        state, frame = self.state, self.frame
        history, first = (*state.history, state.granted)[-HISTORY_FRAMES:], frame
        if frame == state.frame + 1 or not history:
            first = frame + 1 - len(history)
        else:
            history = (state.granted,)
        announcements = state.announcements
        if announcements:
            announcements = tuple(each for each in announcements if each.frame > frame - HISTORY_FRAMES)
        return DbaState(
            arrangement=state.arrangement,
            frame=frame,
            granted=tuple(self.granted),
            known=tuple(self.known),
            reported=tuple(self.reported),
            fixed_credit=tuple(self.fixed_credit),
            assured_credit=tuple(self.assured_credit),
            maximum_credit=tuple(self.maximum_credit),
            carried=tuple(self.carried),
            monitors=tuple(self.monitors),
            history=history,
            history_frame=first,
            overdue=self.overdue,
            announcements=announcements,
        )
