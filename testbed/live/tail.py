"""Files that grow, read from where the last reading ended: whole lines and records, so much at a time."""

import struct
from pathlib import Path
from typing import Any

from testbed.errors import InvariantError
from testbed.record.guest_files import open_regular
from testbed.record.logs import json_object

MOST_BYTES = 1 << 20
"""What one reading takes of a file at most; the rest is for the next one."""


class _Growing:
    """The bytes appended to a file since it was last read; it need not be there yet, or any more."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0

    def _arrived(self) -> bytes:
        try:
            with open_regular(self.path) as file:
                file.seek(self._offset)
                return file.read(MOST_BYTES)
        except FileNotFoundError:
            return b""


class LineTail(_Growing):
    """The JSON objects of a file of lines."""

    def new_objects(self) -> list[dict[str, Any]]:
        """Those whose whole lines have arrived since the last call; the rest of a line waits for its end.

        Raises:
            InvariantError: A line is no JSON object, or longer than one reading.
        """
        arrived = self._arrived()
        whole = arrived[: arrived.rfind(b"\n") + 1]
        if not whole and len(arrived) == MOST_BYTES:
            raise InvariantError(f"{self.path} has a line of more than {MOST_BYTES} bytes")
        self._offset += len(whole)
        return [json_object(line, f"{self.path} has a line that is no") for line in whole.splitlines()]


class RecordTail(_Growing):
    """The records of a file of fixed records."""

    def __init__(self, path: Path, layout: struct.Struct) -> None:
        super().__init__(path)
        self._layout = layout

    def new_records(self) -> list[tuple[int, ...]]:
        """Those that have arrived whole since the last call."""
        arrived = self._arrived()
        whole_bytes = len(arrived) - len(arrived) % self._layout.size
        self._offset += whole_bytes
        return list(self._layout.iter_unpack(arrived[:whole_bytes]))
