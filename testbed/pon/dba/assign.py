"""The OLT's decision, frame by frame: reports in, bandwidth map out, as a pure function.

In this order: what is fixed, always at the same line bytes; polls; then, of what fits beside them,
guarantees and surplus by the rules of `reference`. Deliberately not here: time. The caller knows which
reports have arrived, and for which frame there is still time to decide.
"""

from collections.abc import Iterable, Sequence

from testbed.pon.dba.grant_map import Burst, GrantMap, Report
from testbed.pon.dba.layout import Item, burst_of, capacity_bytes, place, worth_using
from testbed.pon.dba.ledger import Ledger
from testbed.pon.dba.pinned import Pinned, without
from testbed.pon.dba.quiet import Span, next_quiet_frame, quiet_spans
from testbed.pon.dba.saturation import Division, divide, room_of
from testbed.pon.dba.sharing import Claims, share
from testbed.pon.dba.state import DbaState
from testbed.pon.framing import line_bytes


def decide(state: DbaState, reports: Sequence[Report], frame: int) -> tuple[DbaState, GrantMap]:
    """The map of an upstream frame, and the state that the next decision starts from.

    `reports` are those that have arrived since the last decision, older ones first. Frames are decided in
    order; those left out count as having had the map before them, as `GrantMap.next_frame` allows.

    Raises:
        ValueError: The frame was decided before.
    """
    if frame <= state.frame:
        raise ValueError(f"frame {frame} has been decided; the next one is {state.frame + 1}")
    ledger = Ledger(state, frame)
    arrangement = ledger.arrangement
    quiet = quiet_spans(arrangement.quiet, ledger.framing, frame) if arrangement.quiet else []
    ledger.hear(reports)
    ledger.expect()
    bursts, unreported = _fixed(ledger, quiet)
    ledger.earn()
    free: Sequence[Span] = arrangement.free
    if quiet:
        free = worth_using(ledger.framing, without(free, quiet))
    bursts += _dynamic(
        ledger, free, [*arrangement.polls[frame % arrangement.report_every_frames], *unreported]
    )
    bursts.sort(key=_start)
    return ledger.closed(), GrantMap(frame, tuple(bursts), _next_frame(ledger, bool(quiet)))


def _start(burst: Burst) -> int:
    return burst[1]


def _next_frame(ledger: Ledger, quiet: bool) -> int | None:
    """The first frame whose map may differ from this one."""
    arrangement, after = ledger.arrangement, ledger.frame + 1
    if quiet or not arrangement.steady or any(_owed_bytes(ledger, index) for index in arrangement.fixed_only):
        return after
    return next_quiet_frame(arrangement.quiet, ledger.framing, after)


def _fixed(ledger: Ledger, quiet: Sequence[Span]) -> tuple[list[Burst], list[int]]:
    """The fixed bursts of a frame, and whose reports are missing.

    A burst that a quiet window meets is left out, and its bytes become credit for other bursts.
    """
    bursts: list[Burst] = []
    unreported = []
    for pinned in ledger.arrangement.pinned:
        index = pinned.place
        tcont = ledger.arrangement.tconts[index]
        per_unit = ledger.units * tcont.grants_per_frame * ledger.unit_bytes
        credit, lost_bytes = ledger.fixed_credit[index], 0
        report = tcont.reports and ledger.arrangement.due(index, ledger.frame)
        for number, span in enumerate(pinned.spans):
            units, credit = divmod(credit + tcont.fixed_bps, per_unit)
            grant_bytes = units * ledger.unit_bytes
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
    ledger: Ledger, pinned: Pinned, number: int, grant_bytes: int, report: bool
) -> tuple[Burst, ...]:
    """One fixed burst; none if it would be empty."""
    if not grant_bytes and not report:
        return ()
    memory = ledger.arrangement.memory
    key = (-1, pinned.place, number, grant_bytes, report)
    made = memory.get(key)
    if made is None:
        framing, tcont = ledger.framing, ledger.arrangement.tconts[pinned.place]
        around = framing.burst_header_bytes + framing.burst_trailer_bytes + report * framing.report_bytes
        start = pinned.starts[number]
        end = start + line_bytes(framing, around + grant_bytes)
        items = [(tcont.alloc_id, grant_bytes, report)]
        made = memory[key] = (burst_of(framing, tcont.onu, start, end, items),)
    return made


def _meets(span: Span, others: Iterable[Span]) -> bool:
    return any(span.start_byte < other.end_byte and other.start_byte < span.end_byte for other in others)


def _dynamic(ledger: Ledger, free: Sequence[Span], polls: list[int]) -> list[Burst]:
    """All bursts that are not fixed: one for each ONU that is polled or claims something, if they fit."""
    claims, needs = _claims(ledger)
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
        polls = [index for index in polls if onu_of[index] != last]
        capacity = capacity_bytes(ledger.framing, free, len(onus), len(polls))
    if not onus:
        return []
    if any(onu_of[index] not in onus for index in claims.indices):
        claims, needs = _of_onus(ledger, claims, needs, onus)
    grants = _grants(ledger, _divided(ledger, free, polls, capacity, claims), claims, needs)
    return _laid_out(ledger, free, polls, grants, capacity)


def _polled(ledger: Ledger, polls: list[int]) -> list[Burst]:
    """The bursts of a frame in which there is nothing to grant beside fixed grants."""
    memory, key = ledger.arrangement.memory, tuple(polls)
    if key not in memory:
        memory[key] = tuple(_laid_out(ledger, ledger.arrangement.free, polls, {}, 0))
    return list(memory[key])


def _claims(ledger: Ledger) -> tuple[Claims, list[int]]:
    """What each T-CONT may ask for by its demand and its credits, and that demand itself."""
    arrangement, units, unit = ledger.arrangement, ledger.units, ledger.unit_bytes
    claims, needs = Claims([], [], []), list[int]()
    known, granted, eligible = ledger.known, ledger.granted, arrangement.eligible
    assured_credit, maximum_credit = ledger.assured_credit, ledger.maximum_credit
    for index in arrangement.dynamic:
        need = known[index] - granted[index]
        if need <= 0:
            continue
        need = -(-need // unit) * unit
        wanted = min(need, maximum_credit[index] // units)
        guaranteed = min(wanted, assured_credit[index] // units)
        guaranteed -= guaranteed % unit
        if not eligible[index]:
            wanted = guaranteed
        if wanted > 0:
            claims.indices.append(index)
            claims.guaranteed.append(guaranteed)
            claims.wanted.append(wanted)
            needs.append(need)
    for index in arrangement.fixed_only:
        owed = _owed_bytes(ledger, index)
        if owed:
            claims.indices.append(index)
            claims.guaranteed.append(owed)
            claims.wanted.append(owed)
            needs.append(owed)
    return claims, needs


def _owed_bytes(ledger: Ledger, index: int) -> int:
    """What quiet windows took from a T-CONT that has nothing but fixed grants."""
    return ledger.assured_credit[index] // (ledger.units * ledger.unit_bytes) * ledger.unit_bytes


def _of_onus(ledger: Ledger, claims: Claims, needs: list[int], onus: set[int]) -> tuple[Claims, list[int]]:
    """The claims of some ONUs only."""
    kept = [number for number, index in enumerate(claims.indices) if ledger.arrangement.onu_of[index] in onus]
    chosen = Claims(*([column[number] for number in kept] for column in claims))
    return chosen, [needs[number] for number in kept]


def _divided(
    ledger: Ledger, free: Sequence[Span], polls: list[int], sure_bytes: int, claims: Claims
) -> Division:
    """Everybody's share of what is sure to fit, or, when more is wanted, of what fits in such shares."""
    arrangement = ledger.arrangement
    units, guaranteed_bps, tiers = ledger.units, arrangement.guaranteed_bps, arrangement.tiers
    if sum(claims.wanted) > sure_bytes:
        room = room_of(ledger.framing, free, arrangement.onu_of, claims.indices, polls)
        division = divide(room, sure_bytes, claims, guaranteed_bps, tiers)
        if division is not None:
            return division
    capacity = sure_bytes - sure_bytes % ledger.unit_bytes
    return Division(capacity, share(capacity, claims, units, guaranteed_bps, tiers))


def _grants(ledger: Ledger, division: Division, claims: Claims, needs: list[int]) -> dict[int, int]:
    """Whole units for each claim, charged to its credits; what is too little to grant is carried over."""
    arrangement, units, unit, least = ledger.arrangement, ledger.units, ledger.unit_bytes, ledger.least_bytes
    (guaranteed, surplus), burst_of, room = division.shares, division.burst_of, [*division.most_bytes]
    eligible, carried = arrangement.eligible, ledger.carried
    assured_credit, maximum_credit = ledger.assured_credit, ledger.maximum_credit
    left, most_carried = division.capacity_bytes, 4 * least * units
    grants: dict[int, int] = {}
    # Each is last in its turn: what was carried over may then have to wait for another frame.
    first = ledger.frame % max(len(needs), 1)
    for number in (*range(first, len(needs)), *range(first)):
        index, need, sure = claims.indices[number], needs[number], guaranteed[number]
        more = surplus[number] + carried[index]
        grant = min(sure + more // units, claims.wanted[number], left) // unit * unit
        if room and grant > room[burst_of[number]]:
            grant = room[burst_of[number]] // unit * unit
        if grant < need and grant < least:
            grant = 0
        if grant:
            grants[index] = grant
            left -= grant
            if room:
                room[burst_of[number]] -= grant
            assured_credit[index] -= (grant if grant < sure else sure) * units
            maximum_credit[index] -= grant * units
            ledger.count(index, grant)
        if grant >= need or not eligible[index]:
            carried[index] = 0
        else:
            kept = more - (grant - sure) * units if grant > sure else more
            carried[index] = kept if kept < most_carried else most_carried
    return grants


def _laid_out(
    ledger: Ledger, free: Sequence[Span], polls: list[int], grants: dict[int, int], capacity: int
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


def _not_before(ledger: Ledger, grants: dict[int, int]) -> dict[int, int]:
    """The line byte from which on an ONU's burst is announced to find its bytes ready."""
    arrangement = ledger.arrangement
    at_bytes: dict[int, int] = {}
    for announcement in ledger.state.announcements:
        index = arrangement.place_of[announcement.alloc_id]
        if announcement.frame == ledger.frame and index in grants:
            onu = arrangement.onu_of[index]
            at_bytes[onu] = max(at_bytes.get(onu, 0), announcement.at_byte)
    return at_bytes
