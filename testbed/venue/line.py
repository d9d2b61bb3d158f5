"""The outer end of the embedded kernel's serial line, as a plain stream of bytes for whoever talks to it.

The line itself takes only so much ahead of its reader; why, and how that is told, is in
`testbed.host.line`.
"""

import asyncio
import socket
from contextlib import suppress

from testbed.host.line import CONFIRMATION, CONFIRMED_BYTES

_READ_BYTES = 65_536
_GONE = (BrokenPipeError, ConnectionResetError)
"""What a write says when the other end is closed. That is no error here: reading finds the end as well."""


async def carry(near: socket.socket, serial: socket.socket) -> None:
    """Carry bytes between a socket and the serial line until the kernel's process ends; both are closed then.

    Once the socket's other end is closed the program inside finds its line at an end, and what it says
    from then on is nobody's.
    """
    near_reader, near_writer = await asyncio.open_connection(sock=near)
    serial_reader, serial_writer = await asyncio.open_connection(sock=serial)
    window = _Window()
    inwards = asyncio.create_task(_inwards(near_reader, serial_writer, window))
    try:
        await _outwards(serial_reader, near_writer, window)
    finally:
        inwards.cancel()
        await asyncio.gather(inwards, return_exceptions=True)
        for writer in (near_writer, serial_writer):
            writer.close()
            with suppress(*_GONE):
                await writer.wait_closed()


class _Window:
    """How many bytes may be sent before some of them have been taken."""

    def __init__(self) -> None:
        self._open_bytes = 0
        self._opened = asyncio.Event()

    def widen(self, confirmations: int) -> None:
        self._open_bytes += confirmations * CONFIRMED_BYTES
        if self._open_bytes:
            self._opened.set()

    async def take(self, wanted_bytes: int) -> int:
        """Wait until something may be sent; how much of what is wanted."""
        await self._opened.wait()
        taken_bytes = min(wanted_bytes, self._open_bytes)
        self._open_bytes -= taken_bytes
        if not self._open_bytes:
            self._opened.clear()
        return taken_bytes


async def _inwards(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, window: _Window) -> None:
    with suppress(*_GONE):
        while left := await reader.read(_READ_BYTES):
            while left:
                part_bytes = await window.take(len(left))
                writer.write(left[:part_bytes])
                left = left[part_bytes:]
                await writer.drain()
        writer.write_eof()


async def _outwards(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, window: _Window) -> None:
    with suppress(ConnectionResetError):
        while arrived := await reader.read(_READ_BYTES):
            said = arrived.replace(CONFIRMATION, b"")
            window.widen(len(arrived) - len(said))
            if said and not writer.is_closing():
                with suppress(*_GONE):
                    writer.write(said)
                    await writer.drain()
