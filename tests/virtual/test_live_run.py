"""`testbed run --live` in a pseudo terminal: what it draws, that it changes nothing, and how it ends."""

import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fcntl import ioctl
from pathlib import Path

import pytest
from short_game import short_game
from venue_boot import embedded_kernel

from testbed.scenario.loading import from_mapping

TESTBED = str(Path(sys.executable).with_name("testbed"))
PATIENCE_S = 300.0
SAME = ("events.jsonl", "samples.parquet", "rates.parquet")
ALTERNATE_ON, ALTERNATE_OFF = b"\x1b[?1049h", b"\x1b[?1049l"
CURSOR_OFF, CURSOR_ON = b"\x1b[?25l", b"\x1b[?25h"
_AT_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Makes the terminal that of a new session, so that Ctrl-C in it is a signal, and becomes the command."""
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


class Terminal:
    """A terminal in which a command runs, and all that was written to it."""

    def __init__(self, command: list[str], columns: int, rows: int) -> None:
        self.ours, theirs = pty.openpty()
        ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.modes = termios.tcgetattr(theirs)
        self.process = subprocess.Popen(
            [sys.executable, "-c", _AT_TERMINAL, *command],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            env={**os.environ, "TERM": "xterm-256color"},
        )
        os.close(theirs)
        self.written = b""

    def read_until(self, words: str) -> None:
        """Read what is drawn until some words are there."""
        self._read(lambda: any(words in frame for frame in self.frames()))

    def end(self) -> int:
        """Read to the end; the exit status."""
        self._read(lambda: False)
        return self.process.wait(PATIENCE_S)

    def frames(self) -> list[str]:
        """The pictures that were drawn, without colours; only the newest is looked at while it runs."""
        drawn = self.written.decode("utf-8", "replace").split("\x1b[H")
        return [_ESCAPES.sub("", frame).replace("\r", "") for frame in drawn[1:]]

    def _read(self, enough: Callable[[], bool]) -> None:
        give_up_s = time.monotonic() + PATIENCE_S
        while not enough():
            assert time.monotonic() < give_up_s, f"waited in vain; it had drawn:\n{self.frames()[-1:]}"
            readable, _, _ = select.select([self.ours], [], [], 1.0)
            if not readable:
                continue
            try:
                arrived = os.read(self.ours, 65_536)
            except OSError:
                # What a terminal says when nobody has it open any more.
                return
            if not arrived:
                return
            self.written += arrived


@contextmanager
def terminal(*arguments: str, columns: int = 80, rows: int = 40) -> Iterator[Terminal]:
    made = Terminal([TESTBED, "run", *arguments], columns, rows)
    try:
        yield made
    finally:
        if made.process.poll() is None:
            os.killpg(made.process.pid, signal.SIGTERM)
            made.process.wait(PATIENCE_S)
        os.close(made.ours)


def run_alone(*arguments: str) -> None:
    """A run that nobody watches."""
    done = subprocess.run([TESTBED, "run", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Path:
    embedded_kernel()
    path = tmp_path_factory.mktemp("live") / "short_game.yaml"
    path.write_text(from_mapping(short_game(), "short_game").text)
    return path


@pytest.fixture(scope="module")
def watched(scenario: Path) -> Iterator[Terminal]:
    """A run that was watched to its end."""
    with terminal(str(scenario), "--live", "--out", str(scenario.parent / "watched")) as drawn:
        assert drawn.end() == 0, drawn.frames()[-1:]
        yield drawn


def test_it_shows_rates_delays_channels_jobs_and_events_of_both_variants(watched: Terminal) -> None:
    shown = [frame for frame in watched.frames() if "Delay" in frame]
    assert len(shown) > 3
    text = "\n".join(shown)
    assert "short_game, virtual venue  wall time" in text
    for expected in (
        r"^best_effort █.* s  \d+\.\d\d wall s per s",
        r"^elastic █",
        r"^player +down +[\d.]+ [MG]bit/s +[\d.]+ [kM]?bit/s +",
        r"^player +down +- +[\d.]+ Mbit/s +[\d.]+ kB",
        r"^player +probe +up +.*[▁-█]+ [\d.]+ ms to [\d.]+ ms",
        r"^player +frame +down +.*[▁-█]+ [\d.]+ ms to [\d.]+ ms",
        r"^player active: [\d.]+ Mbit/s downstream, 20\.0 Mbit/s upstream",
        r"^player running on edge, backup region",
        r"^ +2\.0 s scene player 4k rate 45 Mbit/s",
    ):
        assert re.search(expected, text, re.MULTILINE), f"{expected} was not drawn in\n{text}"


def test_no_picture_is_wider_or_higher_than_the_terminal(watched: Terminal) -> None:
    for frame in watched.frames()[:-1]:
        lines = frame.rstrip("\n").split("\n")
        assert max(map(len, lines)) <= 80
        assert len(lines) <= 40


def test_the_terminal_is_as_it_was_and_the_report_stands_on_it(watched: Terminal) -> None:
    assert watched.written.count(ALTERNATE_ON) == watched.written.count(ALTERNATE_OFF) == 1
    assert watched.written.rindex(CURSOR_ON) > watched.written.rindex(CURSOR_OFF)
    after = watched.written.partition(ALTERNATE_OFF)[2].decode()
    assert "expectations hold" in after


def test_a_run_that_is_watched_has_the_same_bytes_as_one_that_is_not(
    watched: Terminal, scenario: Path
) -> None:
    alone, other = scenario.parent / "alone", scenario.parent / "other"
    run_alone(str(scenario), "--out", str(alone))
    for name in SAME:
        assert (alone / name).read_bytes() == (scenario.parent / "watched" / name).read_bytes(), name
    run_alone(str(scenario), "--seed", "8", "--out", str(other))
    assert (alone / "samples.parquet").read_bytes() != (other / "samples.parquet").read_bytes()


def test_ctrl_c_leaves_the_terminal_sane_and_nothing_running(scenario: Path) -> None:
    out = scenario.parent / "interrupted"
    with terminal(str(scenario), "--live", "--out", str(out)) as drawn:
        drawn.read_until("Delay")
        os.write(drawn.ours, b"\x03")
        assert drawn.end() == 130, drawn.frames()[-1:]
    assert ALTERNATE_OFF in drawn.written
    assert drawn.written.rindex(CURSOR_ON) > drawn.written.rindex(CURSOR_OFF)
    assert "interrupted; nothing is left running" in drawn.written.partition(ALTERNATE_OFF)[2].decode()
    assert not out.exists()
    left = subprocess.run(["pgrep", "-f", str(out)], capture_output=True, text=True, check=False)
    assert left.stdout == ""


def test_on_what_is_no_terminal_it_is_an_error_before_anything_is_started(
    scenario: Path, tmp_path: Path
) -> None:
    command = [TESTBED, "run", str(scenario), "--live", "--out", str(tmp_path / "run")]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert refused.stderr == (
        "error: --live draws on a terminal, and standard error is none; "
        "leave it out, and progress is told in lines\n"
    )
    assert not (tmp_path / "run").exists()
