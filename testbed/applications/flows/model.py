"""Background flows, as a scenario declares them: TCP connections and streams of UDP packets."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, model_validator

from testbed.applications.kind import Kind, Section
from testbed.model.base import Duration, FieldError, Name, PositiveRate, Size, file_key
from testbed.model.channel import Period
from testbed.model.ecn import Ecn
from testbed.model.span import Span
from testbed.units import DURATION


class Arrivals(StrEnum):
    """How a udp flow spaces its packets: evenly, or as a Poisson process."""

    CONSTANT = "constant"
    POISSON = "poisson"


_UDP_ONLY = {
    "rate_bps": "a tcp flow finds its own rate",
    "interval_ns": "a tcp flow finds its own rate",
    "packet_bytes": "tcp fills its packets itself",
    "arrivals": "a tcp flow sends as fast as it goes",
    "phase_ns": "a tcp flow sends as fast as it goes",
    "measured": "the packets of a tcp flow are the kernel's and have no number",
}
_TCP_ONLY = {
    "flows": "a udp flow is one stream; write a higher rate, or more flows side by side",
    "congestion": "udp knows no congestion control; remove this key, or write protocol: tcp",
}
"""Keys that one protocol alone can heed, and what to say of them beside the other."""

_SCALABLE = ("dctcp", "prague")
"""Congestion controls that answer marks in proportion (RFC 9331), and so may say that they are L4S."""

_LEAST_GAP_NS = 100
"""Between packets of a flow. In virtual time sending one costs some clock reads of 1 ns each, so that a
shorter gap would not be kept; and what is sent back to back every 5 ms must fit into memory."""


class Flow(Span):
    """Background traffic: TCP as fast as it goes in `flows` connections, or one stream of UDP packets.

    The packets of a measured flow are numbered and logged at both ends, like those of a session. `tcont`
    names the T-CONT of its ONU that carries it upstream, where the ONU has more than one.
    """

    protocol: Literal["tcp", "udp"]
    """TCP as fast as it goes, or one stream of UDP packets."""
    source: Name
    """Any host of the network."""
    destination: Name
    """Another one."""
    starts_at_ns: Duration = Field(alias="starts")
    """When it begins to send."""
    flows: Annotated[int, Field(ge=1, le=64)] = 1
    """Parallel connections, for `tcp`."""
    congestion: Literal["cubic", "bbr", "dctcp", "prague"] | None = None
    """For `tcp`, at both ends; without it the kernel's default. `dctcp` and `prague` are scalable, and use
    ECN; Linux has no `prague` of its own."""
    ecn: Ecn | None = None
    """The ECN bits of its packets; for `udp` any of them, and `not_ect` without this key. For `tcp` beside
    `dctcp`: `ect1`, as L4S has it and as without this key, or `ect0`, as RFC 8257 has it."""
    rate_bps: PositiveRate | None = None
    """Of IP packets, for `udp`, which needs this or `interval`."""
    interval_ns: Period | None = None
    """From packet to packet, for `udp`; the mean, if `arrivals` is `poisson`."""
    packet_bytes: Annotated[Size, Field(ge=64, le=9000)] = 1400
    """Of one IP packet, for `udp`; no more than the wires carry at once."""
    arrivals: Arrivals = Arrivals.CONSTANT
    """For `udp`: evenly spaced, or a Poisson process."""
    phase_ns: Duration = 0
    """For `udp`: added to `starts` before the first packet."""
    measured: bool = False
    """For `udp` between a home and a node: every packet is recorded at both ends."""
    tcont: Name | None = None
    """The class of traffic of the PON that it belongs to."""

    @property
    def first_at_ns(self) -> int:
        """The instant from which packets are sent: that of the first one, if they are evenly spaced."""
        return int(self.starts_at_ns + self.phase_ns)

    @property
    def sent_ecn(self) -> Ecn:
        """The ECN bits of its data, as far as the scenario says."""
        if self.protocol == "tcp" and self.congestion in _SCALABLE:
            return self.ecn or Ecn.ECT1
        return self.ecn or Ecn.NOT_ECT

    @property
    def is_rewritten_to_ect1(self) -> bool:
        """Whether the network has to rewrite its ECT(0): dctcp's sockets send nothing else."""
        return self.congestion == "dctcp" and self.sent_ecn is Ecn.ECT1

    @property
    def is_paced(self) -> bool:
        """Whether every packet leaves at an instant of its own, not with others every few milliseconds."""
        uneven = self.arrivals is Arrivals.POISSON
        return self.measured or uneven or self.interval_ns is not None or self.phase_ns > 0

    def packets_ns(self, count: int) -> int:
        """How long a udp flow takes for so many packets, by its rate or its interval."""
        if self.interval_ns is not None:
            return count * int(self.interval_ns)
        assert self.rate_bps is not None
        return count * int(self.packet_bytes) * 8 * 10**9 // int(self.rate_bps)

    @model_validator(mode="after")
    def _consistent(self) -> "Flow":
        if self.protocol == "tcp":
            self._refuse(_UDP_ONLY, "; remove this key, or write protocol: udp")
            self._check_tcp_ecn()
            return self
        self._refuse(_TCP_ONLY, "")
        if self.rate_bps is None and self.interval_ns is None:
            raise FieldError("rate", "is missing; a udp flow sends at a rate, such as '100 Mbit/s'")
        if self.rate_bps is not None and self.interval_ns is not None:
            raise FieldError(
                "interval", "stands beside rate, and each follows from the other; remove one of them"
            )
        if self.first_at_ns >= self.ends_at_ns:
            raise FieldError("phase", "leaves no time for a packet before the flow ends")
        if self.packets_ns(1) < _LEAST_GAP_NS:
            key = "rate" if self.interval_ns is None else "interval"
            least = DURATION.format(_LEAST_GAP_NS)
            raise FieldError(key, f"packets of one flow are at least {least} apart; these are closer")
        return self

    def _check_tcp_ecn(self) -> None:
        """TCP negotiates ECN; which of the two ECT it then sends is its congestion control's."""
        if self.ecn is None:
            return
        if self.congestion not in _SCALABLE:
            raise FieldError("ecn", "is TCP's own affair; write congestion: dctcp beside it, or remove it")
        if self.ecn not in (Ecn.ECT0, Ecn.ECT1):
            raise FieldError("ecn", f"{self.ecn} is not what {self.congestion} sends; write ect1 or ect0")
        if self.congestion == "prague" and self.ecn is not Ecn.ECT1:
            raise FieldError("ecn", "prague sends ect1 and nothing else; remove this key")

    def _refuse(self, foreign: dict[str, str], advice: str) -> None:
        """Refuse the keys of the other protocol: a key that nobody heeds is a mistake."""
        for name, reason in foreign.items():
            if getattr(self, name) != type(self).model_fields[name].default:
                raise FieldError(file_key(name), reason + advice)


class Background(Section):
    """Keys of a scenario file."""

    background: dict[Name, Flow] = Field(default_factory=dict)
    """Other traffic, measured if it says so; no flow has a session's name."""


KIND = Kind(section=Background)
