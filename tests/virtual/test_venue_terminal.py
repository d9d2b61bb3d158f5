"""A program inside the embedded kernel on a terminal, with a pseudo-terminal for the user."""

import os
import pty
import select
import signal
import subprocess
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from venue_boot import PYTHON, embedded_kernel

from testbed.errors import KernelError
from testbed.venue.terminal import interact
from testbed.venue.virtual import Boot

RUNNER = """
import sys
from pathlib import Path
from testbed.venue.kernel import require
from testbed.venue.terminal import interact
from testbed.venue.virtual import Boot

boot = Boot(command=("sh", "-i"), output_dir=Path(sys.argv[1]), seed=1, wall_limit_s=60)
raise SystemExit(interact(require(), boot))
"""


class User:
    """Someone at a terminal on which a shell of the embedded kernel runs."""

    def __init__(self, output_dir: Path) -> None:
        self.keyboard, self.screen_side = pty.openpty()
        self.before = termios.tcgetattr(self.screen_side)
        self.process = subprocess.Popen(
            [PYTHON, "-c", RUNNER, str(output_dir)],
            stdin=self.screen_side,
            stdout=self.screen_side,
            stderr=self.screen_side,
            start_new_session=True,
        )
        self.seen = b""

    def type(self, text: str) -> None:
        os.write(self.keyboard, text.encode())

    def read_until(self, expected: str, timeout_s: float = 30) -> None:
        give_up_s = time.monotonic() + timeout_s
        while expected.encode() not in self.seen:
            ready, _, _ = select.select([self.keyboard], [], [], max(0.0, give_up_s - time.monotonic()))
            assert ready, f"{expected!r} did not come; the terminal shows {self.seen!r}"
            self.seen += os.read(self.keyboard, 4096)
        self.seen = self.seen.split(expected.encode(), 1)[1]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.keyboard)
        os.close(self.screen_side)


@pytest.fixture
def user(tmp_path: Path) -> Iterator[User]:
    embedded_kernel()
    someone = User(tmp_path)
    someone.read_until("# ")
    yield someone
    someone.close()


def test_what_is_typed_is_run_inside_and_the_status_comes_back(user: User, tmp_path: Path) -> None:
    user.type("echo $((6 * 7)) on $(hostname)\n")
    user.read_until("42 on testbed")
    user.type("exit 5\n")
    assert user.process.wait(20) == 5
    assert termios.tcgetattr(user.screen_side) == user.before
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_ends_the_program_inside_and_not_the_kernel(user: User) -> None:
    user.type("sleep 1000; echo ended with $?\n")
    user.read_until("\n")
    user.type("\x03")
    # A shell forgets what was typed before it has taken note of Ctrl-C.
    user.read_until("# ")
    user.type("echo still $((40 + 2))\n")
    user.read_until("still 42")
    user.type("exit\n")
    assert user.process.wait(20) in (0, 130)


def test_a_stopped_runner_gives_the_terminal_back(user: User, tmp_path: Path) -> None:
    assert termios.tcgetattr(user.screen_side) != user.before, "the kernel has made it raw"
    user.process.send_signal(signal.SIGTERM)
    assert user.process.wait(10) == 143
    assert termios.tcgetattr(user.screen_side) == user.before
    assert list(tmp_path.iterdir()) == []


def test_without_a_terminal_it_is_refused(tmp_path: Path) -> None:
    boot = Boot(command=("sh",), output_dir=tmp_path, seed=1, wall_limit_s=1)
    with pytest.raises(KernelError, match="start it from a terminal"):
        interact(embedded_kernel(), boot)
