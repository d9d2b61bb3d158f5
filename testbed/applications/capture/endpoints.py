"""Captures what passes the ports of one station, as tcpdump would, with the kernel's stamps.

A packet that leaves is stamped when it is handed to the wire, after distance and queue; one that arrives,
when it does. Reading costs no virtual time, a stamp one nanosecond.
"""

import socket
import struct
from collections.abc import Sequence
from pathlib import Path

from testbed.errors import KernelError
from testbed.host.datagrams import READ_INTERVAL_NS
from testbed.host.loop import Loop
from testbed.record.pcapng import PcapngLog

_ALL_PROTOCOLS = 3
"""ETH_P_ALL."""
_SO_TIMESTAMPNS = 35
_SO_RCVBUFFORCE = 33
_SOL_PACKET, _PACKET_STATISTICS = 263, 6
_OUTGOING = 4
"""PACKET_OUTGOING, the third part of a packet socket's address."""
_BUFFER_BYTES = 256_000_000
_LARGEST_BYTES = 66_000
_CONTROL_BYTES = socket.CMSG_SPACE(16)


class Capture:
    """Reads every port from the start of the program to its end, and writes one pcapng file.

    Raises:
        KernelError: A port cannot be read; at the end, what was lost for want of room is a remark.
    """

    def __init__(self, loop: Loop, path: Path, ports: Sequence[str]) -> None:
        self._loop, self._ports = loop, ports
        self._log = PcapngLog(path, ports)
        self._sockets = [_open(port) for port in ports]
        self.remarks: tuple[str, ...] = ()

    def start(self) -> None:
        """Set out to read what has passed."""
        self._loop.every(READ_INTERVAL_NS, self._take)

    def _take(self) -> None:
        found = [packet for number, each in enumerate(self._sockets) for packet in _waiting(number, each)]
        # By instant over all ports; those of one instant as each port had them.
        for at_ns, port, outbound, packet in sorted(found, key=lambda packet: packet[0]):
            self._log.write(port, at_ns, packet, outbound=outbound)

    def close(self) -> None:
        """Read the rest, and say what was lost."""
        self._take()
        for port, each in zip(self._ports, self._sockets, strict=True):
            statistics = each.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
            if dropped := struct.unpack("=II", statistics)[1]:
                self.remarks += (f"the capture at {port} lacks {dropped} packets, which came too fast",)
            each.close()
        self._log.close()


def _open(port: str) -> socket.socket:
    # Without a protocol it takes nothing until it is bound to its port.
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
    try:
        opened.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        opened.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)
        opened.bind((port, _ALL_PROTOCOLS))
    except OSError as error:
        raise KernelError(f"cannot capture at {port}: {error.strerror}") from error
    return opened


def _waiting(number: int, opened: socket.socket) -> list[tuple[int, int, bool, bytes]]:
    """(instant, port, whether it leaves, packet) of everything that has passed and was not read."""
    found: list[tuple[int, int, bool, bytes]] = []
    while True:
        try:
            packet, ancillary, _, address = opened.recvmsg(_LARGEST_BYTES, _CONTROL_BYTES)
        except BlockingIOError:
            return found
        [(level, kind, stamp)] = ancillary
        if (level, kind) != (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
            raise KernelError(f"the kernel sent ancillary data {level}/{kind} in place of a timestamp")
        seconds, nanoseconds = struct.unpack("=qq", stamp)
        found.append((seconds * 10**9 + nanoseconds, number, address[2] == _OUTGOING, packet))
