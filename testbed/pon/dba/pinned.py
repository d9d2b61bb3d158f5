"""Where fixed grants stand in the frame: evenly spaced, at the same line bytes in every frame."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from testbed.pon.dba.quiet import QuietSpan
from testbed.pon.framing import Framing, least_grant_bytes, line_bytes
from testbed.pon.tcont import TCont
from testbed.units import RATE


class Pinned(NamedTuple):
    """The fixed bursts of the T-CONT at `place`: where their coded parts start, and what each may take up.

    `spans` reaches from a burst's guard time to the end of the longest burst that its rate can need, which
    has a grant and a report of `most_bytes` together.
    """

    place: int
    starts: tuple[int, ...]
    spans: tuple[QuietSpan, ...]
    most_bytes: int


def pin(framing: Framing, tconts: Sequence[TCont]) -> tuple[Pinned, ...]:
    """Find a place for every fixed grant, those with most grants per frame first, then in their order.

    Each takes the earliest place where none of its bursts meets one that stands already, so that bursts
    of different T-CONTs follow each other closely and what is left of the frame is in few pieces.

    Raises:
        ValueError: Some do not fit; the message says how many grants would.
    """
    fixed = [index for index, tcont in enumerate(tconts) if tcont.fixed_bps]
    taken: list[QuietSpan] = []
    pinned = []
    for index in sorted(fixed, key=lambda index: -tconts[index].grants_per_frame):
        tcont = tconts[index]
        _check_holds_a_frame(framing, tcont)
        spans = _place(framing, taken, tcont, tcont.grants_per_frame)
        if spans is None:
            raise ValueError(_refusal(framing, taken, tcont))
        taken = sorted([*taken, *spans])
        starts = tuple(span.start_byte + framing.burst_overhead_bytes for span in spans)
        most_bytes = _most_bytes(framing, tcont, tcont.grants_per_frame)
        pinned.append(Pinned(index, starts, tuple(spans), most_bytes))
    return tuple(pinned)


def without(free: Iterable[QuietSpan], taken: Iterable[QuietSpan]) -> list[QuietSpan]:
    """What is left of free stretches, in order and apart, once others are taken out."""
    left = list(free)
    for start, end in taken:
        parts = [
            part
            for span in left
            for part in (
                QuietSpan(span.start_byte, min(span.end_byte, start)),
                QuietSpan(max(span.start_byte, end), span.end_byte),
            )
        ]
        left = [part for part in parts if part.start_byte < part.end_byte]
    return left


def _most_bytes(framing: Framing, tcont: TCont, grants: int) -> int:
    """The longest grant, with its report, when a fixed rate is split over `grants`, in whole blocks.

    Where that is too little to be worth a header, a grant has the least that is, and comes more rarely.
    """
    grant_bytes = max(-(-tcont.fixed_bps // (framing.credit_units * grants)), least_grant_bytes(framing))
    # Less than a block may be left over from the grant before.
    blocks = (grant_bytes + tcont.reports * framing.report_bytes - 1) // framing.block_bytes + 1
    return blocks * framing.block_bytes


def _longest_bytes(framing: Framing, tcont: TCont, grants: int) -> int:
    """Line bytes from guard time to end of the longest burst when a fixed rate is split over `grants`."""
    most_bytes = _most_bytes(framing, tcont, grants)
    carried = framing.burst_header_bytes + most_bytes + framing.burst_trailer_bytes
    return framing.burst_overhead_bytes + line_bytes(framing, carried)


def _place(framing: Framing, taken: Sequence[QuietSpan], tcont: TCont, grants: int) -> list[QuietSpan] | None:
    """The earliest evenly spaced places that are free, or None."""
    length, frame_bytes = _longest_bytes(framing, tcont, grants), framing.frame_bytes
    steps = [number * frame_bytes // grants for number in range(grants)]
    first = 0
    while length <= frame_bytes // grants and first + steps[-1] + length <= frame_bytes:
        spans = [QuietSpan(first + step, first + step + length) for step in steps]
        beyond = _beyond_conflict(spans, taken)
        if beyond == 0:
            return spans
        first += beyond
    return None


def _beyond_conflict(spans: Sequence[QuietSpan], taken: Sequence[QuietSpan]) -> int:
    """How far to move on, at least, to leave a stretch behind that is taken; 0 if none is in the way."""
    return max(
        (
            other.end_byte - span.start_byte
            for span in spans
            for other in taken
            if span.start_byte < other.end_byte and other.start_byte < span.end_byte
        ),
        default=0,
    )


def _check_holds_a_frame(framing: Framing, tcont: TCont) -> None:
    """Where frames cannot be split, a grant that is shorter than a frame would carry nothing at all."""
    if framing.fragmentable:
        return
    least_bytes = least_grant_bytes(framing)
    least_bps = least_bytes * framing.credit_units * tcont.grants_per_frame
    if tcont.fixed_bps < least_bps:
        raise ValueError(
            f"T-CONT {tcont.alloc_id}: {framing.standard} does not split frames, so each fixed grant must "
            f"hold one of {least_bytes} bytes: with {tcont.grants_per_frame} per cycle, at least "
            f"{RATE.format(least_bps)}"
        )


def _refusal(framing: Framing, taken: Sequence[QuietSpan], tcont: TCont) -> str:
    fitting = (
        grants
        for grants in range(tcont.grants_per_frame - 1, 0, -1)
        if _place(framing, taken, tcont, grants) is not None
    )
    most = next(fitting, 0)
    refused = (
        f"T-CONT {tcont.alloc_id}: {tcont.grants_per_frame} evenly spaced grants per frame for "
        f"{RATE.format(tcont.fixed_bps)} do not fit beside the fixed grants of the others"
    )
    if most:
        return f"{refused}; at most {most} fit"
    return f"{refused}; the most that fits is {RATE.format_down(_most_bps(framing, taken, tcont))}"


def _most_bps(framing: Framing, taken: Sequence[QuietSpan], tcont: TCont) -> int:
    """The largest fixed rate for which there is a place in every frame, whatever the number of grants."""
    fits_bps, too_much_bps = 0, tcont.fixed_bps
    while too_much_bps - fits_bps > 1:
        middle_bps = (fits_bps + too_much_bps) // 2
        if _place(framing, taken, replace(tcont, fixed_bps=middle_bps), 1) is None:
            too_much_bps = middle_bps
        else:
            fits_bps = middle_bps
    return fits_bps
