"""What the kernel counts of a TCP connection (struct tcp_info in include/uapi/linux/tcp.h)."""

import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass, fields

_BYTES = 200
_COUNTS = struct.Struct("=168xQQQII")
"""tcpi_busy_time, tcpi_rwnd_limited, tcpi_sndbuf_limited, tcpi_delivered, tcpi_delivered_ce."""
_US = 1_000


@dataclass(frozen=True, slots=True)
class TcpCounts:
    """Of a sender: for how long it had data under way, and what held it up.

    `receive_window_ns` and `send_buffer_ns` are parts of `busy_ns`: the time for which the network would have
    taken more, but the receiver's window or the sender's buffer did not let it. `packets` were acknowledged;
    of `ce_packets` the receiver said that they came with CE.
    """

    busy_ns: int = 0
    receive_window_ns: int = 0
    send_buffer_ns: int = 0
    packets: int = 0
    ce_packets: int = 0


def tcp_counts(connection: socket.socket) -> TcpCounts:
    """The counts of a connection so far."""
    busy_us, window_us, buffer_us, packets, ce_packets = _COUNTS.unpack(
        connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES)
    )
    return TcpCounts(busy_us * _US, window_us * _US, buffer_us * _US, packets, ce_packets)


def total(counts: Iterable[TcpCounts]) -> TcpCounts:
    """The sum over several connections."""
    each = list(counts)
    return TcpCounts(*(sum(getattr(one, field.name) for one in each) for field in fields(TcpCounts)))
