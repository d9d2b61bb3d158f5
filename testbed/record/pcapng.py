"""Packet captures in the pcapng format, with nanoseconds: what Wireshark and tshark open.

Sections and options are those of the IETF draft (draft-ietf-opsawg-pcapng): one section, one interface
description for each port, one enhanced packet block for each packet.
"""

import struct
from collections.abc import Sequence
from pathlib import Path

from testbed.record.logs import Closing

_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_BYTE_ORDER = 0x1A2B3C4D
_ETHERNET = 1
_IF_NAME, _IF_RESOLUTION, _PACKET_FLAGS, _END = 2, 9, 2, 0
_NANOSECONDS = bytes([9])
_INBOUND, _OUTBOUND = 1, 2
_FLUSH_BYTES = 1 << 20


class PcapngLog(Closing):
    """One file with the packets of some Ethernet ports; a packet names its port by its place in `ports`."""

    def __init__(self, path: Path, ports: Sequence[str]) -> None:
        self._file = path.open("wb", buffering=_FLUSH_BYTES)
        section = struct.pack("<IHHq", _BYTE_ORDER, 1, 0, -1)
        self._block(_SECTION, section)
        for port in ports:
            options = _option(_IF_NAME, port.encode()) + _option(_IF_RESOLUTION, _NANOSECONDS)
            # A snapshot length of 0: packets are never cut.
            self._block(_INTERFACE, struct.pack("<HHI", _ETHERNET, 0, 0) + options + _option(_END, b""))

    def write(self, port: int, at_ns: int, packet: bytes, *, outbound: bool) -> None:
        """Add a packet at its instant, in nanoseconds since 1970."""
        head = struct.pack("<IIIII", port, at_ns >> 32, at_ns & 0xFFFF_FFFF, len(packet), len(packet))
        direction = struct.pack("<I", _OUTBOUND if outbound else _INBOUND)
        options = _option(_PACKET_FLAGS, direction) + _option(_END, b"")
        self._block(_PACKET, head + _padded(packet) + options)

    def _block(self, kind: int, body: bytes) -> None:
        length = struct.pack("<I", 12 + len(body))
        self._file.write(struct.pack("<I", kind) + length + body + length)

    def close(self) -> None:
        """Write what is held back, and close."""
        self._file.close()


def _padded(content: bytes) -> bytes:
    """To a multiple of four bytes, as everything in a block is."""
    return content + bytes(-len(content) % 4)


def _option(kind: int, value: bytes) -> bytes:
    return struct.pack("<HH", kind, len(value)) + _padded(value)
