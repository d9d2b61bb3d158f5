"""The inner end of a serial line: `serial_line.py OUTPUT echo` or `… OUTPUT ahead COUNT MORE_MS`.

`echo` sends back every message until the other end is closed, and writes how many there were. `ahead` lets
so many bytes come before it reads the first of them, says when it has them all, and writes whether anything
came after that, within so many milliseconds.
"""

import json
import os
import select
import sys
import time
from pathlib import Path

from testbed.host.line import Line
from testbed.venue.virtual import SERIAL_IN_GUEST


def comes(line: Line, timeout_ms: int | None = None) -> bool:
    waiting = select.poll()
    waiting.register(line, select.POLLIN)
    return bool(waiting.poll(timeout_ms))


def echo(line: Line, output: Path) -> None:
    count = 0
    try:
        while comes(line):
            for message in line.receive():
                line.send(message)
                count += 1
    except EOFError:
        (output / "echo.json").write_text(json.dumps(count))


def ahead(line: Line, output: Path, count: int, more_ms: int) -> None:
    while not (output / "sent").exists():
        time.sleep(0.05)
    came = 0
    while came < count and comes(line):
        came += len(os.read(line.fileno(), 65_536))
    line.send({"came": came})
    (output / "ahead.json").write_text(json.dumps(comes(line, more_ms)))


def main() -> None:
    output = Path(sys.argv[1])
    line = Line.serial(Path(SERIAL_IN_GUEST))
    line.send({"kind": "ready"})
    if sys.argv[2] == "echo":
        echo(line, output)
    else:
        ahead(line, output, int(sys.argv[3]), int(sys.argv[4]))


if __name__ == "__main__":
    main()
