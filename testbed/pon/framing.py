"""One PON frame byte by byte: which line bytes carry data, and what a user frame costs in it.

The rates of `testbed.pon.capacity` are means of what is here. When a given byte is sent is the affair of
whoever carries frames out; which T-CONT may send it is decided in `testbed.pon.dba`.
"""

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from testbed.model.base import DOWNSTREAM, UPSTREAM, Direction
from testbed.pon.capacity import (
    ALLOCATION_BYTES,
    DBRU_BYTES,
    EPON_BURST_GAP_NS,
    EPON_CYCLE_NS,
    ETHERNET_FCS_BYTES,
    ETHERNET_GAP_BYTES,
    FS_HEADER_BYTES,
    FS_TRAILER_BYTES,
    HLEND_BYTES,
    MPCP_BYTES,
    XGEM_HEADER_BYTES,
    XGEM_UNIT_BYTES,
)
from testbed.pon.standard import FRAMES_PER_SECOND, PonStandard, line

ETHERNET_MINIMUM_BYTES = 64
"""The shortest Ethernet frame, with FCS (IEEE Std 802.3 clause 4); shorter ones were padded on their way."""

ETHERNET_MAXIMUM_BYTES = 1522
"""The longest Ethernet frame without jumbo frames: 1518 bytes with FCS, and a VLAN tag."""

LEAST_FRAGMENT_BYTES = 64
"""Of less than this an XGEM header would take more than an eighth. Our choice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Framing:
    """The frame of one direction, in bytes; 10G-EPON has none, so its grant cycle takes the place.

    `frame_bytes` and `burst_overhead_bytes` count on the line (for 10G-EPON after 64B/66B); headers,
    trailers, reports and the map count as data, before the code adds parity. A user frame as tc sees it
    grows by `sdu_extra_bytes` (its FCS), is at least `minimum_payload_bytes` then, is padded to
    `unit_bytes`, and is headed by `header_bytes`. Every part of a fragmented frame has its own header.
    """

    standard: PonStandard
    direction: Direction
    frame_ns: int
    frame_bytes: int
    codeword_bytes: int
    data_bytes: int
    header_bytes: int
    unit_bytes: int
    fragmentable: bool
    sdu_extra_bytes: int = ETHERNET_FCS_BYTES
    minimum_payload_bytes: int = ETHERNET_MINIMUM_BYTES
    # Upstream, for each burst; the report for each allocation that has one. A grant and its report together
    # fill whole blocks. (A grant of 10G-EPON is for a whole burst, in time quanta of 16 ns: not rounded.)
    burst_overhead_bytes: int = 0
    burst_header_bytes: int = 0
    burst_trailer_bytes: int = 0
    report_bytes: int = 0
    block_bytes: int = 1
    # Downstream, for each frame.
    sync_bytes: int = 0
    sync_inside_fec: bool = False
    map_header_bytes: int = 0
    map_entry_bytes: int = 0
    frame_trailer_bytes: int = 0

    @property
    def parity_bytes(self) -> int:
        """What every codeword spends on parity, a shortened one as much as a full one."""
        return self.codeword_bytes - self.data_bytes

    @property
    def useful_bytes(self) -> int:
        """The smallest grant that can carry user traffic: a header and one unit."""
        return self.header_bytes + self.unit_bytes

    @property
    def poll_bytes(self) -> int:
        """The size of an allocation that only reports: whole blocks, idle behind the report."""
        return -(-self.report_bytes // self.block_bytes) * self.block_bytes

    @property
    def frames_per_second(self) -> int:
        """Frames, or cycles of 10G-EPON, in a second."""
        return 10**9 // self.frame_ns

    @property
    def credit_units(self) -> int:
        """Units of credit in a byte: a rate of n bit/s earns n units a frame, so no credit is rounded."""
        return 8 * self.frames_per_second


class Payload(NamedTuple):
    """The one payload section of a downstream frame.

    Its codewords begin at line byte `start_byte`; `skip_bytes` of their data are taken by sync, map and
    headers before `payload_bytes` of user traffic; the coded part ends at line byte `end_byte`.
    """

    start_byte: int
    skip_bytes: int
    payload_bytes: int
    end_byte: int


@cache
def framing(standard: PonStandard, direction: Direction) -> Framing:
    """The frame of a standard in one direction."""
    return _epon(direction) if standard.is_epon else _itu(standard, direction)


def encapsulated_bytes(frame: Framing, sdu_bytes: int) -> int:
    """Data bytes that carry a user frame of `sdu_bytes`, counted without FCS, when it is not fragmented."""
    payload_bytes = max(sdu_bytes + frame.sdu_extra_bytes, frame.minimum_payload_bytes)
    return frame.header_bytes + -(-payload_bytes // frame.unit_bytes) * frame.unit_bytes


def least_grant_bytes(frame: Framing) -> int:
    """What a grant should have at least, unless less is queued, to be worth its header.

    Where frames cannot be split, that is the longest frame: in less it might not move at all.
    """
    if frame.fragmentable:
        return LEAST_FRAGMENT_BYTES
    return encapsulated_bytes(frame, ETHERNET_MAXIMUM_BYTES - frame.sdu_extra_bytes)


def whole_grant(frame: Framing, wanted_bytes: int, report: bool) -> int:
    """The smallest grant of at least so many bytes that fills whole blocks together with its report."""
    return -(-(wanted_bytes + report * frame.report_bytes) // frame.block_bytes) * frame.block_bytes - (
        report * frame.report_bytes
    )


def line_bytes(frame: Framing, carried_bytes: int) -> int:
    """Line bytes of a coded part with this much data: the last codeword is shortened, its parity full."""
    return carried_bytes + -(-carried_bytes // frame.data_bytes) * frame.parity_bytes


def carried_bytes(frame: Framing, within_bytes: int) -> int:
    """The most data whose coded part fits this many line bytes."""
    codewords, rest_bytes = divmod(max(within_bytes, 0), frame.codeword_bytes)
    return codewords * frame.data_bytes + max(rest_bytes - frame.parity_bytes, 0)


def downstream_payload(frame: Framing, allocations: int) -> Payload:
    """Where user traffic stands in a downstream frame whose map (or GATEs) serves this many allocations.

    In 10G-EPON codewords run on from cycle to cycle; here each cycle begins anew, which costs less than a
    codeword a cycle. That is 22 bytes, or 0.002 %.

    Raises:
        ValueError: The map leaves no room; the message says how many allocations would.
    """
    start_byte = 0 if frame.sync_inside_fec else frame.sync_bytes
    data_bytes = carried_bytes(frame, frame.frame_bytes - start_byte)
    fixed_bytes = frame.map_header_bytes + (frame.sync_bytes if frame.sync_inside_fec else 0)
    skip_bytes = fixed_bytes + allocations * frame.map_entry_bytes
    payload_bytes = data_bytes - skip_bytes - frame.frame_trailer_bytes
    if payload_bytes <= 0:
        most = (data_bytes - fixed_bytes - frame.frame_trailer_bytes - 1) // frame.map_entry_bytes
        raise ValueError(
            f"a map of {allocations} allocations leaves nothing of {frame.standard} downstream; "
            f"at most {most} fit"
        )
    return Payload(start_byte, skip_bytes, payload_bytes, start_byte + line_bytes(frame, data_bytes))


def _itu(standard: PonStandard, direction: Direction) -> Framing:
    fibre = line(standard, direction)
    downstream = direction is DOWNSTREAM
    return Framing(
        standard=standard,
        direction=direction,
        frame_ns=10**9 // FRAMES_PER_SECOND,
        frame_bytes=fibre.line_rate_bps // 8 // FRAMES_PER_SECOND,
        codeword_bytes=fibre.fec.codeword_bytes,
        data_bytes=fibre.fec.data_bytes,
        header_bytes=XGEM_HEADER_BYTES,
        unit_bytes=XGEM_UNIT_BYTES,
        fragmentable=True,
        burst_overhead_bytes=int(-(-fibre.burst_gap_ns * fibre.line_rate_bps // (8 * 10**9))),
        burst_header_bytes=0 if downstream else FS_HEADER_BYTES,
        burst_trailer_bytes=0 if downstream else FS_TRAILER_BYTES,
        report_bytes=0 if downstream else DBRU_BYTES,
        block_bytes=fibre.block_bytes,
        sync_bytes=fibre.sync_bytes,
        sync_inside_fec=fibre.sync_inside_fec,
        map_header_bytes=HLEND_BYTES if downstream else 0,
        map_entry_bytes=ALLOCATION_BYTES if downstream else 0,
        frame_trailer_bytes=FS_TRAILER_BYTES if downstream else 0,
    )


def _epon(direction: Direction) -> Framing:
    fibre = line(PonStandard.EPON_10G, direction)
    coded_bps = fibre.line_rate_bps * fibre.line_code
    gap_bytes = -(-EPON_BURST_GAP_NS * coded_bps // (8 * 10**9))
    return Framing(
        standard=PonStandard.EPON_10G,
        direction=direction,
        frame_ns=EPON_CYCLE_NS,
        frame_bytes=int(coded_bps * EPON_CYCLE_NS / (8 * 10**9)),
        codeword_bytes=fibre.fec.codeword_bytes,
        data_bytes=fibre.fec.data_bytes,
        header_bytes=ETHERNET_GAP_BYTES,
        unit_bytes=1,
        fragmentable=False,
        burst_overhead_bytes=int(gap_bytes) if direction is UPSTREAM else 0,
        report_bytes=MPCP_BYTES if direction is UPSTREAM else 0,
        map_entry_bytes=MPCP_BYTES if direction is DOWNSTREAM else 0,
    )
