"""UDP in batches, with the kernel's receive timestamps.

The stamp is taken where the packet enters the receiving host, so a program that is late to read adds
nothing to a delay, and may read many packets at once. Python has no sendmmsg and recvmmsg of its own.
"""

import ctypes
import errno
import os
import socket
import struct
from collections.abc import Iterator, Sequence

from testbed.errors import KernelError
from testbed.host.clock import Clock

READ_INTERVAL_NS = 20_000_000
"""How often a receiver reads what has arrived; far below what its socket can hold."""
FRAMES_PORT, COMMANDS_PORT, PROBES_PORT = 0, 1, 2
"""What is added to a session's first port; downstream packets come from these, upstream ones go to them."""

HEADERS_BYTES = 28
"""IPv4 and UDP."""

NUMBER = struct.Struct("!Q")
"""What a numbered packet begins with."""

_SO_TIMESTAMPNS = 35
_SO_RCVBUFFORCE = 33
_SO_SNDBUFFORCE = 32
_BUFFER_BYTES = 256_000_000
"""The most that waits in a socket. What 50 Gbit/s bring in one interval, with the kernel's own overhead,
and what the distance behind a port holds of them: the only queue that is full is the network's."""
_IP_MTU_DISCOVER = 10
_IP_PMTUDISC_DO = 2
_BATCH = 64
_PACKET_BYTES = 2048
_CONTROL_BYTES = 64
_STAMP = struct.Struct("=QiiQQ")
"""struct cmsghdr, then struct timespec."""
_TOS = struct.Struct("=QiiB")
"""struct cmsghdr, then the type-of-service octet; behind the stamp, whose length is a multiple of 8."""
_ECN_BITS = _CE = 3
_NAME = struct.Struct("=H2s4s8x")
"""struct sockaddr_in: family, then port and address as on the wire."""
_HEADER_LENGTHS = struct.Struct("=40xQ8xI4x")
"""Of struct mmsghdr: the length of the control data and that of the packet."""


class _Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_char_p), ("length", ctypes.c_size_t))


class _Header(ctypes.Structure):
    """struct mmsghdr of x86-64."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("vectors", ctypes.POINTER(_Vector)),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
        ("padding", ctypes.c_int),
        ("length", ctypes.c_uint),
    )


_libc = ctypes.CDLL(None, use_errno=True)


class Datagrams:
    """A bound UDP socket that sends and receives many packets per system call.

    Raises:
        KernelError: The address cannot be bound; later, a packet could not be sent or received.
    """

    def __init__(self, clock: Clock, address: str, port: int) -> None:
        self._clock = clock
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)
        try:
            self._socket.bind((address, port))
        except OSError as error:
            raise KernelError(f"cannot bind UDP {address}:{port}: {error.strerror}") from error
        self.ce_packets = 0
        """How many of the packets read came with CE; 0 without `count_ce`."""
        self._counts_ce = False
        self._aimed_at: ctypes.Array[ctypes.c_char] | None = None
        self._names: bytearray | None = None
        self._packets = bytearray(_PACKET_BYTES * _BATCH)
        self._controls = bytearray(_CONTROL_BYTES * _BATCH)
        self._packed_headers = bytearray(ctypes.sizeof(_Header) * _BATCH)
        self._headers = (_Header * _BATCH).from_buffer(self._packed_headers)
        self._vectors = (_Vector * _BATCH)()
        packets_at, controls_at = _address(self._packets), _address(self._controls)
        for index, header in enumerate(self._headers):
            self._vectors[index] = _Vector(packets_at + index * _PACKET_BYTES, _PACKET_BYTES)
            header.vectors = ctypes.pointer(self._vectors[index])
            header.vector_count = 1
            header.control = controls_at + index * _CONTROL_BYTES

    def connect(self, address: str, port: int) -> None:
        """Send to this address from now on, and receive from it alone."""
        try:
            self._socket.connect((address, port))
        except OSError as error:
            raise KernelError(f"cannot send UDP to {address}:{port}: {error.strerror}") from error

    def fileno(self) -> int:
        """For the loop."""
        return self._socket.fileno()

    def aim(self, address: str, port: int) -> None:
        """Send to this address from now on, and go on receiving from everybody."""
        name = _NAME.pack(socket.AF_INET, port.to_bytes(2, "big"), socket.inet_aton(address))
        self._aimed_at = ctypes.create_string_buffer(name, _NAME.size)

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()

    def send(self, payloads: Sequence[bytes]) -> None:
        """Send packets to the connected address, or where they are aimed, back to back, in order."""
        vectors = (_Vector * len(payloads))()
        headers = (_Header * len(payloads))()
        for index, payload in enumerate(payloads):
            # A pointer to the bytes themselves; ctypes keeps them alive as long as the vector.
            vectors[index] = _Vector(payload, len(payload))
            headers[index].vectors = ctypes.pointer(vectors[index])
            headers[index].vector_count = 1
        if self._aimed_at is not None:
            for header in headers:
                header.name, header.name_length = ctypes.addressof(self._aimed_at), _NAME.size
        sent = 0
        while sent < len(payloads):
            first = ctypes.byref(headers, sent * ctypes.sizeof(_Header))
            count = _libc.sendmmsg(self._socket.fileno(), first, len(payloads) - sent, 0)
            if count < 0:
                number = ctypes.get_errno()
                if number == errno.ECONNREFUSED:
                    # Tells of an earlier packet that met a closed port; this one has not been tried yet.
                    continue
                reason = os.strerror(number)
                raise KernelError(f"cannot send packet {sent} of {len(payloads)} to {self._socket}: {reason}")
            sent += count

    def hold_much(self) -> None:
        """Hand over as much at once as a link holds; by default a hundred packets or so may wait in it."""
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, _BUFFER_BYTES)

    def mark(self, tos: int) -> None:
        """Send with this type of service from now on, as much as a link holds, and never in fragments."""
        self.hold_much()
        self._socket.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _IP_PMTUDISC_DO)
        self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, tos)

    def count_ce(self) -> None:
        """Have the kernel hand over the type of service of what arrives, and count what has CE."""
        self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
        self._counts_ce = True

    def send_one(self, payload: bytes | bytearray) -> None:
        """Send one packet to the connected address."""
        while True:
            try:
                self._socket.send(payload)
            except ConnectionRefusedError:
                continue  # tells of an earlier packet, as in `send`
            except OSError as error:
                reason = f"cannot send {len(payload)} B to {self._socket}: {error.strerror}"
                raise KernelError(reason) from error
            return

    def send_to(self, payload: bytes | bytearray | memoryview, address: str, port: int) -> None:
        """Send one packet from a socket that is not connected."""
        try:
            self._socket.sendto(payload, (address, port))
        except OSError as error:
            reason = f"cannot send {len(payload)} B to {address}:{port}: {error.strerror}"
            raise KernelError(reason) from error

    def waiting(self) -> Iterator[tuple[bytes, int]]:
        """Every packet that has arrived and not been read: its payload and the instant of its arrival."""
        for at, size_bytes, at_ns in self._stamped(0):
            yield bytes(self._packets[at : at + size_bytes]), at_ns

    def waiting_from(self) -> Iterator[tuple[bytes, int, str]]:
        """As `waiting`, with the address that each packet came from."""
        if self._names is None:
            self._names = bytearray(_NAME.size * _BATCH)
            names_at = _address(self._names)
            for index, header in enumerate(self._headers):
                # The kernel writes back how long a name is, and those of IPv4 are all of one length.
                header.name, header.name_length = names_at + index * _NAME.size, _NAME.size
        for at, size_bytes, at_ns in self._stamped(0):
            _, _, address = _NAME.unpack_from(self._names, at // _PACKET_BYTES * _NAME.size)
            yield bytes(self._packets[at : at + size_bytes]), at_ns, socket.inet_ntoa(address)

    def waiting_numbers(self) -> Iterator[tuple[int, int, int]]:
        """As `waiting`, of numbered packets: the number, the payload's size and the instant of arrival.

        Nothing is copied but the number, so packets may be larger than the buffer.
        """
        for at, size_bytes, at_ns in self._stamped(socket.MSG_TRUNC):
            yield NUMBER.unpack_from(self._packets, at)[0], size_bytes, at_ns

    def _stamped(self, flags: int) -> Iterator[tuple[int, int, int]]:
        """Where each waiting packet lies in the buffer, its size, and the instant of its arrival."""
        count = _BATCH
        while count == _BATCH:
            for header in self._headers:
                header.control_length = _CONTROL_BYTES
            count = _libc.recvmmsg(self._socket.fileno(), self._headers, _BATCH, flags, None)
            if count < 0:
                self._check_none_waiting(ctypes.get_errno())
                return
            lengths = _HEADER_LENGTHS.iter_unpack(self._packed_headers)
            for index, (control_bytes, size_bytes) in zip(range(count), lengths, strict=False):
                if self._counts_ce:
                    self.ce_packets += self._has_ce(index, control_bytes)
                yield index * _PACKET_BYTES, size_bytes, self._arrival_ns(index, control_bytes)

    def _check_none_waiting(self, number: int) -> None:
        """Pass over what says that there is nothing to read, or that an earlier packet met a closed port."""
        if number not in (errno.EAGAIN, errno.ECONNREFUSED):
            raise KernelError(f"cannot receive from {self._socket}: {os.strerror(number)}")

    def _arrival_ns(self, index: int, control_bytes: int) -> int:
        if control_bytes < _STAMP.size:
            raise KernelError("the kernel gave a packet without its receive timestamp")
        at = index * _CONTROL_BYTES
        _, level, kind, seconds, nanoseconds = _STAMP.unpack_from(self._controls, at)
        if (level, kind) != (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
            raise KernelError(f"the kernel sent ancillary data {level}/{kind} in place of a timestamp")
        return self._clock.from_kernel_ns(seconds * 10**9 + nanoseconds)

    def _has_ce(self, index: int, control_bytes: int) -> bool:
        if control_bytes < _STAMP.size + _TOS.size:
            raise KernelError("the kernel gave a packet without its type of service")
        _, level, kind, tos = _TOS.unpack_from(self._controls, index * _CONTROL_BYTES + _STAMP.size)
        if (level, kind) != (socket.IPPROTO_IP, socket.IP_TOS):
            raise KernelError(f"the kernel sent ancillary data {level}/{kind} in place of a type of service")
        return bool(tos & _ECN_BITS == _CE)


def _address(buffer: bytearray) -> int:
    """Where a buffer lies; it stays there, because a buffer that ctypes looks at cannot grow."""
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer))
