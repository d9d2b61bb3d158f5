"""What a PON carries once frames, maps, bursts and encapsulation have taken their part.

Rates are means over the 125 µs frame: quantisation of grants, and which burst comes when, are not here.
"""

from fractions import Fraction

from testbed.model.base import DOWNSTREAM, Direction
from testbed.pon.standard import FRAMES_PER_SECOND, Line, PonStandard, line

# Framing sublayer, in bytes (G.9807.1 clauses C.8 and C.9; G.987.3 and G.9804.2 likewise).
HLEND_BYTES = 4
ALLOCATION_BYTES = 8
FS_HEADER_BYTES = 4
DBRU_BYTES = 4
FS_TRAILER_BYTES = 4
XGEM_HEADER_BYTES = 8
XGEM_UNIT_BYTES = 4

# Ethernet (IEEE Std 802.3 clauses 3 and 4), in bytes.
ETHERNET_FCS_BYTES = 4
ETHERNET_GAP_BYTES = 8 + 12
"""Preamble (in which Ethernet PON puts the logical link's number) and the gap between frames."""

EPON_CYCLE_NS = 1_000_000
"""How often an Ethernet PON grants each ONU a burst: IEEE Std 802.3 leaves it open, 1 ms is customary."""

EPON_BURST_GAP_NS = 512 + 800 + 400
"""Laser on, receiver settling and clock recovery, each at its limit (IEEE Std 802.3 clause 75)."""

MPCP_BYTES = 64 + ETHERNET_GAP_BYTES
"""A GATE or a REPORT on the wire: a frame of minimal length (IEEE Std 802.3 clause 77)."""


def capacity_bps(standard: PonStandard, direction: Direction, allocations: int) -> int:
    """What is left for encapsulated user frames, in bit/s: after FEC and all that each PON frame repeats.

    `allocations` counts, downstream, the entries of the bandwidth map (or GATE messages) and, upstream,
    the bursts, evenly long; for ITU-T PONs per frame of 125 µs, for 10G-EPON per cycle of `EPON_CYCLE_NS`.
    Each user frame still costs `per_frame_overhead_bytes`. PLOAM and OMCI messages are rare and left out.

    Raises:
        ValueError: Fewer than one allocation, or more than the frame has room for; the message says how many.
    """
    if allocations < 1:
        raise ValueError(f"{allocations} allocations on {standard}: a PON serves at least 1")
    carried_bps = _exact_capacity_bps(standard, direction, allocations)
    if carried_bps <= 0:
        fit = _most_that_fit(standard, direction, allocations)
        raise ValueError(
            f"{allocations} allocations leave nothing of {standard} {direction} for user traffic; "
            f"at most {fit} fit"
        )
    return int(carried_bps)


def goodput_bps(standard: PonStandard, direction: Direction, frame_bytes: int, allocations: int) -> int:
    """Bits of Ethernet frames carried per second when all have `frame_bytes`, counted with their FCS.

    Includes the padding of XGEM payloads to 4 bytes (G.9807.1 clause C.9), but not the splitting of
    frames over two XGEM frames at the end of a burst or PHY frame.
    """
    if standard.is_epon:
        sent_bytes = frame_bytes + ETHERNET_GAP_BYTES
    else:
        sent_bytes = XGEM_HEADER_BYTES + -(-frame_bytes // XGEM_UNIT_BYTES) * XGEM_UNIT_BYTES
    return int(_exact_capacity_bps(standard, direction, allocations) * frame_bytes / sent_bytes)


def per_frame_overhead_bytes(standard: PonStandard) -> int:
    """What one Ethernet frame costs above its own bytes as tc sees them, that is without FCS.

    XGEM's padding, 0 to 3 bytes by the frame's length (mean 1.5), is left out: tc adds a constant only.
    """
    if standard.is_epon:
        return ETHERNET_GAP_BYTES + ETHERNET_FCS_BYTES
    return XGEM_HEADER_BYTES + ETHERNET_FCS_BYTES


def _exact_capacity_bps(standard: PonStandard, direction: Direction, allocations: int) -> Fraction:
    fibre = line(standard, direction)
    if fibre.frame_bytes is None:
        return _epon_bps(fibre, direction, allocations)
    if direction is DOWNSTREAM:
        frame_bytes = _downstream_bytes(fibre, allocations)
    else:
        frame_bytes = _upstream_bytes(fibre, fibre.frame_bytes, allocations)
    return frame_bytes * 8 * FRAMES_PER_SECOND


def _downstream_bytes(fibre: Line, allocations: int) -> Fraction:
    inside_bytes = fibre.sync_bytes if fibre.sync_inside_fec else 0
    map_bytes = HLEND_BYTES + ALLOCATION_BYTES * allocations + FS_TRAILER_BYTES
    return fibre.after_fec_bps / 8 / FRAMES_PER_SECOND - inside_bytes - map_bytes


def _upstream_bytes(fibre: Line, frame_bytes: int, bursts: int) -> Fraction:
    """Payload of all bursts of one frame, which share it evenly.

    A burst fills its share to the end: its last codeword is shortened but has full parity, even where
    that is more than the data in it.
    """
    gap_bytes = fibre.burst_gap_ns * fibre.line_rate_bps / (8 * 10**9)
    burst_bytes = Fraction(frame_bytes, bursts) - gap_bytes
    codewords = -(-burst_bytes // fibre.fec.codeword_bytes)
    header_bytes = FS_HEADER_BYTES + DBRU_BYTES + FS_TRAILER_BYTES
    return bursts * (burst_bytes - codewords * fibre.fec.parity_bytes - header_bytes)


def _epon_bps(fibre: Line, direction: Direction, allocations: int) -> Fraction:
    """After FEC, less a GATE (downstream) or a REPORT and a burst gap (upstream) per allocation and cycle.

    The gap costs line time, hence what the line would have carried after FEC in that time.
    """
    message_bits = Fraction(MPCP_BYTES * 8)
    gap_bits = Fraction(0) if direction is DOWNSTREAM else fibre.after_fec_bps * EPON_BURST_GAP_NS / 10**9
    return fibre.after_fec_bps - allocations * (message_bits + gap_bits) * Fraction(10**9, EPON_CYCLE_NS)


def _most_that_fit(standard: PonStandard, direction: Direction, too_many: int) -> int:
    """The largest number of allocations that leaves something; capacity falls wherever it is near nothing."""
    fits, fails = 1, too_many
    while fails - fits > 1:
        middle = (fits + fails) // 2
        if _exact_capacity_bps(standard, direction, middle) > 0:
            fits = middle
        else:
            fails = middle
    return fits
