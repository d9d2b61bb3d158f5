"""What an OLT remembers from frame to frame, and how T-CONTs come, change and go."""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from testbed.model.pon import Reporting
from testbed.pon.dba.arrangement import Arrangement, arrange
from testbed.pon.dba.quiet import QuietWindow
from testbed.pon.framing import line_bytes
from testbed.pon.standard import PonStandard
from testbed.pon.tcont import TCont

HISTORY_FRAMES = 64
"""How far back grants are remembered, to tell which of them a report does not know of: 8 ms."""

T = TypeVar("T")


class DemandAnnouncement(NamedTuple):
    """What an application's system said would be ready in a frame, at a line byte if that is known."""

    frame: int
    alloc_id: int
    announced_bytes: int
    at_byte: int


class TrafficMonitor(NamedTuple):
    """What watching a T-CONT has told: see `testbed.pon.dba.demand_estimate`.

    `estimate_bytes` is what it is thought to want per frame. The others are of the report before: its
    frame, what had been used and granted then; and the frame in which the estimate last grew.
    """

    estimate_bytes: int
    frame: int = -1
    used_bytes: int = 0
    granted_bytes: int = 0
    grown_frame: int = -1


class DbaState(NamedTuple):
    """All that the next decision depends on, by place in `arrangement.tconts`; treat it as opaque.

    `granted` counts what all grants are sure to have taken from the queue (see `Ledger.count`), and `known`
    what of demand is known, on the same scale: their difference is still to be granted. `reported` is the
    frame of each T-CONT's newest report. `history[0]` is `granted` as it was before frame `history_frame`.
    Credits are in `Framing.credit_units`; `carried` is the part of a surplus that did not fit whole blocks,
    negative if rounding gave more. `overdue` are the places of T-CONTs whose report did not fit a frame.
    `announcements` are those in the future, and those younger than the reports.
    """

    arrangement: Arrangement
    frame: int
    granted: tuple[int, ...]
    known: tuple[int, ...]
    reported: tuple[int, ...]
    fixed_credit: tuple[int, ...]
    assured_credit: tuple[int, ...]
    maximum_credit: tuple[int, ...]
    carried: tuple[int, ...]
    monitors: tuple[TrafficMonitor | None, ...]
    history: tuple[tuple[int, ...], ...]
    history_frame: int
    overdue: tuple[int, ...]
    announcements: tuple[DemandAnnouncement, ...]

    @property
    def tconts(self) -> tuple[TCont, ...]:
        """The T-CONTs that are served."""
        return self.arrangement.tconts


def start(
    standard: PonStandard,
    tconts: Sequence[TCont],
    *,
    quiet: Sequence[QuietWindow] = (),
    report_every_frames: int = 1,
    frame: int = 0,
) -> DbaState:
    """An OLT before its first decision, which may be for `frame` or any later one.

    Raises:
        ValueError: The T-CONTs do not fit; the message says what would.
    """
    arrangement = arrange(standard, tconts, quiet, report_every_frames)
    none = (0,) * len(tconts)
    return DbaState(
        arrangement=arrangement,
        frame=frame - 1,
        granted=none,
        known=none,
        reported=(-1,) * len(tconts),
        fixed_credit=none,
        assured_credit=none,
        maximum_credit=none,
        carried=none,
        monitors=tuple(_monitor(tcont) for tcont in tconts),
        history=(none,),
        history_frame=frame,
        overdue=(),
        announcements=(),
    )


def with_tcont(state: DbaState, tcont: TCont) -> DbaState:
    """Add a T-CONT, or change the one that has its Alloc-ID; the others keep credits and outstanding grants.

    Fixed grants of others may move within the frame if a fixed rate changes.

    Raises:
        ValueError: It does not fit; the message says what would.
    """
    others = [tcont if each.alloc_id == tcont.alloc_id else each for each in state.tconts]
    return _rearranged(state, others if tcont in others else [*others, tcont])


def without_tcont(state: DbaState, alloc_id: int) -> DbaState:
    """Remove a T-CONT; the others keep credits and outstanding grants.

    Raises:
        ValueError: There is none with this Alloc-ID.
    """
    _check_known(state, alloc_id)
    return _rearranged(state, [each for each in state.tconts if each.alloc_id != alloc_id])


def announce(state: DbaState, alloc_id: int, at_ns: int, announced_bytes: int) -> DbaState:
    """Have bytes granted that will be ready at an instant, with no report to ask for them (CO-DBA).

    `at_ns` counts from the start of upstream frame 0, at the OLT; `announced_bytes` with headers and
    padding. The grant comes in the frame of that instant, from there on if other bursts allow, within
    what the T-CONT's rates let it have. If the frame has been decided already, or what is left of it is
    too short, it comes in the next one.

    Raises:
        ValueError: There is no such T-CONT, or it is not cooperative.
    """
    _check_known(state, alloc_id)
    framing = state.arrangement.framing
    tcont = state.tconts[state.arrangement.place_of[alloc_id]]
    if tcont.reporting is not Reporting.COOPERATIVE:
        raise ValueError(
            f"T-CONT {alloc_id} has reporting {tcont.reporting}; "
            f"only with {Reporting.COOPERATIVE} can demand be announced"
        )
    frame, within_ns = divmod(at_ns, framing.frame_ns)
    at_byte = -(-within_ns * framing.frame_bytes // framing.frame_ns)
    around_bytes = framing.burst_header_bytes + framing.report_bytes + framing.burst_trailer_bytes
    if at_byte + line_bytes(framing, around_bytes + announced_bytes) > framing.frame_bytes:
        # What is left of this frame is too short for it.
        frame, at_byte = frame + 1, 0
    if frame <= state.frame:
        frame, at_byte = state.frame + 1, 0
    announcement = DemandAnnouncement(frame, alloc_id, announced_bytes, at_byte)
    return state._replace(announcements=tuple(sorted([*state.announcements, announcement])))


def _check_known(state: DbaState, alloc_id: int) -> None:
    if alloc_id not in state.arrangement.place_of:
        known = ", ".join(str(tcont.alloc_id) for tcont in state.tconts) or "none"
        raise ValueError(f"no T-CONT has Alloc-ID {alloc_id}; known: {known}")


def _monitor(tcont: TCont) -> TrafficMonitor | None:
    return TrafficMonitor(0) if tcont.reporting is Reporting.TRAFFIC_MONITORING else None


def _rearranged(state: DbaState, tconts: Sequence[TCont]) -> DbaState:
    """The state for other T-CONTs, with what is remembered of those that stay."""
    old = state.arrangement
    arrangement = arrange(old.framing.standard, tconts, old.quiet, old.report_every_frames)
    places = [old.place_of.get(tcont.alloc_id) for tcont in tconts]

    def kept(values: Sequence[T], otherwise: T) -> tuple[T, ...]:
        return tuple(otherwise if place is None else values[place] for place in places)

    # Fixed credit counts in parts of a grant, so it means nothing once the number of grants has changed.
    fixed = tuple(
        0 if place is None or old.tconts[place].grants_per_frame != tcont.grants_per_frame else credit
        for place, tcont, credit in zip(places, tconts, kept(state.fixed_credit, 0), strict=True)
    )
    monitors = tuple(
        (monitor or TrafficMonitor(0)) if tcont.reporting is Reporting.TRAFFIC_MONITORING else None
        for tcont, monitor in zip(tconts, kept(state.monitors, None), strict=True)
    )
    return state._replace(
        arrangement=arrangement,
        granted=kept(state.granted, 0),
        known=kept(state.known, 0),
        reported=kept(state.reported, -1),
        fixed_credit=fixed,
        assured_credit=kept(state.assured_credit, 0),
        maximum_credit=kept(state.maximum_credit, 0),
        carried=kept(state.carried, 0),
        monitors=monitors,
        history=tuple(kept(granted, 0) for granted in state.history),
        overdue=tuple(number for number, place in enumerate(places) if place in state.overdue),
        announcements=tuple(each for each in state.announcements if each.alloc_id in arrangement.place_of),
    )
