"""`testbed serve` in a process of its own, for tests: started, listened to, called, ended."""

import json
import os
import re
import select
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PATIENCE_S = 300
"""For what takes seconds: only a test that waits in vain takes longer."""
COMMAND = "import sys; from testbed.cli import main; sys.exit(main(sys.argv[1:]))"


class Server:
    """`testbed serve` on a free port, with `run` below a folder as its run directory; what it has printed."""

    def __init__(
        self, folder: Path, code: str, options: tuple[str, ...], variables: Mapping[str, str]
    ) -> None:
        self.run = folder / "run"
        options = ("serve", *options, "--listen", "127.0.0.1:0", "--out", str(self.run))
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, *options],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **variables},
        )
        self.said = ""
        self.variant = ""

    def read_until(self, pattern: str) -> str:
        """Wait until a line matches; the first group of it."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line
            found = re.search(pattern, line)
            if found:
                return found[1] if found.groups() else found[0]
        raise AssertionError(f"{pattern!r} did not come; it said:\n{self.said}")

    def up(self) -> None:
        """Wait until it serves."""
        self.base = self.read_until(r"at (http://\S+)")
        self.token = self.read_until(r"^tokens? +(\S+)")

    def call(self, method: str, path: str, body: Any = None, token: str | None = None) -> tuple[int, Any]:
        """One request; status and JSON of the answer."""
        request = urllib.request.Request(
            self.base + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token or self.token}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as refused:
            return refused.code, json.loads(refused.read())

    def end(self, signum: signal.Signals = signal.SIGINT) -> int:
        """Tell it to end; its exit status."""
        self.process.send_signal(signum)
        rest, _ = self.process.communicate(timeout=PATIENCE_S)
        self.said += rest
        return self.process.returncode


@contextmanager
def serving(folder: Path, *options: str, code: str = COMMAND, **variables: str) -> Iterator[Server]:
    """A server, which is gone afterwards whatever happened."""
    served = Server(folder, code, options, variables)
    # Whoever waits for a line that does not come then finds the end of what was printed.
    patience = threading.Timer(PATIENCE_S, served.process.kill)
    patience.start()
    try:
        yield served
    finally:
        patience.cancel()
        served.process.kill()
        served.process.communicate()


def children(pid: int) -> list[int]:
    """A descriptor for each process that a process has started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The fields after the name, which may itself have spaces and brackets: state, then parent.
            parent = int(stat.read_text(errors="replace").rpartition(")")[2].split()[1])
            if parent == pid:
                found.append(os.pidfd_open(int(stat.parent.name)))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def gone(process: int) -> bool:
    """Whether the process of a descriptor has ended, waiting for that if need be."""
    ended, _, _ = select.select([process], [], [], PATIENCE_S)
    os.close(process)
    return bool(ended)
