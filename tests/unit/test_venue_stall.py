"""A guest is judged by its virtual time and its own CPU time; the wall clock has no say."""

import os
import subprocess
import sys
import time

import pytest

from testbed.venue import diagnosis
from testbed.venue.cpu_time import tree_cpu_s
from testbed.venue.shown import Shown, ShownPage
from testbed.venue.stall import Stall, StallJudge


class Guest:
    """What a judge sees of a guest."""

    def __init__(self) -> None:
        self.now_ns, self.syscalls, self.cpu_s = 0, 0, 0.0
        self.task = (7, "iperf3", "home1-eth0")

    def shown(self) -> Shown:
        pid, program, port = self.task
        return Shown(now_ns=self.now_ns, syscalls=self.syscalls, pid=pid, program=program, port=port)


@pytest.fixture
def guest() -> Guest:
    return Guest()


def judge_of(guest: Guest, limit_s: float = 10.0) -> StallJudge:
    return StallJudge(limit_s, lambda: guest.cpu_s)


def test_a_guest_that_computes_at_one_instant_is_stalled_after_its_limit_of_cpu_time(guest: Guest) -> None:
    judge = judge_of(guest)
    guest.now_ns, guest.cpu_s, guest.syscalls = 5_000, 3.0, 100
    assert judge.look(guest.shown()) is None
    assert judge.look(guest.shown()) is None
    guest.cpu_s, guest.syscalls = 13.0, 142
    assert judge.look(guest.shown()) is None, "the limit itself may be used"
    guest.cpu_s = 13.1
    assert judge.look(guest.shown()) == Stall(
        now_ns=5_000, syscalls=42, pid=7, program="iperf3", port="home1-eth0"
    )


def test_a_guest_that_gets_no_processor_is_never_stalled(guest: Guest) -> None:
    judge = judge_of(guest)
    assert not any(judge.look(guest.shown()) for _ in range(100_000))


def test_any_progress_of_virtual_time_begins_anew(guest: Guest) -> None:
    judge = judge_of(guest)
    for _ in range(1_000):
        guest.cpu_s += 9.0
        guest.now_ns += 1
        assert judge.look(guest.shown()) is None
        assert judge.look(guest.shown()) is None


def test_the_task_seen_most_often_is_named(guest: Guest) -> None:
    judge = judge_of(guest)
    judge.look(guest.shown())
    for pid, looks in ((7, 2), (8, 5), (9, 1)):
        guest.task = (pid, f"program{pid}", "")
        for _ in range(looks):
            guest.cpu_s += 1.0
            assert judge.look(guest.shown()) is None
    guest.cpu_s += 10.0
    stall = judge.look(guest.shown())
    assert stall is not None
    assert stall.pid == 8


def test_a_stall_is_told_with_program_host_and_what_to_do() -> None:
    stall = Stall(now_ns=2_500_000_000, syscalls=0, pid=57, program="stress", port="home1-eth0")
    told = diagnosis.stalled(stall, 120.0)
    assert (
        "stood still at 2.500000 s after the boot for 120 s of CPU time, in which no system call was made"
        in told
    )
    assert "stress (process 57 on host home1) spins" in told
    assert "--stall-limit" in told
    many = Stall(now_ns=0, syscalls=1234567, pid=57, program="stress", port="")
    assert "1,234,567 system calls were made: stress (process 57) spins" in diagnosis.stalled(many, 1.0)


def test_the_page_is_read_as_the_kernel_lays_it_out() -> None:
    page = ShownPage()
    assert page.read() == Shown(now_ns=0, syscalls=0, pid=0, program="", port="")
    written = (2**40).to_bytes(8, "little") + (5).to_bytes(8, "little") + (57).to_bytes(4, "little")
    os.pwrite(page.fileno(), written + b"iperf3\0left\0\0\0\0\0" + b"home1-eth0\0\0\0\0\0\0", 0)
    assert page.read() == Shown(now_ns=2**40, syscalls=5, pid=57, program="iperf3", port="home1-eth0")
    page.close()


def test_cpu_time_is_of_a_process_its_children_and_those_it_has_waited_for() -> None:
    burn = "import time; e = time.process_time() + 0.2\nwhile time.process_time() < e: pass"
    script = (
        "import subprocess, sys\n"
        f"burn = {burn!r}\n"
        "subprocess.run([sys.executable, '-c', burn])\n"
        "child = subprocess.Popen([sys.executable, '-c', burn + '\\nprint(flush=True)\\ninput()'],"
        " stdin=subprocess.PIPE)\n"
        "input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        used_s = tree_cpu_s(parent.pid)
        assert 0.38 <= used_s < 30
        time.sleep(0.05)
        assert tree_cpu_s(parent.pid) - used_s < 0.2, "who sleeps uses none"
        parent.kill()
    assert tree_cpu_s(2**22 + 1) == 0.0
