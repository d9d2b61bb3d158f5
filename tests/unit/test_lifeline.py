"""What is tied to a process ends when that does, also if it had gone before the tie was made."""

import os
import select
import signal
import subprocess
import sys

import pytest

from testbed import lifeline

STARTER = """
import subprocess, sys
from testbed.lifeline import tied
child = subprocess.Popen(tied([sys.executable, "-c", sys.argv[1]]), stdout=1)
child.wait()
"""
SAY_AND_WAIT = "import os, time; print(os.getpid(), flush=True); time.sleep(1000)"


def has_ended(pid: int, within_s: float = 20.0) -> bool:
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    ready, _, _ = select.select([descriptor], [], [], within_s)
    os.close(descriptor)
    return bool(ready)


def test_a_tied_process_dies_with_its_starter() -> None:
    with subprocess.Popen([sys.executable, "-c", STARTER, SAY_AND_WAIT], stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        tied_pid = int(starter.stdout.readline())
        assert not has_ended(tied_pid, within_s=0.0)
        starter.kill()
    assert has_ended(tied_pid)


def test_without_a_tie_it_would_live_on() -> None:
    untied = STARTER.replace("tied([sys.executable", "list([sys.executable")
    with subprocess.Popen([sys.executable, "-c", untied, SAY_AND_WAIT], stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        starter.kill()
    assert not has_ended(pid, within_s=0.2)
    os.kill(pid, signal.SIGKILL)


def test_the_tie_gives_the_signal_that_was_asked_for() -> None:
    heed = (
        "import signal, sys\n"
        "signal.signal(signal.SIGTERM, lambda *_: print('told', flush=True) or sys.exit())\n"
    )
    starter_code = STARTER.replace("sys.argv[1]])", "sys.argv[1]], __import__('signal').SIGTERM)")
    with subprocess.Popen(
        [sys.executable, "-c", starter_code, heed + SAY_AND_WAIT], stdout=subprocess.PIPE
    ) as starter:
        assert starter.stdout is not None
        tied_pid = int(starter.stdout.readline())
        starter.kill()
        assert starter.stdout.readline() == b"told\n"
    assert has_ended(tied_pid)


def test_a_starter_that_has_gone_already_is_noticed() -> None:
    # Process 1 is not who starts this, as if that had died and left the child to somebody else.
    script = [sys.executable, "-I", "-S", lifeline.__file__, "1", str(int(signal.SIGTERM))]
    ended = subprocess.run([*script, "echo", "started"], capture_output=True, check=False)
    assert ended.returncode == 128 + signal.SIGTERM
    assert ended.stdout == b""


def test_a_program_that_is_not_there_is_told() -> None:
    ended = subprocess.run(lifeline.tied(["no-such-program"]), capture_output=True, text=True, check=False)
    assert ended.returncode == 127
    assert ended.stderr == "error: cannot start no-such-program: No such file or directory\n"


@pytest.mark.parametrize("status", [0, 3])
def test_a_tied_program_keeps_its_status(status: int) -> None:
    assert subprocess.run(lifeline.tied(["sh", "-c", f"exit {status}"]), check=False).returncode == status
