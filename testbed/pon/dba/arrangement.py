"""What of a PON's T-CONTs is the same in every frame, worked out once; and whether they fit at all."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from testbed.model.base import UPSTREAM
from testbed.model.pon import Eligibility
from testbed.pon.dba.frame_sharing import Claims
from testbed.pon.dba.gathering import gathered_bytes
from testbed.pon.dba.grant_map import Burst
from testbed.pon.dba.layout import capacity_bytes, worth_using
from testbed.pon.dba.pinned import Pinned, pin, without
from testbed.pon.dba.quiet import QuietSpan, QuietWindow, check_quiet
from testbed.pon.dba.saturation import divide, room_of
from testbed.pon.framing import Framing, framing, least_grant_bytes, whole_grant
from testbed.pon.standard import PonStandard
from testbed.pon.tcont import TCont, check_distinct, check_tcont
from testbed.units import RATE

CREDIT_FRAMES = 8
"""How many frames' worth of an unused rate a T-CONT may catch up with, beyond what reports make it wait.

Long enough for what a frame or two fail to grant, and for the five frames that a quiet window of 450 µs
takes; short enough that whoever comes back from silence disturbs the others for a millisecond at most.
"""


@dataclass(frozen=True, kw_only=True)
class Arrangement:
    """T-CONTs by place in `tconts`, where their fixed grants stand, and their rates as credit per frame."""

    framing: Framing
    tconts: tuple[TCont, ...]
    quiet: tuple[QuietWindow, ...]
    report_every_frames: int
    pinned: tuple[Pinned, ...]
    free: tuple[QuietSpan, ...]

    @cached_property
    def place_of(self) -> dict[int, int]:
        """Where in `tconts` an Alloc-ID is."""
        return {tcont.alloc_id: index for index, tcont in enumerate(self.tconts)}

    @cached_property
    def onu_of(self) -> list[int]:
        """The ONU of each T-CONT."""
        return [tcont.onu for tcont in self.tconts]

    @cached_property
    def dynamic(self) -> list[int]:
        """Those with more than fixed grants, ONU by ONU in the order in which ONUs first appear."""
        onus = list(dict.fromkeys(self.onu_of))
        chosen = set(range(len(self.tconts))) - self.fixed_only
        return sorted(sorted(chosen), key=lambda index: onus.index(self.tconts[index].onu))

    @cached_property
    def fixed_only(self) -> frozenset[int]:
        """Those that get their fixed grants and nothing else, whatever they may report."""
        return frozenset(i for i, tcont in enumerate(self.tconts) if tcont.type_number == 1)

    @cached_property
    def eligible(self) -> list[bool]:
        """Who may have more than its guarantee."""
        return [tcont.eligibility is not Eligibility.NONE for tcont in self.tconts]

    @cached_property
    def tiers(self) -> list[tuple[frozenset[int], list[int]]]:
        """Who shares a surplus, in the order of service, and everybody's weight in it."""
        surplus = {i for i, tcont in enumerate(self.tconts) if tcont.eligibility is Eligibility.NON_ASSURED}
        tiers = [(frozenset(surplus), self.guaranteed_bps)] if surplus else []
        best_effort = {
            i for i, tcont in enumerate(self.tconts) if tcont.eligibility is Eligibility.BEST_EFFORT
        }
        weights = [tcont.weight for tcont in self.tconts]
        for priority in sorted({self.tconts[index].priority for index in best_effort}):
            members = {index for index in best_effort if self.tconts[index].priority == priority}
            tiers.append((frozenset(members), weights))
        return tiers

    @cached_property
    def guaranteed_bps(self) -> list[int]:
        """Fixed + assured of each, the weight of the non-assured."""
        return [tcont.guaranteed_bps for tcont in self.tconts]

    @cached_property
    def assured_units(self) -> list[int]:
        """Credit that each earns in a frame for its assured rate."""
        return [tcont.assured_bps for tcont in self.tconts]

    @cached_property
    def maximum_units(self) -> list[int]:
        """Credit that each earns in a frame for all that is not fixed."""
        return [tcont.maximum_bps - tcont.fixed_bps for tcont in self.tconts]

    @cached_property
    def assured_most(self) -> list[int]:
        """The most credit for assured (and lost fixed) grants that each may keep."""
        return [self._most(tcont.guaranteed_bps) for tcont in self.tconts]

    @cached_property
    def maximum_most(self) -> list[int]:
        """The most credit up to the maximum that each may keep."""
        return [self._most(tcont.maximum_bps) for tcont in self.tconts]

    @cached_property
    def polls(self) -> list[list[int]]:
        """Who reports in a burst that is not fixed, by frame number modulo `report_every_frames`.

        ONUs take turns. The report of a T-CONT with fixed grants is in the first of them.
        """
        return [
            [
                i
                for i in self.dynamic
                if self.tconts[i].reports and not self.tconts[i].fixed_bps and self.due(i, turn)
            ]
            for turn in range(self.report_every_frames)
        ]

    @cached_property
    def report_bytes(self) -> list[list[int]]:
        """What each has of its dynamic grant's blocks for a report, by frame number as in `polls`."""
        return [
            [self.framing.report_bytes if index in polled else 0 for index in range(len(self.tconts))]
            for polled in map(set, self.polls)
        ]

    def due(self, index: int, frame: int) -> bool:
        """Whether a T-CONT that reports does so in a frame."""
        return (frame + self.onu_of[index]) % self.report_every_frames == 0

    @cached_property
    def units(self) -> int:
        """Units of credit in a byte."""
        return self.framing.credit_units

    @cached_property
    def useful_bytes(self) -> int:
        """The least that a grant carries anything in."""
        return self.framing.useful_bytes

    @cached_property
    def least_bytes(self) -> int:
        """What a grant has at least, unless less is wanted.

        A T-CONT that is only watched has this in every frame, idle or not, so that traffic can show.
        """
        return least_grant_bytes(self.framing)

    @cached_property
    def cut_bytes(self) -> int:
        """What a grant may fail to carry of its own size: a header, or all but one byte of a frame."""
        framing = self.framing
        return framing.header_bytes if framing.fragmentable else self.least_bytes - framing.unit_bytes

    @cached_property
    def idle_bytes(self) -> int:
        """What the blocks of a report without a grant have left over."""
        return self.framing.poll_bytes - self.framing.report_bytes

    @cached_property
    def assured_gathered(self) -> list[int]:
        """What a grant has at least that is all of an assured rate's credit and less than is wanted."""
        return [gathered_bytes(self.framing, tcont.assured_bps) for tcont in self.tconts]

    @cached_property
    def maximum_gathered(self) -> list[int]:
        """The same of the credit up to the maximum."""
        return [gathered_bytes(self.framing, tcont.maximum_bps - tcont.fixed_bps) for tcont in self.tconts]

    @cached_property
    def memory(self) -> dict[tuple[int, ...], tuple[Burst, ...]]:
        """Bursts that come again and again, by all that they depend on. Only `assign` writes and reads it."""
        return {}

    def _most(self, rate_bps: int) -> int:
        """Some frames' worth, but never less than it takes to gather a grant."""
        frames = CREDIT_FRAMES + self.report_every_frames
        least = 2 * gathered_bytes(self.framing, rate_bps) * self.units
        return max(frames * rate_bps, least) if rate_bps else 0

    @cached_property
    def steady(self) -> bool:
        """Whether there are fixed grants only, all of the same length: then every frame has the same map."""
        return not self.dynamic and all(self._has_whole_grants(tcont) for tcont in self.tconts)

    def _has_whole_grants(self, tcont: TCont) -> bool:
        """Whether a fixed rate comes in grants that are alike in every frame."""
        grant_bytes, rest = divmod(tcont.fixed_bps, self.units * tcont.grants_per_frame)
        if rest or grant_bytes < self.least_bytes or (tcont.reports and self.report_every_frames > 1):
            return False
        reports = {tcont.reports, tcont.reports and tcont.grants_per_frame == 1}
        return all(whole_grant(self.framing, grant_bytes, report) == grant_bytes for report in reports)


def arrange(
    standard: PonStandard,
    tconts: Sequence[TCont],
    quiet: Sequence[QuietWindow] = (),
    report_every_frames: int = 1,
) -> Arrangement:
    """Work out the arrangement of T-CONTs on a PON.

    Raises:
        ValueError: They do not fit, or something is no sensible value; the message says what would.
    """
    check_distinct(tconts)
    for tcont in tconts:
        check_tcont(tcont)
    check_quiet(quiet)
    if report_every_frames < 1:
        raise ValueError(f"a report every {report_every_frames} frames: it is at least every frame, 1")
    upstream = framing(standard, UPSTREAM)
    pinned = pin(upstream, tconts)
    taken = [span for each in pinned for span in each.spans]
    free = worth_using(upstream, without([QuietSpan(0, upstream.frame_bytes)], taken))
    arranged = Arrangement(
        framing=upstream,
        tconts=tuple(tconts),
        quiet=tuple(quiet),
        report_every_frames=report_every_frames,
        pinned=pinned,
        free=tuple(free),
    )
    _check_fits(standard, arranged)
    return arranged


def check_tconts(standard: PonStandard, tconts: Sequence[TCont], quiet: Sequence[QuietWindow] = ()) -> None:
    """Make sure that T-CONTs make sense, and that what they are promised fits the PON with all its bursts.

    It must also fit the time that quiet windows leave, because they come again and again.

    Raises:
        ValueError: It does not; the message says what would.
    """
    arranged = arrange(standard, tconts, quiet)
    for tcont in tconts:
        _check_earns_grants(arranged.framing, tcont)
    taken = sum((Fraction(each.length_ns, each.period_ns) for each in quiet if each.period_ns), Fraction(0))
    promised_bps = sum(arranged.guaranteed_bps)
    left_bps = int(_in_all_bps(arranged, _sure_bytes(arranged)) * (1 - taken))
    if promised_bps > left_bps:
        raise ValueError(
            f"fixed and assured rates add up to {RATE.format(promised_bps)} on {standard} upstream, of which "
            f"quiet windows take {float(taken) * 100:.3g} %; the most that fits beside them is "
            f"{RATE.format_down(max(left_bps, 0))}"
        )


def _check_earns_grants(framing: Framing, tcont: TCont) -> None:
    """A rate that earns less than one grant a second cannot be meant."""
    least_bytes = least_grant_bytes(framing)
    if tcont.maximum_bps < 8 * least_bytes:
        raise ValueError(
            f"T-CONT {tcont.alloc_id}: a maximum of {RATE.format(tcont.maximum_bps)} does not earn a grant "
            f"of {least_bytes} bytes in a second; the least is {RATE.format(8 * least_bytes)}"
        )


def sure_capacity_bps(standard: PonStandard, tconts: Sequence[TCont]) -> int:
    """What may be promised to these T-CONTs in all, fixed rates included.

    The last codeword of every burst is counted whole, so that it is there however they divide it.

    Raises:
        ValueError: They do not fit.
    """
    arranged = arrange(standard, tconts)
    return _in_all_bps(arranged, _sure_bytes(arranged))


def engine_capacity_bps(standard: PonStandard, tconts: Sequence[TCont]) -> int:
    """What these T-CONTs have together, fixed rates included, when each sends all that it may.

    That is close to `testbed.pon.capacity_bps`, less what fixed grants cost, each a burst of its own. It
    is never less than `sure_capacity_bps`, and more as far as their shares begin fewer codewords than
    they might. While some are idle the shares are others, and up to a codeword's parity for each burst
    may be won or lost: nothing that could be promised.

    Raises:
        ValueError: They do not fit.
    """
    arranged = arrange(standard, tconts)
    sure_bytes = _sure_bytes(arranged)
    claims = _claims_of_all(arranged)
    if sum(claims.wanted) <= sure_bytes:
        return _in_all_bps(arranged, sure_bytes)
    room = room_of(arranged.framing, arranged.free, arranged.onu_of, claims.indices, _polled(arranged))
    division = divide(room, sure_bytes, claims, arranged.guaranteed_bps, arranged.tiers)
    return _in_all_bps(arranged, division.capacity_bytes if division else sure_bytes)


def _claims_of_all(arranged: Arrangement) -> Claims:
    """What everybody may have of a frame beside fixed grants."""
    assured = [arranged.assured_units[index] // arranged.units for index in arranged.dynamic]
    maximum = [arranged.maximum_units[index] // arranged.units for index in arranged.dynamic]
    return Claims(arranged.dynamic, assured, maximum)


def _in_all_bps(arranged: Arrangement, dynamic_bytes: int) -> int:
    fixed_bps = sum(tcont.fixed_bps for tcont in arranged.tconts)
    return fixed_bps + max(dynamic_bytes, 0) * arranged.framing.credit_units


def _sure_bytes(arranged: Arrangement) -> int:
    """Payload of a frame beside the fixed grants, however divided, when everybody has a burst and reports.

    Everybody has a grant as well, which fills the blocks of the report.
    """
    if not arranged.dynamic:
        return 0
    bursts, reports = len({arranged.onu_of[index] for index in arranged.dynamic}), len(_polled(arranged))
    sure_bytes = capacity_bytes(arranged.framing, arranged.free, bursts, reports)
    return sure_bytes + reports * arranged.idle_bytes


def _polled(arranged: Arrangement) -> list[int]:
    """Who reports beside fixed grants; the report of a T-CONT that has some is in the first of them."""
    return [i for i in arranged.dynamic if arranged.tconts[i].reports and not arranged.tconts[i].fixed_bps]


def _check_fits(standard: PonStandard, arranged: Arrangement) -> None:
    promised_bps = sum(arranged.guaranteed_bps)
    sure_bytes = _sure_bytes(arranged)
    capacity_bps = _in_all_bps(arranged, sure_bytes)
    if sure_bytes >= 0 and promised_bps <= capacity_bps:
        return
    onus = len(set(arranged.onu_of))
    grants = sum(len(each.starts) for each in arranged.pinned)
    raise ValueError(
        f"fixed and assured rates add up to {RATE.format(promised_bps)} on {standard} upstream; with bursts "
        f"of {onus} ONUs and {grants} fixed grants per frame the most that fits is "
        f"{RATE.format_down(capacity_bps)}"
    )
