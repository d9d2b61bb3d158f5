"""How much a frame holds when more is wanted than fits however divided: it depends on how it is divided.

The last codeword of a burst is shortened but has full parity, so the fewer codewords are only just begun,
the more is carried. Deliberately not here: who gets how much of it, which is in `sharing`.
"""

from collections.abc import Sequence
from typing import NamedTuple

from testbed.pon.dba.frame_sharing import Claims, share
from testbed.pon.dba.layout import coded_bytes
from testbed.pon.dba.quiet import QuietSpan
from testbed.pon.framing import Framing, least_grant_bytes, line_bytes

TRIES = 3
"""How many capacities are tried: a guess, one for what that leaves unused, one if this was too much."""

NEGLIGIBLE = 256
"""Less than this part of the line is not worth another try: 0.4 %. Our choice."""

Shares = tuple[list[int], list[int]]
"""Guaranteed bytes and surplus units of each claim, as `sharing.share` gives them."""


class FrameRoom(NamedTuple):
    """What a frame has for the bursts of the ONUs that claim something, one each.

    `coded_bytes` are line bytes for their coded parts, `own_bytes` what each carries beside its grants, and
    `idle_bytes` what it carries as well as long as those who report are granted nothing: their blocks' rest.
    `burst_of` is the burst of each claim.
    """

    framing: Framing
    coded_bytes: int
    own_bytes: list[int]
    idle_bytes: list[int]
    burst_of: list[int]


class Division(NamedTuple):
    """A capacity, the shares of it, and what each burst may be granted so that all of them fit.

    They do if grants are `capacity_bytes` at most in all and `most_bytes` at most in each burst, not counting
    what they use of `FrameRoom.idle_bytes`, of which the capacity is to be lessened first: then no
    burst has more codewords than were counted. `burst_of` is the burst of each claim. Both are empty where
    the capacity fits however it is divided.
    """

    capacity_bytes: int
    shares: Shares
    most_bytes: Sequence[int] = ()
    burst_of: Sequence[int] = ()


def room_of(
    framing: Framing, free: Sequence[QuietSpan], onu_of: Sequence[int], claiming: list[int], polls: list[int]
) -> FrameRoom:
    """What is free of a frame, less bursts with nothing but reports; T-CONTs are given by their place."""
    around_bytes = framing.burst_header_bytes + framing.burst_trailer_bytes
    claimers = set(claiming)
    number_of: dict[int, int] = {}
    burst_of = [number_of.setdefault(onu_of[index], len(number_of)) for index in claiming]
    claimants = len(number_of)
    own_bytes, idle_bytes = [around_bytes] * claimants, [0] * claimants
    blocks_rest = framing.poll_bytes - framing.report_bytes
    for index in polls:
        number = number_of.setdefault(onu_of[index], len(own_bytes))
        if number == len(own_bytes):
            own_bytes.append(around_bytes)
        own_bytes[number] += framing.report_bytes
        if index in claimers:
            idle_bytes[number] += blocks_rest
        else:
            own_bytes[number] += blocks_rest
    coded = coded_bytes(framing, free, len(own_bytes))
    for only_bytes in own_bytes[claimants:]:
        coded -= line_bytes(framing, only_bytes)
    return FrameRoom(framing, coded, own_bytes[:claimants], idle_bytes, burst_of)


def divide(
    room: FrameRoom,
    sure_bytes: int,
    claims: Claims,
    guaranteed_bps: Sequence[int],
    tiers: Sequence[tuple[frozenset[int], Sequence[int]]],
) -> Division | None:
    """The shares of about as much as fits when it is so divided; None if that is no more than is sure.

    The first guess is what bursts would hold that were evenly long, as they are when all T-CONTs are
    equal. A capacity that is too much by some line bytes is not too much once it is less by as many,
    because nobody's share grows when there is less to share.
    """
    framing, wanted_bytes = room.framing, sum(claims.wanted)
    units, unit, coded = framing.credit_units, framing.block_bytes, framing.data_bytes
    best, best_bytes = None, sure_bytes
    capacity = min(_even_bytes(room), wanted_bytes)
    for _ in range(TRIES):
        capacity -= capacity % unit
        if capacity <= best_bytes:
            break
        shares = share(capacity, claims, units, guaranteed_bps, tiers)
        carried = _carried_bytes(room, shares, units)
        codewords = [-(-data // coded) for data in carried]
        spare_bytes = (
            room.coded_bytes - sum(room.own_bytes) - capacity - sum(codewords) * framing.parity_bytes
        )
        if spare_bytes < 0:
            capacity += spare_bytes
            continue
        own_bytes = [own + idle for own, idle in zip(room.own_bytes, room.idle_bytes, strict=True)]
        most = [number * coded - own for number, own in zip(codewords, own_bytes, strict=True)]
        best, best_bytes = Division(capacity, shares, most, room.burst_of), capacity
        if spare_bytes * NEGLIGIBLE < room.coded_bytes:
            break
        # Whoever has just filled a codeword begins another one with anything more.
        full = sum([data % coded == 0 for data in carried])
        spare_bytes = max(spare_bytes - full * framing.parity_bytes, 0)
        capacity = min(capacity + spare_bytes * coded // framing.codeword_bytes, wanted_bytes)
    return best


def _even_bytes(room: FrameRoom) -> int:
    """What may be granted in bursts that are all equally long."""
    framing, bursts = room.framing, len(room.own_bytes)
    codewords, rest_bytes = divmod(room.coded_bytes, bursts * framing.codeword_bytes)
    data_bytes = codewords * bursts * framing.data_bytes + max(rest_bytes - bursts * framing.parity_bytes, 0)
    return data_bytes - sum(room.own_bytes)


def _carried_bytes(room: FrameRoom, shares: Shares, units: int) -> list[int]:
    """The data of each burst, with shares rounded up to whole blocks and to the least that is granted.

    What is too little to grant in one frame is granted in a later one, and must find its place there.
    """
    carried, unit = room.own_bytes.copy(), room.framing.block_bytes
    per_unit, least = unit * units, least_grant_bytes(room.framing)
    for burst, sure, more in zip(room.burst_of, *shares, strict=True):
        grant = -(-(sure * units + more) // per_unit) * unit
        carried[burst] += grant if grant > least else least
    return carried
