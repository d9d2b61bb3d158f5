"""What the kernel counts of a TCP connection (struct tcp_info in include/uapi/linux/tcp.h)."""

import fcntl
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass, fields

_BYTES = 200
_COUNTS = struct.Struct("=68xI76xI16xQQ8xII")
"""tcpi_rtt, tcpi_min_rtt, tcpi_busy_time, tcpi_rwnd_limited, tcpi_delivered, tcpi_delivered_ce.

The kernel's own tcpi_sndbuf_limited stays at 0 for a sender that writes much at once: it looks only when a
packet is sent, and then the sender has just been given room.
"""
_US = 1_000
_SIOCOUTQNSD = 0x894B


@dataclass(frozen=True, slots=True)
class TcpCounts:
    """Of a sender: for how long it had data under way, and was held up meanwhile by the receiver's window.

    `round_trip_ns` is the smoothed one as of now, beside the least that was measured. `packets` were
    acknowledged; of `ce_packets` the receiver said that they came with CE.
    """

    round_trip_ns: int = 0
    least_round_trip_ns: int = 0
    busy_ns: int = 0
    receive_window_ns: int = 0
    packets: int = 0
    ce_packets: int = 0


def tcp_counts(connection: socket.socket) -> TcpCounts:
    """The counts of a connection so far."""
    found = _COUNTS.unpack(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES))
    round_trip_us, least_us, busy_us, window_us, packets, ce_packets = found
    return TcpCounts(
        round_trip_ns=round_trip_us * _US,
        least_round_trip_ns=least_us * _US,
        busy_ns=busy_us * _US,
        receive_window_ns=window_us * _US,
        packets=packets,
        ce_packets=ce_packets,
    )


def unsent_bytes(connection: socket.socket) -> int:
    """What waits in a connection's buffer to be sent for the first time."""
    (waiting,) = struct.unpack("=i", fcntl.ioctl(connection, _SIOCOUTQNSD, bytes(4)))
    return int(waiting)


def total(counts: Iterable[TcpCounts]) -> TcpCounts:
    """The sum over several connections, and of round trips the mean."""
    each = list(counts)
    sums = {field.name: sum(getattr(one, field.name) for one in each) for field in fields(TcpCounts)}
    for name in ("round_trip_ns", "least_round_trip_ns"):
        sums[name] //= max(len(each), 1)
    return TcpCounts(**sums)
