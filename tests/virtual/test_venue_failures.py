"""Every way in which an embedded kernel can fail is provoked, and told in plain words."""

import os
import re
import signal
import threading
import time
from pathlib import Path

import pytest
from venue_boot import PYTHON, console_of, run_inside

from testbed.errors import KernelError, LimitError, NotReadyError, TestbedError
from testbed.venue.virtual import OUTPUT_IN_GUEST

CRASH_INIT = """
import ctypes, os
ptrace = ctypes.CDLL(None).ptrace
ptrace.argtypes = [ctypes.c_long] * 4
ATTACH, POKEUSER, DETACH, RIP, ANY_CHILD = 16, 6, 17, 16 * 8, 0x40000000
assert ptrace(ATTACH, 1, 0, 0) == 0
os.waitpid(1, ANY_CHILD)
assert ptrace(POKEUSER, 1, RIP, 8) == 0
ptrace(DETACH, 1, 0, 0)
"""
"""Sends the first process to an address where there is nothing."""


def failure(output_dir: Path, *command: str, kind: type[TestbedError] = KernelError, **bounds: object) -> str:
    with pytest.raises(kind) as caught:
        run_inside(output_dir, *command, **bounds)
    left = sorted(path.name for path in output_dir.iterdir())
    assert left == ["console.log"], "a failed boot leaves its console and nothing else"
    return str(caught.value)


def stall(output_dir: Path, *command: str, **bounds: object) -> str:
    return failure(output_dir, *command, kind=LimitError, **bounds)


def test_a_spin_without_a_system_call_is_stopped_and_its_program_named(tmp_path: Path) -> None:
    on_a_host = "ip netns add home1; ip -n home1 link add home1-eth0 type dummy; exec ip netns exec home1"
    message = stall(tmp_path, "sh", "-c", f"{on_a_host} {PYTHON} -c 'while True: pass'", stall_limit_s=3)
    assert re.search(
        r"virtual time has stood still at 0\.\d{6} s after the boot for 3 s of CPU time, in which no system "
        r"call was made: python3?(\.\d+)? \(process \d+ on host home1\) spins",
        message,
    )


def test_a_spin_of_calls_that_cost_nothing_is_stopped_and_their_number_told(tmp_path: Path) -> None:
    spin = "import os\nwhile True: os.getppid()"
    message = stall(tmp_path, PYTHON, "-c", spin, stall_limit_s=2)
    assert re.search(r"for 2 s of CPU time, in which [\d,]{5,} system calls were made: python", message)


def kernel_of_this_process() -> int:
    """The process that runs the kernel which this process has booted."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if parent == os.getpid() and b"time-travel=inf-cpu" in (entry / "cmdline").read_bytes():
                return int(entry.name)
    raise AssertionError("no kernel runs")


def test_a_host_that_has_no_time_for_a_guest_does_not_stop_it(tmp_path: Path) -> None:
    """The guest computes for less than its limit, and stands still for longer than that."""
    held: list[int] = []

    def hold() -> None:
        give_up_s = time.monotonic() + 60
        while not (tmp_path / "ready").exists() and time.monotonic() < give_up_s:
            time.sleep(0.02)
        held.append(kernel_of_this_process())
        os.kill(held[0], signal.SIGSTOP)
        time.sleep(4)
        os.kill(held[0], signal.SIGCONT)

    holder = threading.Thread(target=hold)
    holder.start()
    command = f"echo > {OUTPUT_IN_GUEST}/ready; {PYTHON} -c 'sum(range(30_000_000))'"
    outcome = run_inside(tmp_path, "sh", "-c", command, stall_limit_s=3)
    holder.join()
    assert outcome.exit_status == 0
    assert outcome.wall_s > 4
    assert held


SPINS = """
import ctypes, mmap, os, select, socket, time
code = mmap.mmap(-1, 4096, prot=7)
code.write(b"\\x0f\\x31\\x48\\xc1\\xe2\\x20\\x48\\x09\\xd0\\xc3")
rdtsc = ctypes.CFUNCTYPE(ctypes.c_uint64)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.bind(("127.0.0.1", 0))
receiver.setblocking(False)
def receive():
    try:
        receiver.recv(1)
    except BlockingIOError:
        pass
time.sleep(0.05)
print("free", *[time.monotonic_ns() for _ in range(3)])
for _ in range(100_000):
    os.sched_yield()
if os.fork() == 0:
    # Whatever else is due happens at its instant, while its parent spins.
    time.sleep(0.001)
    woke = time.monotonic_ns()
    time.sleep(0.001)
    print("beside", time.monotonic_ns() - woke)
    os._exit(0)
looks = dict(clock=lambda: None, yields=os.sched_yield, poll=lambda: select.select([], [], [], 0),
             sleep=lambda: time.sleep(0), fails=receive, rdtsc=rdtsc)
for name, look in looks.items():
    began, count = time.monotonic_ns(), 0
    while time.monotonic_ns() < began + 1_000_000:
        look()
        count += 1
    print(name, count, time.monotonic_ns() - began)
began = rdtsc()
time.sleep(0.001)
print("counter", rdtsc() - began)
"""


def test_looks_cost_virtual_time_once_they_are_too_many(tmp_path: Path) -> None:
    outputs = []
    for name in ("first", "second"):
        outcome = run_inside(tmp_path / name, PYTHON, "-c", SPINS)
        assert outcome.exit_status == 0, console_of(outcome)
        outputs.append(console_of(outcome))
    assert outputs[0] == outputs[1], "what a spin costs is counted, not measured"
    found = {
        line.split()[0]: [int(each) for each in line.split()[1:]] for line in outputs[0].splitlines()[:-1]
    }
    first, *others = found.pop("free")
    assert others == [first + 1, first + 2], "without a spin a look at the clock costs its nanosecond alone"
    assert 1_000_000 <= found.pop("beside")[0] < 1_000_100
    assert 1_000_000 <= found.pop("counter")[0] < 1_000_100
    # 1 us for each look: of the loop at the clock, of its body, and of Python, which looks at it as well.
    looks = {"clock": 1, "yields": 2, "poll": 3, "sleep": 3, "fails": 2, "rdtsc": 2}
    assert found.keys() == looks.keys()
    for name, (count, took_ns) in found.items():
        assert 985 <= count * looks[name] <= 1_000, name
        assert 1_000_000 <= took_ns < 1_004_000, name


def test_a_deadlock_is_noticed_by_the_virtual_time_that_passes(tmp_path: Path) -> None:
    message = failure(tmp_path, PYTHON, "-c", "import signal; signal.pause()")
    assert "deadlock: 3600 s of virtual time have passed without progress" in message


def test_a_panic_is_told_with_the_end_of_the_console(tmp_path: Path) -> None:
    message = failure(tmp_path, PYTHON, "-c", CRASH_INIT)
    assert "the first process inside died" in message
    assert "Kernel panic - not syncing: Attempted to kill init!" in message


def test_running_out_of_memory_inside_is_told(tmp_path: Path) -> None:
    hoard = "hoard = []\nwhile True: hoard.append(b'x' * 10_000_000)"
    message = failure(tmp_path, PYTHON, "-c", hoard, memory="256M")
    assert "ran out of memory (256M are given to it)" in message


def test_the_wall_limit_is_told(tmp_path: Path) -> None:
    message = stall(tmp_path, "sleep", "1000", time_travel=False, wall_limit_s=2)
    assert "stopped at its limit of 2 s of wall time" in message


def test_a_program_that_hides_the_output_folder_is_no_success(tmp_path: Path) -> None:
    message = failure(tmp_path, "mount", "-t", "tmpfs", "none", OUTPUT_IN_GUEST)
    assert "no exit status was left behind" in message


def test_a_guest_with_more_memory_than_any_folder_has_room_for_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotReadyError, match=r"no folder has room .* MiB free"):
        run_inside(tmp_path, "true", memory="900000G")


def test_nothing_of_this_hides_a_command_that_simply_fails(tmp_path: Path) -> None:
    outcome = run_inside(tmp_path, "sh", "-c", "echo Kernel panic - not syncing: not really; exit 3")
    assert outcome.exit_status == 3
    assert "not really" in console_of(outcome)
