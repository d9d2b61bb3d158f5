"""The filter of system calls, run by an interpreter of its few instructions."""

import errno
import struct

import pytest

from testbed.venue.syscall_filter import ALLOWED, BY_ARGUMENT, REFUSED, program

PID = 4321
X86_64, I386, X32 = 0xC000003E, 0x40000003, 0x40000000
ALLOW = 0x7FFF0000
INSTRUCTIONS = [struct.unpack_from("<HBBI", program(PID), at) for at in range(0, len(program(PID)), 8)]


def verdict(number: int, *arguments: int, architecture: int = X86_64) -> str:
    """What becomes of a call: "allowed", or the name of its error."""
    padded = [each % 2**64 for each in (*arguments, *[0] * (6 - len(arguments)))]
    data = struct.pack("<iIQ6Q", number - 2**32 if number >= 2**31 else number, architecture, 0, *padded)
    accumulator, at = 0, 0
    while True:
        code, if_true, if_false, constant = INSTRUCTIONS[at]
        at += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("<I", data, constant)
        elif code == 0x06:
            return "allowed" if constant == ALLOW else errno.errorcode[constant & 0xFFFF]
        else:
            holds = {
                0x15: accumulator == constant,
                0x25: accumulator > constant,
                0x35: accumulator >= constant,
                0x45: bool(accumulator & constant),
            }[code]
            at += if_true if holds else if_false


def test_the_kernel_can_take_it() -> None:
    assert len(INSTRUCTIONS) <= 4096


def test_every_number_is_in_one_table_or_does_not_exist() -> None:
    tables = [set(table.values()) for table in (ALLOWED, BY_ARGUMENT, REFUSED)]
    assert sum(map(len, tables)) == len(set().union(*tables))
    for number in range(1000):
        if number in tables[0]:
            assert verdict(number) == "allowed"
        elif number in tables[2]:
            assert verdict(number) == "EPERM"
        elif number not in tables[1]:
            assert verdict(number) == "ENOSYS"


def test_other_forms_of_system_calls_do_not_exist() -> None:
    for number in (*ALLOWED.values(), *REFUSED.values()):
        assert verdict(number, architecture=I386) == "ENOSYS"
        assert verdict(number | X32) == "ENOSYS"
    assert verdict(-1 % 2**32) == "ENOSYS"


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("ptrace", (0,), "allowed"),
        ("ptrace", (31, 99), "allowed"),
        ("ptrace", (16, 99), "EPERM"),
        ("ptrace", (0x4206, 99), "EPERM"),
        ("open", (0, 0o100, 0o644), "allowed"),
        ("open", (0, 0o100, 0o4755), "EPERM"),
        ("open", (0, 0o100, 0o1644), "EPERM"),
        ("open", (0, 0o1000, 0), "EPERM"),
        ("openat", (3, 0, 0o102, 0o600), "allowed"),
        ("openat", (3, 0, 0o102, 0o2600), "EPERM"),
        ("openat", (3, 0, 0o1002), "EPERM"),
        ("mkdir", (0, 0o755), "allowed"),
        ("mkdir", (0, 0o777), "allowed"),
        ("mkdir", (0, 0o077), "EPERM"),
        ("mkdir", (0, 0o577), "EPERM"),
        ("mkdir", (0, 0o2755), "EPERM"),
        ("mkdirat", (3, 0, 0o700), "allowed"),
        ("mkdirat", (3, 0, 0o600), "EPERM"),
        ("ioctl", (0, 0x5401), "allowed"),
        ("ioctl", (0, 0x5412), "EPERM"),
        ("ioctl", (0, 0x40086602), "EPERM"),
        ("fcntl", (3, 4, 0), "allowed"),
        ("fcntl", (3, 8, PID), "allowed"),
        ("fcntl", (3, 8, PID + 1), "EPERM"),
        ("fcntl", (3, 8, -PID), "EPERM"),
        ("fcntl", (3, 10, 29), "allowed"),
        ("fcntl", (3, 10, 9), "EPERM"),
        ("fcntl", (3, 15, 0), "EPERM"),
        ("fcntl", (3, 1024, 1), "EPERM"),
        ("socketpair", (1, 1, 0), "allowed"),
        ("socketpair", (2, 1, 0), "EPERM"),
        ("clone", (0x1200011,), "allowed"),
        ("clone", (0x10000011,), "EPERM"),
        ("clone", (0x00020011,), "EPERM"),
        ("kill", (PID, 15), "allowed"),
        ("kill", (0, 15), "allowed"),
        ("kill", (99, 9), "allowed"),
        ("kill", (99, 15), "EPERM"),
        ("kill", (-1, 9), "EPERM"),
        ("kill", (-99, 9), "EPERM"),
        ("tgkill", (PID, 99, 6), "allowed"),
        ("tgkill", (99, 99, 6), "EPERM"),
        ("fcntl", (3, 6, 0), "EPERM"),
        ("prctl", (1, 9), "allowed"),
        ("prctl", (1, 0), "EPERM"),
        ("prctl", (1, 15), "EPERM"),
        ("prctl", (4, 1), "EPERM"),
        ("prlimit64", (0, 3), "allowed"),
        ("prlimit64", (99, 3), "EPERM"),
    ],
)
def test_arguments_decide(name: str, arguments: tuple[int, ...], expected: str) -> None:
    assert verdict(BY_ARGUMENT[name], *arguments) == expected
