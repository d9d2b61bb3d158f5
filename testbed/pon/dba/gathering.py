"""How much credit a T-CONT saves up before it gets a grant, and what fragments then cost.

A grant that ends within a frame splits it, and the second part needs a header of its own. At a low rate, a
grant in every frame would consist largely of such headers, so the OLT sends larger grants more rarely, as
schedulers with service intervals do. The frame that is split is not delayed by this: its last byte is sent
when the T-CONT has earned it, however the bytes before it were granted.
"""

from fractions import Fraction

from testbed.pon.framing import ETHERNET_MAXIMUM_BYTES, Framing, encapsulated_bytes, least_grant_bytes

GATHER_NS = 2_000_000
"""How long a T-CONT may save up credit. ITU-T G.9807.1 clause C.7.4 gives the DBA 2 ms to restore an assured
rate, so this wait is within what the standard allows anyway."""


def gathered_bytes(framing: Framing, rate_bps: int) -> int:
    """The smallest grant that is limited by the T-CONT's own rate and does not empty its queue.

    This is what the rate earns in `GATHER_NS`, at most the longest frame and at least what is worth its
    header at any rate.
    """
    least_bytes = least_grant_bytes(framing)
    longest_bytes = encapsulated_bytes(framing, ETHERNET_MAXIMUM_BYTES - framing.sdu_extra_bytes)
    return max(min(rate_bps * GATHER_NS // (8 * 10**9), longest_bytes), least_bytes)


def fragment_loss(framing: Framing, rate_bps: int) -> Fraction:
    """The part of a scheduled rate that a backlogged T-CONT spends on the headers of second fragments.

    Every grant splits a frame. Its size is what was earned since the grant before it, and it comes in the
    first frame in which that is `gathered_bytes`. Without fragmentation there are no such headers.
    """
    if not framing.fragmentable:
        return Fraction(0)
    frames = -(-gathered_bytes(framing, rate_bps) * framing.credit_units // rate_bps)
    return Fraction(framing.header_bytes * framing.credit_units, rate_bps * max(frames, 1))
