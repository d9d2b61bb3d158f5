"""What a signal does to a command: it ends it at once, unwinds it, or waits until a step is whole."""

import os
import signal
import subprocess
import sys

import pytest

PROGRAM = """
import os, signal, sys, time
from testbed.cli import interrupts
from testbed.cli.interrupts import held, lent, taken, unwinding

def send(*names):
    for name in names:
        os.kill(os.getpid(), getattr(signal, name))

with taken(to_the_end=True):
    try:
        {body}
    except KeyboardInterrupt as interruption:
        print(interrupts.sentence(interruption))
        sys.exit(interrupts.exit_status(interruption))
print("ended")
send("SIGINT")
"""


def ran(*body: str) -> subprocess.CompletedProcess[str]:
    """The program with nothing ignored: whoever runs the tests may ignore signals, as nohup does."""
    code = PROGRAM.replace("{body}", "\n        ".join(body))
    command = ["env", "--default-signal", sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_ends_a_command_in_one_line_and_with_its_number(signum: signal.Signals) -> None:
    how = "interrupted" if signum == signal.SIGINT else f"ended by {signum.name}"
    told = f"{how}; nothing is left running\n"
    at_once = ran(f"send('{signum.name}')", "print('never')")
    assert (at_once.returncode, at_once.stdout, at_once.stderr) == (128 + signum, "", told)
    unwound = ran("with unwinding():", f"    send('{signum.name}')", "    print('never')")
    assert (unwound.returncode, unwound.stdout, unwound.stderr) == (128 + signum, told, "")


def test_a_step_that_must_be_whole_is_done_first() -> None:
    done = ran("with unwinding(), held():", "    send('SIGTERM')", "    print('whole')", "print('never')")
    assert (done.returncode, done.stdout) == (143, "whole\nended by SIGTERM; nothing is left running\n")


def test_a_second_signal_does_not_cut_short_what_the_first_undoes() -> None:
    done = ran(
        "with unwinding():",
        "    try:",
        "        send('SIGHUP')",
        "    finally:",
        "        send('SIGTERM')",
        "        print('undone')",
    )
    assert (done.returncode, done.stdout) == (129, "undone\nended by SIGHUP; nothing is left running\n")


def test_the_third_signal_ends_at_once() -> None:
    done = ran("with unwinding(), held():", "    send('SIGHUP', 'SIGHUP', 'SIGTERM')", "    print('never')")
    assert (done.returncode, done.stdout) == (143, "")


def test_a_signal_in_a_finalizer_is_not_lost() -> None:
    """Python drops what is raised there, and prints it with a traceback."""
    done = ran(
        "class Finalized:",
        "    def __del__(self):",
        "        send('SIGTERM')",
        "with unwinding():",
        "    Finalized()",
        "    time.sleep(50)",
    )
    assert (done.returncode, done.stderr) == (143, "")


def test_what_has_come_to_its_end_is_not_interrupted() -> None:
    done = ran("pass")
    assert (done.returncode, done.stdout, done.stderr) == (0, "ended\n", "")


def test_a_signal_that_the_shell_ignores_stays_ignored() -> None:
    done = ran("pass")
    assert done.returncode == 0
    code = PROGRAM.replace("{body}", "with unwinding(): send('SIGHUP')")
    command = ["bash", "-c", 'trap \'\' HUP; exec "$0" -c "$1"', sys.executable, code]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_signals_are_taken_again_after_an_event_loop() -> None:
    """A loop that has taken them leaves the system's own behaviour when it closes."""
    done = ran(
        "import asyncio",
        "async def serve():",
        "    stop = asyncio.Event()",
        "    for name in ('SIGINT', 'SIGTERM'):",
        "        asyncio.get_running_loop().add_signal_handler(getattr(signal, name), stop.set)",
        "    send('SIGTERM')",
        "    await stop.wait()",
        "with unwinding():",
        "    with lent(): asyncio.run(serve())",
        "    print('served')",
        "    send('SIGINT')",
    )
    assert (done.returncode, done.stdout) == (130, "served\ninterrupted; nothing is left running\n")


def test_keys_of_the_terminal_are_left_to_a_program_in_the_foreground() -> None:
    """As Mininet's command line is, in which Ctrl-C ends a ping."""
    done = ran(
        "with unwinding():",
        "    with interrupts.keys_for_child(): send('SIGINT', 'SIGQUIT', 'SIGINT')",
        "    print('after the program')",
        "    send('SIGTERM')",
    )
    assert done.returncode == 143
    assert done.stdout == "after the program\nended by SIGTERM; nothing is left running\n"


def test_the_command_takes_signals_before_it_imports_what_is_large() -> None:
    code = (
        "import sys, testbed.cli; print([n for n in ('typing', 'pathlib', 'pydantic') if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )
    assert done.stdout == "[]\n"
