"""Whatever of the testbed is killed, at whatever level and in whatever phase: nothing of the run lives on."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from venue_boot import PYTHON, embedded_kernel

SCENARIO = """
title: a program that never comes to its end
duration: 100 ms
network: {topology: elastic_access, parameters: {onus: 1, nodes: {node1: {delay: 1 ms}}}}
access:
  downstream: {rate: 50 Mbit/s, committed: 10 Mbit/s, queue: 200 kB}
  upstream: {rate: 20 Mbit/s, committed: 10 Mbit/s, queue: 100 kB}
programs:
  spinner: {host: home1, command: [sh, -c, 'echo spins; while :; do :; done']}
"""
TESTBED = "import sys; from testbed.cli import main; sys.exit(main())"
POLLS, POLL_S = 200, 0.05
"""How often we look whether everything has gone. Killing takes a processor for milliseconds, not seconds."""

Find = Callable[[Path], set[int]]


@dataclass(frozen=True)
class Process:
    """What /proc says of one that has to do with a folder."""

    pid: int
    parent: int
    works_in: str
    command: list[str]


def processes(folder: Path) -> list[Process]:
    """Every process that has to do with a folder, by its command line or by where it works."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                works_in = os.readlink(entry / "cwd")
                command = (entry / "cmdline").read_bytes().decode(errors="replace")
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if works_in.startswith(str(folder)) or str(folder) in command:
                found.append(Process(int(entry.name), parent, works_in, command.split("\0")))
    return found


def ours(folder: Path) -> set[int]:
    return {each.pid for each in processes(folder)}


def kernels(folder: Path) -> set[int]:
    """The kernels, once they are what their processes run; guest processes have one for their parent."""
    booted = [each for each in processes(folder) if "time-travel=inf-cpu" in each.command]
    working = {each.pid for each in booted if not any(word.endswith("jail.py") for word in each.command)}
    return {each.pid for each in booted if each.pid in working and each.parent not in working}


def module(name: str) -> Find:
    """Processes of a folder that run a module, and no longer the script that ties them."""

    def found(folder: Path) -> set[int]:
        return {each.pid for each in processes(folder) if each.command[1:3] == ["-m", name]}

    return found


outer = module("testbed.venue.launcher")
swept = module("testbed.cli.sweep_worker")


def spins(folder: Path) -> bool:
    """Whether the scenario's program is under way."""
    return any(path.stat().st_size for path in folder.rglob("spinner.out"))


def wait_for(what: Callable[[], object], command: "subprocess.Popen[bytes]", limit_s: float = 240.0) -> None:
    give_up_s = time.monotonic() + limit_s
    while not what():
        assert command.poll() is None, "the command ended by itself"
        assert time.monotonic() < give_up_s
        time.sleep(0.01)


@contextmanager
def command(tmp_path: Path, *words: str) -> Iterator["subprocess.Popen[bytes]"]:
    """`testbed …` in a folder of its own, with a limit that ends it if this test does not."""
    embedded_kernel()
    path = tmp_path / "spins.yaml"
    path.write_text(SCENARIO, encoding="utf-8")
    started = subprocess.Popen(
        [PYTHON, "-c", TESTBED, *words, "--out", str(tmp_path / "out"), "--wall-limit", "300"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield started
    finally:
        started.kill()
        started.wait()


def left_of(folder: Path) -> set[int]:
    """What still runs after so many polls; returns as soon as nothing does."""
    for _ in range(POLLS):
        if not ours(folder):
            return set()
        time.sleep(POLL_S)
    return ours(folder)


def in_phase(found: Find, tmp_path: Path) -> Callable[[], object]:
    return lambda: found(tmp_path)


@pytest.mark.parametrize(("phase", "find"), [("its starter is up", outer), ("its kernel boots", kernels)])
def test_a_command_killed_while_it_starts_leaves_nothing(tmp_path: Path, phase: str, find: Find) -> None:
    with command(tmp_path, "run", "spins.yaml") as started:
        wait_for(in_phase(find, tmp_path), started)
        started.kill()
        started.wait()
        assert left_of(tmp_path) == set(), phase


@pytest.mark.parametrize("level", ["command", "starter", "kernel"])
def test_whatever_is_killed_while_a_run_is_under_way_leaves_nothing(tmp_path: Path, level: str) -> None:
    with command(tmp_path, "run", "spins.yaml") as started:
        wait_for(lambda: spins(tmp_path), started)
        killed = {"command": {started.pid}, "starter": outer(tmp_path), "kernel": kernels(tmp_path)}[level]
        assert len(killed) == 1
        os.kill(killed.pop(), signal.SIGKILL)
        assert left_of(tmp_path) == set()


@pytest.mark.parametrize("level", ["command", "worker"])
def test_whatever_of_a_sweep_is_killed_leaves_nothing(tmp_path: Path, level: str) -> None:
    with command(tmp_path, "sweep", "spins.yaml", "--seeds", "1") as started:
        wait_for(lambda: kernels(tmp_path), started)
        killed = {"command": {started.pid}, "worker": swept(tmp_path)}[level]
        assert len(killed) == 1
        os.kill(killed.pop(), signal.SIGKILL)
        assert left_of(tmp_path) == set()
