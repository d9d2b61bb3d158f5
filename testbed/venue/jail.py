"""Becomes the embedded kernel's process, after giving up what that must not have.

Run as a script, with the standard library only:
`jail.py PARENT_PID FILE_BYTES OUTPUT_FOLDER MEMORY_DESCRIPTOR PROGRAM WORD...`.

The host's kernel enforces all of this on the embedded kernel's process and on every process that it starts.
So it also holds for a program inside that has taken over the embedded kernel:

- it has no capability except that to read, if root runs it, and gains none by starting a program;
- it writes, creates, renames and removes files in the output folder only, its memory is a file without a
  name, and it opens no device (Landlock, Linux 5.13 and later); from Linux 6.12 on it sends signals to its
  own children only;
- it cannot change a file's owner, mode, times or attributes anywhere, make links, devices, FIFOs or sockets,
  reach the network, enter namespaces or trace other processes (syscall_filter.py);
- it dies with its parent;
- its addresses are not randomised: the kernel lays out its memory after its own break, so that the
  guest's addresses and accounts of memory would differ from boot to boot;
- it may open as many files as the host allows, since each file open inside is one of its own, and write
  files of a certain size at most;
- it leaves no core file, which would be as large as the guest's memory.
"""

import ctypes
import errno
import os
import resource
import signal
import sys
from importlib.machinery import SourceFileLoader
from types import ModuleType

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_ADDR_NO_RANDOMIZE = 0x0040000

_PR_CAPBSET_READ, _PR_CAPBSET_DROP = 23, 24
_MOST_CAPABILITIES = 64
_CAPGET, _CAPSET = 125, 126
_CAPABILITY_VERSION_3 = 0x20080522
_CAP_DAC_READ_SEARCH = 2

_SECCOMP = 317
_SECCOMP_SET_MODE_FILTER = 1
_SECCOMP_FILTER_FLAG_SPEC_ALLOW = 4
"""Without it, hosts before Linux 5.16 switch on a mitigation that slows every filtered process down."""

# linux/landlock.h; the system calls have the same numbers on every architecture.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_CREATE_RULESET_VERSION = 1
_RULE_PATH_BENEATH = 1
_WRITE_FILE, _READ_FILE, _REMOVE_DIR, _REMOVE_FILE = 1 << 1, 1 << 2, 1 << 4, 1 << 5
_MAKE_CHAR, _MAKE_DIR, _MAKE_REG, _MAKE_SOCK = 1 << 6, 1 << 7, 1 << 8, 1 << 9
_MAKE_FIFO, _MAKE_BLOCK, _MAKE_SYM = 1 << 10, 1 << 11, 1 << 12
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_SINCE = {2: _REFER, 3: _TRUNCATE, 5: _IOCTL_DEV}
"""What a version of Landlock has that the one before had not."""
_SCOPE_SINCE = 6
_SCOPE_ABSTRACT_UNIX_SOCKET, _SCOPE_SIGNAL = 1 << 0, 1 << 1

_NEVER = _MAKE_CHAR | _MAKE_SOCK | _MAKE_FIFO | _MAKE_BLOCK | _MAKE_SYM
_IN_OUTPUT = _READ_FILE | _WRITE_FILE | _TRUNCATE
_IN_OUTPUT |= _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _REFER
_IN_MEMORY = _READ_FILE | _WRITE_FILE | _REMOVE_FILE | _MAKE_REG | _TRUNCATE
_ON_DEVICE = _READ_FILE | _WRITE_FILE | _TRUNCATE | _IOCTL_DEV

_DEVICES = ("/dev/null", "/dev/zero")
"""Opened for writing by User-Mode Linux itself."""

_NOT_FILES = frozenset({"dev", "sys"})
"""Below the root these are no files. To open one may change something, and to read one takes it from others:
what a user types on a terminal, a watchdog, a tape. Root inside has the guest's own in their places. Of other
processes /proc shows no secrets, because Landlock lets it trace none; and mount(8) looks there at boot, so
that virtual time would depend on the host's Landlock if that failed."""
_READ_THERE = ("/dev/shm",)

_libc = ctypes.CDLL(None, use_errno=True)


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def _checked(result: int, attempt: str) -> int:
    if result == -1:
        raise OSError(ctypes.get_errno(), f"{attempt}: {os.strerror(ctypes.get_errno())}")
    return result


def _die_with_parent(parent_pid: int) -> None:
    _checked(_libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "ask to die with the parent")
    if os.getppid() != parent_pid:
        raise SystemExit("testbed: the parent has already gone")


def _fix_addresses() -> None:
    _checked(
        _libc.personality(_ADDR_NO_RANDOMIZE),
        "switch off address randomisation, which repeatable runs need (in a container: allow personality(2))",
    )


def _set_limits(file_bytes: int) -> None:
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, most_bytes = resource.getrlimit(resource.RLIMIT_FSIZE)
    if most_bytes == resource.RLIM_INFINITY or most_bytes > file_bytes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    # A write beyond the limit is an error then, and not the kernel's end.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def _give_up_capabilities() -> None:
    """Keep the capability to read: the testbed may lie in a folder that only another user may enter.

    A container whose root may not give up capabilities (CAP_SETPCAP) leaves it those of the container.
    """
    _checked(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "give up gaining privileges")
    if os.geteuid() != 0:
        return
    # Starting a program gives root all capabilities of the bounding set, and if these were more than it has,
    # Linux would switch address randomisation on again. So they are given up there first.
    for capability in range(_MOST_CAPABILITIES):
        if capability != _CAP_DAC_READ_SEARCH and _libc.prctl(_PR_CAPBSET_READ, capability, 0, 0, 0) == 1:
            dropped = _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
            if dropped == -1 and ctypes.get_errno() == errno.EPERM:
                return
            _checked(dropped, f"give up root's capability {capability}")
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    # Effective, permitted and inheritable, of the capabilities below 32 and then of those from 32 on.
    data = (ctypes.c_uint32 * 6)()
    _checked(_libc.syscall(_CAPGET, header, data), "read root's capabilities")
    kept = data[1] & 1 << _CAP_DAC_READ_SEARCH
    data = (ctypes.c_uint32 * 6)(kept, kept, 0, 0, 0, 0)
    _checked(_libc.syscall(_CAPSET, header, data), "give up root's capabilities")


def landlock_version() -> int:
    """The version of Landlock that this host offers; 0 without it."""
    return max(0, int(_libc.syscall(_CREATE_RULESET, None, 0, _CREATE_RULESET_VERSION)))


def _write_only_to(output: str, memory: int) -> None:
    """Refuse every way of changing what is in other folders, and to read what is no file.

    Does nothing on a host without Landlock.
    """
    version = landlock_version()
    if version < 1:
        return
    handled = (_IN_OUTPUT | _NEVER) & ~sum(_SINCE.values())
    handled |= sum(bit for since, bit in _SINCE.items() if version >= since)
    scoped = _SCOPE_SIGNAL | _SCOPE_ABSTRACT_UNIX_SOCKET if version >= _SCOPE_SINCE else 0
    attributes = _Ruleset(handled, 0, scoped)
    ruleset = _checked(
        _libc.syscall(_CREATE_RULESET, ctypes.byref(attributes), ctypes.sizeof(attributes), 0),
        "make a Landlock ruleset",
    )
    rules = {f"/{name}": _READ_FILE for name in os.listdir("/") if name not in _NOT_FILES}
    rules |= dict.fromkeys(_READ_THERE, _READ_FILE) | dict.fromkeys(_DEVICES, _ON_DEVICE)
    rules |= {output: _IN_OUTPUT, f"/proc/self/fd/{memory}": _IN_MEMORY}
    for path, access in rules.items():
        if not os.path.exists(path):
            continue
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rule = _PathBeneath(access & handled, descriptor)
        _checked(
            _libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.byref(rule), 0),
            f"allow access to {path}",
        )
        os.close(descriptor)
    _checked(_libc.syscall(_RESTRICT_SELF, ruleset, 0), "restrict writes")
    os.close(ruleset)


def _filter_system_calls() -> None:
    # Beside us, and compiled like every module; the package around it would take longer to import.
    beside = SourceFileLoader("syscall_filter", os.path.join(os.path.dirname(__file__), "syscall_filter.py"))
    module = ModuleType(beside.name)
    beside.exec_module(module)
    instructions = module.program(os.getpid())
    program = _Program(len(instructions) // 8, instructions)
    flags = _SECCOMP_FILTER_FLAG_SPEC_ALLOW
    _checked(
        _libc.syscall(_SECCOMP, _SECCOMP_SET_MODE_FILTER, flags, ctypes.byref(program)),
        "filter system calls (the host's kernel needs seccomp)",
    )


def main() -> None:
    parent_pid, file_bytes, output, memory = sys.argv[1:5]
    command = sys.argv[5:]
    try:
        _die_with_parent(int(parent_pid))
        _fix_addresses()
        _set_limits(int(file_bytes))
        _give_up_capabilities()
        _write_only_to(output, int(memory))
        _filter_system_calls()
        os.execv(command[0], command)
    except OSError as error:
        raise SystemExit(f"testbed: could not {error.strerror}") from error


if __name__ == "__main__":
    main()
