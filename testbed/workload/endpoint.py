"""A UDP socket that sends to many and hears from many, one packet at a time, on whatever host it was made."""

import socket
from collections.abc import Callable

from testbed.errors import KernelError
from testbed.host.loop import Loop

Address = tuple[str, int]
Heard = Callable[[bytes, Address], None]
"""Told the payload of a packet and where it came from."""

_MOST_BYTES = 65_536


class Endpoint:
    """Bound to an address of the host that this thread is on; what arrives is told at once.

    Raises:
        KernelError: The address cannot be bound; later, a packet cannot be sent.
    """

    def __init__(self, loop: Loop, address: str, port: int, heard: Heard) -> None:
        self._loop, self._heard = loop, heard
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            self._socket.bind((address, port))
        except OSError as error:
            raise KernelError(f"cannot bind UDP {address}:{port}: {error.strerror}") from error
        loop.on_readable(self._socket, self._take)

    def send(self, payload: bytes, to: Address) -> None:
        """Send one packet. What no queue has room for is lost, as in any network."""
        try:
            self._socket.sendto(payload, to)
        except BlockingIOError:
            return
        except OSError as error:
            raise KernelError(f"cannot send {len(payload)} B to {to[0]}:{to[1]}: {error.strerror}") from error

    def _take(self) -> None:
        try:
            payload, sender = self._socket.recvfrom(_MOST_BYTES)
        except BlockingIOError:
            return
        self._heard(payload, sender)

    def close(self) -> None:
        """Hear nothing any more."""
        self._loop.forget(self._socket)
        self._socket.close()
