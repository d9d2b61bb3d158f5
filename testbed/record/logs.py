"""Line logs of a running variant: its events, and the rates sampled along the way.

Each line is one JSON object with its keys in the order given, so the same run gives the same bytes.
Which kinds of event there are and what they carry is in `testbed.record.events`.
"""

import json
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from testbed.errors import InvariantError
from testbed.record.event import Event

EVENTS_FILE = "events.jsonl"
RATES_FILE = "rates.jsonl"


def json_line(fields: dict[str, Any]) -> str:
    """One JSON object as a line: compact, ASCII, keys as given; NaN and infinity are refused."""
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=True, allow_nan=False) + "\n"


def json_object(line: bytes, subject: str) -> dict[str, Any]:
    """Parse a line as a JSON object. `subject` begins the error message: "a message on the line is not a".

    Raises:
        InvariantError: It is not JSON, or not an object.
    """
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvariantError(f"{subject} JSON object: {line[:200]!r}") from error
    if not isinstance(found, dict):
        raise InvariantError(f"{subject} JSON object: {line[:200]!r}")
    return found


class Closing(ABC):
    """A log that a `with` statement closes, whatever ends its block."""

    @abstractmethod
    def close(self) -> None:
        """Finish; a second call has no effect."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class LineLog(Closing):
    """Appends JSON objects to a file, each on its line, each written before the call returns."""

    file_name: str

    def __init__(self, directory: Path) -> None:
        self.path = directory / self.file_name
        # Line buffering: an event must be on disk when the next one kills the program.
        self._file = self.path.open("a", buffering=1, encoding="ascii", newline="\n")

    def _append(self, fields: dict[str, Any]) -> None:
        self._file.write(json_line(fields))

    def close(self) -> None:
        """Close the file; closing again does nothing."""
        self._file.close()


class EventLog(LineLog):
    """Everything that happened and was decided, each with its instant."""

    file_name = EVENTS_FILE

    def write(self, event: Event, at_ns: int) -> None:
        """Record an event at an instant in ns since the start of the scenario."""
        self._append({"at_ns": at_ns, **event.as_json()})


class RateLog(LineLog):
    """What each session was allocated, asked for and used, sampled at intervals."""

    file_name = RATES_FILE

    def write(
        self,
        at_ns: int,
        *,
        session: str,
        direction: str,
        throughput_bps: int,
        rate_bps: int | None = None,
        demand_bps: int | None = None,
        backlog_bytes: int | None = None,
        dropped: int | None = None,
    ) -> None:
        """Record one sample of one direction.

        `rate_bps` is what the session's channel is given, None without a channel. Throughput,
        backlog and `dropped` (packets since the start) are of the class that carries the session; of what
        has no class, throughput is all that is known.
        """
        self._append(
            {
                "at_ns": at_ns,
                "session": session,
                "direction": direction,
                "rate_bps": rate_bps,
                "demand_bps": demand_bps,
                "throughput_bps": throughput_bps,
                "backlog_bytes": backlog_bytes,
                "dropped": dropped,
            }
        )
