"""How the program inside the embedded kernel says how far it has come, and how the venue hears it.

The file is in the output folder, one JSON object a line. A writer opens, appends and closes for every
line, so that nothing of it is held back.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from testbed.errors import InvariantError
from testbed.record.guest_files import open_regular, remove

PROGRESS_NAME = "progress.jsonl"

_MOST_BYTES = 1 << 20
"""What one reading takes of the file at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Virtual time reached, of the virtual time that the run will take, and what is going on."""

    reached_ns: int
    of_ns: int
    text: str


def append_progress(output_dir: Path, progress: Progress) -> None:
    """Report progress from inside."""
    line = json.dumps({"reached_ns": progress.reached_ns, "of_ns": progress.of_ns, "text": progress.text})
    with (output_dir / PROGRESS_NAME).open("a", encoding="utf-8") as file:
        file.write(line + "\n")


class ProgressTail:
    """Reads the progress file from outside, each line once."""

    def __init__(self, output_dir: Path) -> None:
        self._path = output_dir / PROGRESS_NAME
        self._offset = 0

    def new_lines(self) -> list[Progress]:
        """The whole lines that have arrived since the last call; of very many, the rest is for the next one.

        Raises:
            InvariantError: A line is not what `append_progress` writes, or the file is no regular file.
        """
        try:
            with open_regular(self._path) as file:
                file.seek(self._offset)
                arrived = file.read(_MOST_BYTES)
        except FileNotFoundError:
            return []
        whole = arrived[: arrived.rfind(b"\n") + 1]
        if not whole and len(arrived) == _MOST_BYTES:
            raise InvariantError(f"{self._path} has a line of more than {_MOST_BYTES} bytes")
        self._offset += len(whole)
        return [_parse(line) for line in whole.splitlines()]

    def remove(self) -> None:
        """Remove the file, or whatever a program has put in its place."""
        remove(self._path)


def _parse(line: bytes) -> Progress:
    try:
        fields = json.loads(line)
        # The text is printed on a terminal, and any program inside may have written it.
        text = "".join(each if each.isprintable() else "?" for each in str(fields["text"]))
        return Progress(reached_ns=int(fields["reached_ns"]), of_ns=int(fields["of_ns"]), text=text)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise InvariantError(
            f"a line of {PROGRESS_NAME} is not {{reached_ns, of_ns, text}} as JSON: {line[:200]!r}"
        ) from error
