"""The standards as data: what each line sends per second and what its error correction leaves.

Overheads above the error correction (headers, maps, bursts) are in `testbed.pon.capacity`.
"""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from testbed.model.base import DOWNSTREAM, UPSTREAM, Direction

FRAMES_PER_SECOND = 8000
"""Every ITU-T PON has PHY frames of 125 µs in both directions (G.987.3, G.9807.1 C.10, G.9804.2)."""


class PonStandard(StrEnum):
    """A kind of PON, by the name that users write; for 50G-PON the upstream rate follows the slash."""

    XG_PON = "XG-PON"
    XGS_PON = "XGS-PON"
    EPON_10G = "10G-EPON"
    PON_50G = "50G-PON"
    PON_50G_25G = "50G-PON/25G"
    PON_50G_12G5 = "50G-PON/12.5G"

    @property
    def is_epon(self) -> bool:
        """Whether it is IEEE Ethernet PON, which has no 125 µs frame and sends Ethernet with its preamble."""
        return self is PonStandard.EPON_10G


@dataclass(frozen=True, slots=True, kw_only=True)
class Fec:
    """A block code: of every `codeword_bytes` on the line, `data_bytes` are ours."""

    name: str
    codeword_bytes: int
    data_bytes: int

    @property
    def code_rate(self) -> Fraction:
        """The share of the line that carries data."""
        return Fraction(self.data_bytes, self.codeword_bytes)

    @property
    def parity_bytes(self) -> int:
        """What every codeword spends on parity, a shortened one as much as a full one."""
        return self.codeword_bytes - self.data_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One direction of a PON.

    `line_rate_bps` counts bits on the fibre (for Ethernet PON: after 64B/66B, so 10.3125 Gbit/s).
    `frame_bytes` is the length of the 125 µs frame, None where the standard has no frame.
    `burst_gap_ns` is the guard time, preamble and delimiter in front of every upstream burst.
    `block_bytes` is the unit in which a bandwidth map counts its grants, a report included.
    `sync_bytes` is the synchronisation block that heads it; outside the error correction it comes off
    the line's rate, inside it comes off what the correction leaves. `deprecated` names the text that
    withdrew the rate.
    """

    line_rate_bps: int
    frame_bytes: int | None
    fec: Fec
    source: str
    line_code: Fraction = Fraction(1)
    sync_bytes: int = 0
    sync_inside_fec: bool = False
    burst_gap_ns: Fraction = Fraction(0)
    block_bytes: int = 1
    deprecated: str | None = None

    @property
    def after_fec_bps(self) -> Fraction:
        """What the error correction leaves, exactly; upstream it is the bound before any burst overhead."""
        outside_bytes = 0 if self.sync_inside_fec else self.sync_bytes
        outside_bps = outside_bytes * 8 * FRAMES_PER_SECOND
        return (self.line_rate_bps - outside_bps) * self.line_code * self.fec.code_rate


_RS_216 = Fec(name="RS(248,216)", codeword_bytes=248, data_bytes=216)
_RS_232 = Fec(name="RS(248,232)", codeword_bytes=248, data_bytes=232)
_LDPC = Fec(name="LDPC(17280,14592)", codeword_bytes=17280 // 8, data_bytes=14592 // 8)
# RS(255,223) works on whole 64B/66B blocks: 27 carry data and 4 parity, each 8 bytes after the line code.
_RS_223 = Fec(name="RS(255,223)", codeword_bytes=31 * 8, data_bytes=27 * 8)


_XG_GAP_BITS = 64 + 160 + 32
"""Guard time, preamble and delimiter of XG-PON, 32 bytes: ITU-T G.987.2, clause 11 and Appendix III, as the
XG-PON module of ns-3 (University College Cork) has them. We have not seen the text itself."""

_GAP_NS = Fraction(257)
"""Guard time, preamble and delimiter of the faster upstream lines.

For XGS-PON this is a typical burst profile of 2,560 bits, 320 bytes; ITU-T G.9807.1 (clause B.11, Appendix
B.III) leaves the choice to the OLT. The shortest profile that we know of has 512 + 1,280 + 32 bits, 183 ns
(ns-3's XGS-PON module). For the upstream rates of 50G-PON (ITU-T G.9804.3, Appendix III) we know no public
figure and assume the same time.
"""

_WORD_BYTES, _BLOCK_BYTES = 4, 16
"""The unit of GrantSize, which includes the report: a word in XG-PON (ITU-T G.987.3 clause 8.1), a block of
four words in XGS-PON (ITU-T G.9807.1 clause C.8.1), as in the modules of ns-3. For 50G-PON (ITU-T G.9804.2)
we assume the block: we have not seen the text."""


def _itu(
    line_rate_bps: int,
    fec: Fec,
    source: str,
    *,
    sync_bytes: int = 0,
    sync_inside_fec: bool = False,
    burst_gap_ns: Fraction = Fraction(0),
    block_bytes: int = 1,
    deprecated: str | None = None,
) -> Line:
    return Line(
        line_rate_bps=line_rate_bps,
        frame_bytes=line_rate_bps // 8 // FRAMES_PER_SECOND,
        fec=fec,
        source=source,
        sync_bytes=sync_bytes,
        sync_inside_fec=sync_inside_fec,
        burst_gap_ns=burst_gap_ns,
        block_bytes=block_bytes,
        deprecated=deprecated,
    )


_XG_DOWN = _itu(
    9_953_280_000, _RS_216, "ITU-T G.987.3 clause 10.3: 627 codewords after the PSBd", sync_bytes=24
)
_XG_UP = _itu(
    2_488_320_000,
    _RS_232,
    "ITU-T G.987.3 clause 10.3",
    burst_gap_ns=Fraction(_XG_GAP_BITS * 10**9, 2_488_320_000),
    block_bytes=_WORD_BYTES,
)
_XGS_DOWN = _itu(
    9_953_280_000, _RS_216, "ITU-T G.9807.1 clause C.10: 627 codewords after the PSBd", sync_bytes=24
)
_XGS_UP = _itu(
    9_953_280_000,
    _RS_216,
    "ITU-T G.9807.1 clause C.10: the last codeword of a burst is shortened",
    burst_gap_ns=_GAP_NS,
    block_bytes=_BLOCK_BYTES,
)
_50G_DOWN = _itu(
    49_766_400_000,
    _LDPC,
    "ITU-T G.9804.2: 360 codewords, the PSBd in the first",
    sync_bytes=24,
    sync_inside_fec=True,
)
_50G_UP = _itu(49_766_400_000, _LDPC, "ITU-T G.9804.3 Amd.1", burst_gap_ns=_GAP_NS, block_bytes=_BLOCK_BYTES)
_25G_UP = _itu(24_883_200_000, _LDPC, "ITU-T G.9804.3", burst_gap_ns=_GAP_NS, block_bytes=_BLOCK_BYTES)
_12G5_UP = _itu(
    12_441_600_000,
    _LDPC,
    "ITU-T G.9804.3",
    burst_gap_ns=_GAP_NS,
    block_bytes=_BLOCK_BYTES,
    deprecated="ITU-T G.9804.3 Amd.3 (2025)",
)
_EPON = Line(
    line_rate_bps=10_312_500_000,
    frame_bytes=None,
    fec=_RS_223,
    source="IEEE Std 802.3 clause 76 (802.3av): 27 of 31 blocks carry data",
    line_code=Fraction(64, 66),
)

_LINES: dict[PonStandard, dict[Direction, Line]] = {
    PonStandard.XG_PON: {DOWNSTREAM: _XG_DOWN, UPSTREAM: _XG_UP},
    PonStandard.XGS_PON: {DOWNSTREAM: _XGS_DOWN, UPSTREAM: _XGS_UP},
    PonStandard.EPON_10G: {DOWNSTREAM: _EPON, UPSTREAM: _EPON},
    PonStandard.PON_50G: {DOWNSTREAM: _50G_DOWN, UPSTREAM: _50G_UP},
    PonStandard.PON_50G_25G: {DOWNSTREAM: _50G_DOWN, UPSTREAM: _25G_UP},
    PonStandard.PON_50G_12G5: {DOWNSTREAM: _50G_DOWN, UPSTREAM: _12G5_UP},
}


def line(standard: PonStandard, direction: Direction) -> Line:
    """The line of a standard in one direction."""
    return _LINES[standard][direction]
