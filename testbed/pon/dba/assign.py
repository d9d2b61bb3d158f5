"""The OLT's decision, frame by frame: reports in, bandwidth map out, as a pure function.

In this order: what is fixed, always at the same line bytes; polls; then, of what fits beside them,
guarantees and surplus by the rules of `reference`. Deliberately not here: time. The caller knows which
reports have arrived, and for which frame there is still time to decide.
"""

from collections.abc import Iterable, Sequence

from testbed.pon.dba.dba_state import DbaState
from testbed.pon.dba.frame_sharing import Claims, share
from testbed.pon.dba.grant_ledger import GrantLedger
from testbed.pon.dba.grant_map import Burst, GrantMap, QueueReport
from testbed.pon.dba.layout import Item, burst_of, capacity_bytes, place, worth_using
from testbed.pon.dba.pinned import Pinned, without
from testbed.pon.dba.quiet import QuietSpan, next_quiet_frame, quiet_spans
from testbed.pon.dba.saturation import Division, divide, room_of
from testbed.pon.framing import line_bytes


def decide(state: DbaState, reports: Sequence[QueueReport], frame: int) -> tuple[DbaState, GrantMap]:
    """The map of an upstream frame, and the state that the next decision starts from.

    `reports` are those that have arrived since the last decision, older ones first. Frames are decided in
    order; those left out count as having had the map before them, as `GrantMap.next_frame` allows.

    Raises:
        ValueError: The frame was decided before.
    """
    if frame <= state.frame:
        raise ValueError(f"frame {frame} has been decided; the next one is {state.frame + 1}")
    ledger = GrantLedger(state, frame)
    arrangement = ledger.arrangement
    quiet = quiet_spans(arrangement.quiet, ledger.framing, frame) if arrangement.quiet else []
    ledger.hear(reports)
    ledger.expect()
    bursts, unreported = _fixed(ledger, quiet)
    ledger.earn()
    free: Sequence[QuietSpan] = arrangement.free
    if quiet:
        free = worth_using(ledger.framing, without(free, quiet))
    turn = frame % arrangement.report_every_frames
    polls, reporting = arrangement.polls[turn], arrangement.report_bytes[turn]
    late = unreported
    if state.overdue:
        late = [i for i in state.overdue if not reporting[i] and not arrangement.tconts[i].fixed_bps] + late
    if late:
        polls, reporting = [*polls, *late], [*reporting]
        for index in late:
            reporting[index] = ledger.framing.report_bytes
    bursts += _dynamic(ledger, free, polls, reporting)
    bursts.sort(key=_start)
    return ledger.closed(), GrantMap(frame, tuple(bursts), _next_frame(ledger, bool(quiet)))


def _start(burst: Burst) -> int:
    return burst[1]


def _next_frame(ledger: GrantLedger, quiet: bool) -> int | None:
    """The first frame whose map may differ from this one."""
    arrangement, after = ledger.arrangement, ledger.frame + 1
    if quiet or not arrangement.steady or any(_owed_bytes(ledger, index) for index in arrangement.fixed_only):
        return after
    return next_quiet_frame(arrangement.quiet, ledger.framing, after)


def _fixed(ledger: GrantLedger, quiet: Sequence[QuietSpan]) -> tuple[list[Burst], list[int]]:
    """The fixed bursts of a frame, and whose reports are missing.

    A burst that a quiet window meets is left out, and its bytes become credit for other bursts.
    """
    bursts: list[Burst] = []
    unreported = []
    for pinned in ledger.arrangement.pinned:
        index = pinned.place
        tcont = ledger.arrangement.tconts[index]
        per_byte, block = ledger.units * tcont.grants_per_frame, ledger.block_bytes
        credit, lost_bytes = ledger.fixed_credit[index], 0
        report = tcont.reports and (
            ledger.arrangement.due(index, ledger.frame) or index in ledger.state.overdue
        )
        for number, span in enumerate(pinned.spans):
            credit += tcont.fixed_bps
            own_bytes = ledger.framing.report_bytes if report else 0
            grant_bytes = min(credit // per_byte + own_bytes, pinned.most_bytes) // block * block - own_bytes
            if grant_bytes < ledger.least_bytes:
                grant_bytes = 0
            credit -= grant_bytes * per_byte
            if quiet and _meets(span, quiet):
                lost_bytes += grant_bytes
                continue
            bursts += _fixed_burst(ledger, pinned, number, grant_bytes, report)
            report = False
            ledger.count(index, grant_bytes)
        ledger.fixed_credit[index] = credit
        if lost_bytes:
            ledger.assured_credit[index] += lost_bytes * ledger.units
            ledger.maximum_credit[index] += lost_bytes * ledger.units
        if report and index not in ledger.arrangement.fixed_only:
            unreported.append(index)
    return bursts, unreported


def _fixed_burst(
    ledger: GrantLedger, pinned: Pinned, number: int, grant_bytes: int, report: bool
) -> tuple[Burst, ...]:
    """One fixed burst; none if it would be empty."""
    if not grant_bytes and not report:
        return ()
    memory = ledger.arrangement.memory
    key = (-1, pinned.place, number, grant_bytes, report)
    made = memory.get(key)
    if made is None:
        framing, tcont = ledger.framing, ledger.arrangement.tconts[pinned.place]
        around = framing.burst_header_bytes + framing.burst_trailer_bytes
        carried = grant_bytes + report * framing.report_bytes if grant_bytes else framing.poll_bytes
        start = pinned.starts[number]
        end = start + line_bytes(framing, around + carried)
        items = [(tcont.alloc_id, grant_bytes, report)]
        made = memory[key] = (burst_of(framing, tcont.onu, start, end, items),)
    return made


def _meets(span: QuietSpan, others: Iterable[QuietSpan]) -> bool:
    return any(span.start_byte < other.end_byte and other.start_byte < span.end_byte for other in others)


def _dynamic(
    ledger: GrantLedger, free: Sequence[QuietSpan], polls: list[int], reporting: list[int]
) -> list[Burst]:
    """All bursts that are not fixed: one for each ONU that is polled or claims something, if they fit.

    A report that does not fit is due in the next frame. `reporting` has the bytes of each T-CONT's report.
    """
    claims, needs = _claims(ledger, reporting)
    onu_of = ledger.arrangement.onu_of
    onus = {onu_of[index] for index in (*polls, *claims.indices)}
    if not onus:
        return []
    if not claims.indices and free is ledger.arrangement.free:
        return _polled(ledger, polls)
    capacity = capacity_bytes(ledger.framing, free, len(onus), len(polls))
    while capacity < 0 and onus:
        # A quiet window leaves too little: the last ONUs have to wait.
        last = max(onus, key=lambda onu: (onu_of.index(onu), onu))
        onus.discard(last)
        ledger.overdue = (*(index for index in polls if onu_of[index] == last), *ledger.overdue)
        polls = [index for index in polls if onu_of[index] != last]
        capacity = capacity_bytes(ledger.framing, free, len(onus), len(polls))
    if not onus:
        return []
    if any(onu_of[index] not in onus for index in claims.indices):
        claims, needs = _of_onus(ledger, claims, needs, onus)
    # A grant fills the blocks that its report has begun.
    begun = len([index for index in claims.indices if reporting[index]]) * ledger.arrangement.idle_bytes
    division = _divided(ledger, free, polls, capacity + begun, claims)
    grants = _grants(ledger, division, claims, needs, reporting, begun)
    return _laid_out(ledger, free, polls, grants, capacity)


def _polled(ledger: GrantLedger, polls: list[int]) -> list[Burst]:
    """The bursts of a frame in which there is nothing to grant beside fixed grants."""
    memory, key = ledger.arrangement.memory, tuple(polls)
    if key not in memory:
        memory[key] = tuple(_laid_out(ledger, ledger.arrangement.free, polls, {}, 0))
    return list(memory[key])


def _claims(ledger: GrantLedger, reporting: Sequence[int]) -> tuple[Claims, list[int]]:
    """What each T-CONT may ask for by its demand and its credits, and that demand itself.

    A grant and its report, which has `reporting` bytes, fill whole blocks. A T-CONT whose own rate has not
    earned a grant of a sensible size asks for nothing yet.
    """
    arrangement, units, block = ledger.arrangement, ledger.units, ledger.block_bytes
    assured_gathered, maximum_gathered = arrangement.assured_gathered, arrangement.maximum_gathered
    indices, promised, wants, needs = list[int](), list[int](), list[int](), list[int]()
    known, granted, eligible = ledger.known, ledger.granted, arrangement.eligible
    assured_credit, maximum_credit = ledger.assured_credit, ledger.maximum_credit
    for index in arrangement.dynamic:
        need = known[index] - granted[index]
        if need <= 0:
            continue
        own = reporting[index]
        wanted = need = -(-(need + own) // block) * block - own
        if wanted * units > maximum_credit[index]:
            wanted = (maximum_credit[index] // units + own) // block * block - own
            if wanted < maximum_gathered[index]:
                continue
        guaranteed = wanted
        if guaranteed * units > assured_credit[index]:
            guaranteed = (assured_credit[index] // units + own) // block * block - own
            if guaranteed < assured_gathered[index]:
                guaranteed = 0
        if not eligible[index]:
            wanted = guaranteed
        if wanted > 0:
            indices.append(index)
            promised.append(guaranteed)
            wants.append(wanted)
            needs.append(need)
    for index in arrangement.fixed_only:
        owed = _owed_bytes(ledger, index)
        if owed:
            indices.append(index)
            promised.append(owed)
            wants.append(owed)
            needs.append(owed)
    return Claims(indices, promised, wants), needs


def _owed_bytes(ledger: GrantLedger, index: int) -> int:
    """What quiet windows took from a T-CONT that has nothing but fixed grants."""
    block = ledger.block_bytes
    owed_bytes = ledger.assured_credit[index] // (ledger.units * block) * block
    return owed_bytes if owed_bytes >= ledger.least_bytes else 0


def _of_onus(
    ledger: GrantLedger, claims: Claims, needs: list[int], onus: set[int]
) -> tuple[Claims, list[int]]:
    """The claims of some ONUs only."""
    kept = [number for number, index in enumerate(claims.indices) if ledger.arrangement.onu_of[index] in onus]
    chosen = Claims(*([column[number] for number in kept] for column in claims))
    return chosen, [needs[number] for number in kept]


def _divided(
    ledger: GrantLedger, free: Sequence[QuietSpan], polls: list[int], sure_bytes: int, claims: Claims
) -> Division:
    """Everybody's share of what is sure to fit, or, when more is wanted, of what fits in such shares."""
    arrangement = ledger.arrangement
    units, guaranteed_bps, tiers = ledger.units, arrangement.guaranteed_bps, arrangement.tiers
    if sum(claims.wanted) > sure_bytes:
        room = room_of(ledger.framing, free, arrangement.onu_of, claims.indices, polls)
        division = divide(room, sure_bytes, claims, guaranteed_bps, tiers)
        if division is not None:
            return division
    capacity = sure_bytes - sure_bytes % ledger.block_bytes
    return Division(capacity, share(capacity, claims, units, guaranteed_bps, tiers))


def _grants(
    ledger: GrantLedger,
    division: Division,
    claims: Claims,
    needs: list[int],
    reporting: Sequence[int],
    begun: int,
) -> dict[int, int]:
    """Whole blocks for each claim, charged to its credits; what is too little to grant is carried over.

    Of what is there, reports have `begun` blocks with so much left, each for its own T-CONT's grant.
    """
    arrangement, units, block = ledger.arrangement, ledger.units, ledger.block_bytes
    least, idle = ledger.least_bytes, arrangement.idle_bytes
    (guaranteed, surplus), burst_of, room = division.shares, division.burst_of, [*division.most_bytes]
    eligible, carried = arrangement.eligible, ledger.carried
    assured_credit, maximum_credit = ledger.assured_credit, ledger.maximum_credit
    left, most_carried, rounded = division.capacity_bytes - begun, 4 * least * units, 0
    indices, promises, wants = claims
    grants: dict[int, int] = {}
    # Each is last in its turn: what was carried over may then have to wait for another frame.
    first = ledger.frame % max(len(needs), 1)
    for number in (*range(first, len(needs)), *range(first)):
        index, need, sure, promised = indices[number], needs[number], guaranteed[number], promises[number]
        more = surplus[number] + carried[index]
        own = reporting[index]
        free = idle if own else 0
        # What others lost to whole blocks makes one for this one, or all would have theirs in the same frame.
        share = sure + (more // units if more > 0 else 0) + rounded
        grant = min(share, wants[number], left + free)
        if room and grant > room[burst_of[number]] + free:
            grant = room[burst_of[number]] + free
        if grant < need:
            grant = (grant + own) // block * block - own
            if grant < least:
                grant = 0
            else:
                rounded = min(share - grant, block - 1)
        if grant:
            grants[index] = grant
            left -= grant - free
            if room:
                room[burst_of[number]] -= grant - free
            assured_credit[index] -= (grant if grant < promised else promised) * units
            maximum_credit[index] -= grant * units
            ledger.count(index, grant)
        if grant >= need or not eligible[index]:
            carried[index] = 0
        else:
            kept = more - (grant - promised) * units if grant > promised else more
            carried[index] = kept if kept < most_carried else most_carried
    return grants


def _laid_out(
    ledger: GrantLedger, free: Sequence[QuietSpan], polls: list[int], grants: dict[int, int], capacity: int
) -> list[Burst]:
    """The bursts of polls and grants."""
    arrangement, framing = ledger.arrangement, ledger.framing
    onu_of, reporting = arrangement.onu_of, set(polls)
    wanted: dict[int, list[Item]] = {}
    for index in (*arrangement.dynamic, *(index for index in grants if index in arrangement.fixed_only)):
        grant = grants.get(index, 0)
        report = index in reporting
        if grant or report:
            item = (arrangement.tconts[index].alloc_id, grant, report)
            wanted.setdefault(onu_of[index], []).append(item)
    spare = (capacity - sum(grants.values())) * framing.codeword_bytes // framing.data_bytes
    return place(framing, free, list(wanted.items()), _not_before(ledger, grants), spare)


def _not_before(ledger: GrantLedger, grants: dict[int, int]) -> dict[int, int]:
    """The line byte from which on an ONU's burst is announced to find its bytes ready."""
    arrangement = ledger.arrangement
    at_bytes: dict[int, int] = {}
    for announcement in ledger.state.announcements:
        index = arrangement.place_of[announcement.alloc_id]
        if announcement.frame == ledger.frame and index in grants:
            onu = arrangement.onu_of[index]
            at_bytes[onu] = max(at_bytes.get(onu, 0), announcement.at_byte)
    return at_bytes
