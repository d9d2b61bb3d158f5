"""Which system calls the embedded kernel's process may make, as a seccomp filter for x86-64.

A call that is not named here fails with ENOSYS, and so does every call that a later Linux adds. A filter sees
numbers and no paths. Therefore calls that Landlock does not restrict by path are refused everywhere, in the
output folder as well: those that change owner, mode, times or attributes, and those that make links, devices,
FIFOs or sockets. Calls that write, create, rename or remove are allowed, and Landlock restricts them to the
output folder (jail.py). No call leaves the process group: who kills that kills all that the kernel started.

The filter does not see the system calls of programs inside: ptrace intercepts them first, and the embedded
kernel carries them out. It then makes calls of its own, and the tables list those: fs/hostfs/hostfs_user.c
makes the ones for files, arch/um/os-Linux and the C library make the others.
"""

import errno
import struct
from collections.abc import Iterable

# linux/audit.h, linux/seccomp.h
_X86_64 = 0xC000003E
_ALLOW = 0x7FFF0000
_ERROR = 0x00050000

# linux/bpf_common.h: load a word, compare it with a constant, return.
_LOAD, _EQUAL, _MORE, _NOT_LESS, _ANY_BIT, _RETURN = 0x20, 0x15, 0x25, 0x35, 0x45, 0x06

_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16
"""In struct seccomp_data. Of an argument the lower half is looked at: all that are looked at are int."""

ALLOWED = {
    "read": 0,
    "write": 1,
    "close": 3,
    "stat": 4,
    "fstat": 5,
    "lstat": 6,
    "poll": 7,
    "lseek": 8,
    "mmap": 9,
    "mprotect": 10,
    "munmap": 11,
    "brk": 12,
    "rt_sigaction": 13,
    "rt_sigprocmask": 14,
    "rt_sigreturn": 15,
    "pread64": 17,
    "pwrite64": 18,
    "readv": 19,
    "writev": 20,
    "access": 21,
    "pipe": 22,
    "select": 23,
    "sched_yield": 24,
    "mremap": 25,
    "msync": 26,
    "mincore": 27,
    "madvise": 28,
    "dup": 32,
    "dup2": 33,
    "pause": 34,
    "nanosleep": 35,
    "getitimer": 36,
    "alarm": 37,
    "setitimer": 38,
    "getpid": 39,
    "sendmsg": 46,
    "recvmsg": 47,
    "shutdown": 48,
    "fork": 57,
    "vfork": 58,
    "execve": 59,
    "exit": 60,
    "wait4": 61,
    "uname": 63,
    "fsync": 74,
    "fdatasync": 75,
    "ftruncate": 77,
    "getdents": 78,
    "getcwd": 79,
    "chdir": 80,
    "fchdir": 81,
    "rename": 82,
    "rmdir": 84,
    "unlink": 87,
    "readlink": 89,
    "gettimeofday": 96,
    "getrlimit": 97,
    "getrusage": 98,
    "sysinfo": 99,
    "times": 100,
    "getuid": 102,
    "getgid": 104,
    "geteuid": 107,
    "getegid": 108,
    "getppid": 110,
    "getpgrp": 111,
    "getpgid": 121,
    "getsid": 124,
    "rt_sigpending": 127,
    "rt_sigtimedwait": 128,
    "rt_sigsuspend": 130,
    "sigaltstack": 131,
    "personality": 135,
    "statfs": 137,
    "fstatfs": 138,
    "modify_ldt": 154,
    "arch_prctl": 158,
    "setrlimit": 160,
    "gettid": 186,
    "time": 201,
    "futex": 202,
    "sched_getaffinity": 204,
    "epoll_create": 213,
    "getdents64": 217,
    "set_tid_address": 218,
    "restart_syscall": 219,
    "fadvise64": 221,
    "timer_create": 222,
    "timer_settime": 223,
    "timer_gettime": 224,
    "timer_getoverrun": 225,
    "timer_delete": 226,
    "clock_gettime": 228,
    "clock_getres": 229,
    "clock_nanosleep": 230,
    "exit_group": 231,
    "epoll_wait": 232,
    "epoll_ctl": 233,
    "waitid": 247,
    "newfstatat": 262,
    "unlinkat": 263,
    "renameat": 264,
    "readlinkat": 267,
    "faccessat": 269,
    "pselect6": 270,
    "ppoll": 271,
    "set_robust_list": 273,
    "get_robust_list": 274,
    "epoll_pwait": 281,
    "eventfd": 284,
    "fallocate": 285,
    "eventfd2": 290,
    "epoll_create1": 291,
    "dup3": 292,
    "pipe2": 293,
    "preadv": 295,
    "pwritev": 296,
    "getcpu": 309,
    "renameat2": 316,
    "seccomp": 317,
    "getrandom": 318,
    "memfd_create": 319,
    "execveat": 322,
    "membarrier": 324,
    "statx": 332,
    "rseq": 334,
    "close_range": 436,
    "faccessat2": 439,
}
"""Calls allowed with any arguments. A program started by execve inherits the filter."""

BY_ARGUMENT = {
    "open": 2,
    "ioctl": 16,
    "socketpair": 53,
    "clone": 56,
    "kill": 62,
    "fcntl": 72,
    "mkdir": 83,
    "ptrace": 101,
    "prctl": 157,
    "tgkill": 234,
    "openat": 257,
    "mkdirat": 258,
    "prlimit64": 302,
}
"""Calls allowed with some arguments."""

REFUSED = {
    "socket": 41,
    "truncate": 76,
    "creat": 85,
    "link": 86,
    "symlink": 88,
    "chmod": 90,
    "fchmod": 91,
    "chown": 92,
    "fchown": 93,
    "lchown": 94,
    "utime": 132,
    "mknod": 133,
    "setxattr": 188,
    "lsetxattr": 189,
    "fsetxattr": 190,
    "removexattr": 197,
    "lremovexattr": 198,
    "fremovexattr": 199,
    "utimes": 235,
    "mknodat": 259,
    "fchownat": 260,
    "futimesat": 261,
    "linkat": 265,
    "symlinkat": 266,
    "fchmodat": 268,
    "utimensat": 280,
    "fchmodat2": 452,
}
"""Calls that fail with EPERM, which a program inside that caused them is given."""

_O_TRUNC = 0o1000
_SPECIAL_BITS = 0xFFFFFFFF ^ 0o777
_CLONE_NEW = 0x7E020000
"""Every flag of clone(2) that makes a namespace."""

_AF_UNIX = 1
_F_SETOWN, _F_SETSIG, _SIGIO = 8, 10, 29
_HARMLESS_FCNTL = (0, 1, 2, 3, 4, 9, 1030)
"""F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETOWN, F_DUPFD_CLOEXEC; none that locks a file."""

_PTRACE_ATTACH, _PTRACE_SEIZE = 16, 0x4206
_PR_SET_PDEATHSIG = 1
_HARMLESS_PRCTL = (15, 26, 38)
"""PR_SET_NAME, PR_SET_TSC, PR_SET_NO_NEW_PRIVS"""

_TERMINAL_IOCTL = (
    *(0x5401, 0x5402, 0x5403, 0x5404),  # TCGETS, TCSETS, TCSETSW, TCSETSF
    *(0x802C542A, 0x402C542B, 0x402C542C, 0x402C542D),  # the same of struct termios2
    0x540E,  # TIOCSCTTY
    0x540F,  # TIOCGPGRP
    0x5410,  # TIOCSPGRP
    0x5413,  # TIOCGWINSZ
    0x541B,  # FIONREAD
)
"""What the console asks of its terminal. TIOCSTI, which types for the user, is not among it."""

_SIGKILL, _SIGALRM, _SIGSTOP = 9, 14, 19

_Instruction = tuple[int, int, int, int]
"""Code, instructions to skip if true and if false, constant: struct sock_filter."""


def program(pid: int) -> bytes:
    """The filter for the process `pid` and its children, as an array of struct sock_filter."""
    instructions: list[_Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_EQUAL, 1, 0, _X86_64),
        _error(errno.ENOSYS),
        (_LOAD, 0, 0, _NUMBER_AT),
    ]
    # The first one, ptrace, is by far the most frequent of those with a test.
    for number, body in _by_argument(pid).items():
        instructions += [(_EQUAL, 0, len(body), number), *body]
    for first, last in _ranges(ALLOWED.values()):
        instructions += [(_NOT_LESS, 0, 2, first), (_MORE, 1, 0, last), (_RETURN, 0, 0, _ALLOW)]
    for first, last in _ranges(REFUSED.values()):
        instructions += [(_NOT_LESS, 0, 2, first), (_MORE, 1, 0, last), _error(errno.EPERM)]
    instructions.append(_error(errno.ENOSYS))
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in instructions)


def _by_argument(pid: int) -> dict[int, list[_Instruction]]:
    """What is looked at before a call of this number is allowed; each ends in a return."""
    by_name = {
        # Its children ask to be traced; attaching to any other process would give that one's rights.
        "ptrace": _none_of(0, (_PTRACE_ATTACH, _PTRACE_SEIZE)),
        "open": _open(1, 2),
        "openat": _open(2, 3),
        "mkdir": _mkdir(1),
        "mkdirat": _mkdir(2),
        "ioctl": _one_of(1, _TERMINAL_IOCTL),
        "fcntl": _fcntl(pid),
        "socketpair": _one_of(0, (_AF_UNIX,)),
        "clone": _without(0, _CLONE_NEW),
        "kill": _kill(pid),
        "tgkill": _one_of(0, (pid,)),
        "prctl": _prctl(),
        "prlimit64": _one_of(0, (0, pid)),
    }
    return {BY_ARGUMENT[name]: body for name, body in by_name.items()}


def _argument(place: int) -> _Instruction:
    return (_LOAD, 0, 0, _ARGUMENTS_AT + 8 * place)


def _error(number: int) -> _Instruction:
    return (_RETURN, 0, 0, _ERROR | number)


def _one_of(place: int, values: tuple[int, ...]) -> list[_Instruction]:
    tests: list[_Instruction] = []
    for value in values:
        tests += [(_EQUAL, 0, 1, value), (_RETURN, 0, 0, _ALLOW)]
    return [_argument(place), *tests, _error(errno.EPERM)]


def _none_of(place: int, values: tuple[int, ...]) -> list[_Instruction]:
    tests: list[_Instruction] = []
    for value in values:
        tests += [(_EQUAL, 0, 1, value), _error(errno.EPERM)]
    return [_argument(place), *tests, (_RETURN, 0, 0, _ALLOW)]


def _without(place: int, bits: int) -> list[_Instruction]:
    return [_argument(place), (_ANY_BIT, 0, 1, bits), _error(errno.EPERM), (_RETURN, 0, 0, _ALLOW)]


def _open(flags: int, mode: int) -> list[_Instruction]:
    """Neither emptying a file, which Landlock restricts from Linux 6.2 on only, nor with a set-id bit."""
    *emptying, _ = _without(flags, _O_TRUNC)
    return [*emptying, *_without(mode, _SPECIAL_BITS)]


def _mkdir(mode: int) -> list[_Instruction]:
    """Neither a folder that its owner could not list or empty afterwards, nor one with a set-id bit."""
    *special, _ = _without(mode, _SPECIAL_BITS)
    needed: list[_Instruction] = []
    for bit in (0o400, 0o200, 0o100):
        needed += [(_ANY_BIT, 1, 0, bit), _error(errno.EPERM)]
    return [*special, *needed, (_RETURN, 0, 0, _ALLOW)]


def _kill(pid: int) -> list[_Instruction]:
    """Any signal to itself and its process group; to others, those that it ends and stops its children with.

    In real time SIGALRM is what takes the processor from a guest's process when its time slice is over.

    A filter cannot know which processes are its children. Landlock does from Linux 6.12 on; on older
    hosts an embedded kernel that was taken over could end other programs of the user.
    """
    group_and_everybody: list[_Instruction] = [(_NOT_LESS, 0, 1, 0x80000000), _error(errno.EPERM)]
    itself: list[_Instruction] = []
    for value in (0, pid):
        itself += [(_EQUAL, 0, 1, value), (_RETURN, 0, 0, _ALLOW)]
    return [_argument(0), *group_and_everybody, *itself, *_one_of(1, (_SIGKILL, _SIGALRM, _SIGSTOP))]


def _fcntl(pid: int) -> list[_Instruction]:
    """The signal of a file goes to this process only, and is SIGIO."""
    owner, signal = _one_of(2, (pid,)), _one_of(2, (_SIGIO,))
    return [
        _argument(1),
        (_EQUAL, 0, len(owner), _F_SETOWN),
        *owner,
        (_EQUAL, 0, len(signal), _F_SETSIG),
        *signal,
        *_one_of(1, _HARMLESS_FCNTL),
    ]


def _prctl() -> list[_Instruction]:
    """It goes on to die with its parent: the signal for that can be set, and not be cleared."""
    death = _one_of(1, (_SIGKILL,))
    return [_argument(0), (_EQUAL, 0, len(death), _PR_SET_PDEATHSIG), *death, *_one_of(0, _HARMLESS_PRCTL)]


def _ranges(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """The first and the last of each run of successive numbers, in order."""
    ranges: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return ranges
