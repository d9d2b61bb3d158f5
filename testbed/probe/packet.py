"""The probe packet, as a scapy layer: a number, and the instant when it was sent."""

from scapy.fields import LongField, XIntField
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw

MAGIC = 0x50524F42
"""'PROB': tells a probe from whatever else might reach its port."""


class Probe(Packet):
    """Payload of a probe. Sixteen bytes and a magic number; padding makes up the wanted size."""

    name = "Probe"
    fields_desc = [XIntField("magic", MAGIC), LongField("seq", 0), LongField("sent_at_ns", 0)]  # noqa: RUF012


HEADERS_BYTES = 42
"""Ethernet, IPv4 and UDP before the payload."""
PROBE_BYTES = 20


End = tuple[str, str, int]
"""Of a packet: MAC, IP and UDP port."""


def build(*, source: End, destination: End, size_bytes: int, seq: int, sent_at_ns: int) -> bytes:
    """A probe on the wire, `size_bytes` long with its Ethernet header."""
    padding = bytes(size_bytes - HEADERS_BYTES - PROBE_BYTES)
    packet = (
        Ether(src=source[0], dst=destination[0])
        / IP(src=source[1], dst=destination[1], id=seq & 0xFFFF)
        / UDP(sport=source[2], dport=destination[2])
        / Probe(seq=seq, sent_at_ns=sent_at_ns)
        / Raw(padding)
    )
    return bytes(packet)


def read(payload: bytes) -> Probe | None:
    """The probe in a UDP payload; None if it is something else."""
    if len(payload) < PROBE_BYTES:
        return None
    probe = Probe(payload)
    return probe if probe.magic == MAGIC else None
