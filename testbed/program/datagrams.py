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
from testbed.program.clock import Clock

READ_INTERVAL_NS = 20_000_000
"""How often a receiver reads what has arrived; far below what its socket can hold."""
FRAMES_PORT, COMMANDS_PORT, PROBES_PORT = 0, 1, 2
"""What is added to a session's first port; downstream packets come from these, upstream ones go to them."""

_SO_TIMESTAMPNS = 35
_SO_RCVBUFFORCE = 33
_RECEIVE_BUFFER_BYTES = 16_000_000
_BATCH = 64
_PACKET_BYTES = 2048
_CONTROL_BYTES = 64
_STAMP = struct.Struct("=QiiQQ")
"""struct cmsghdr, then struct timespec."""


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
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER_BYTES)
        try:
            self._socket.bind((address, port))
        except OSError as error:
            raise KernelError(f"cannot bind UDP {address}:{port}: {error.strerror}") from error
        self._packets = (ctypes.c_char * _PACKET_BYTES * _BATCH)()
        self._controls = (ctypes.c_char * _CONTROL_BYTES * _BATCH)()
        self._vectors = (_Vector * _BATCH)()
        self._headers = (_Header * _BATCH)()
        for index in range(_BATCH):
            self._vectors[index] = _Vector(ctypes.addressof(self._packets[index]), _PACKET_BYTES)
            header = self._headers[index]
            header.vectors = ctypes.pointer(self._vectors[index])
            header.vector_count = 1
            header.control = ctypes.addressof(self._controls[index])

    def connect(self, address: str, port: int) -> None:
        """Send to this address from now on, and receive from it alone."""
        try:
            self._socket.connect((address, port))
        except OSError as error:
            raise KernelError(f"cannot send UDP to {address}:{port}: {error.strerror}") from error

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()

    def send(self, payloads: Sequence[bytes]) -> None:
        """Send packets to the connected address, back to back, in order."""
        vectors = (_Vector * len(payloads))()
        headers = (_Header * len(payloads))()
        for index, payload in enumerate(payloads):
            # A pointer to the bytes themselves; ctypes keeps them alive as long as the vector.
            vectors[index] = _Vector(payload, len(payload))
            headers[index].vectors = ctypes.pointer(vectors[index])
            headers[index].vector_count = 1
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

    def waiting(self) -> Iterator[tuple[bytes, int]]:
        """Every packet that has arrived and not been read: its payload and the instant of its arrival."""
        count = _BATCH
        while count == _BATCH:
            for header in self._headers:
                header.control_length = _CONTROL_BYTES
            count = _libc.recvmmsg(self._socket.fileno(), self._headers, _BATCH, 0, None)
            if count < 0:
                self._check_none_waiting(ctypes.get_errno())
            for index in range(count):
                payload = ctypes.string_at(self._packets[index], self._headers[index].length)
                yield payload, self._arrival_ns(index)

    def _check_none_waiting(self, number: int) -> None:
        """Pass over what says that there is nothing to read, or that an earlier packet met a closed port."""
        if number not in (errno.EAGAIN, errno.ECONNREFUSED):
            raise KernelError(f"cannot receive from {self._socket}: {os.strerror(number)}")

    def _arrival_ns(self, index: int) -> int:
        header = self._headers[index]
        if header.control_length < _STAMP.size:
            raise KernelError("the kernel gave a packet without its receive timestamp")
        _, level, kind, seconds, nanoseconds = _STAMP.unpack_from(self._controls[index])
        if (level, kind) != (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
            raise KernelError(f"the kernel sent ancillary data {level}/{kind} in place of a timestamp")
        return self._clock.from_kernel_ns(seconds * 10**9 + nanoseconds)
