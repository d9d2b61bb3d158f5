"""Becomes the embedded kernel's process, after giving up what that must not have.

Run as a script, with the standard library only: `jail.py PARENT_PID WRITABLE_FOLDER... -- PROGRAM WORD...`.
What it sets holds for the kernel and for all that the kernel starts:

- it dies with its parent;
- its addresses are not randomised: the kernel lays out its memory after its own break, so that the
  guest's addresses and accounts of memory would differ from boot to boot;
- it writes to the folders given and nowhere else, whatever the guest's root does to its mounts (Landlock,
  Linux 5.13 and later; on older hosts the guest's read-only root alone stands in the way);
- it may open as many files as the host allows, since each file open inside is one of its own;
- it leaves no core file, which would be as large as the guest's memory.
"""

import ctypes
import os
import resource
import signal
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_ADDR_NO_RANDOMIZE = 0x0040000

# linux/landlock.h; the system calls have the same numbers on every architecture.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_CREATE_RULESET_VERSION = 1
_RULE_PATH_BENEATH = 1
_WRITE_FILE = 1 << 1
_REMOVE_AND_MAKE = sum(1 << bit for bit in range(4, 13))
_REFER, _TRUNCATE = 1 << 13, 1 << 14

_DEVICES = ("/dev/null", "/dev/zero", "/dev/ptmx", "/dev/pts")
"""Opened for writing by User-Mode Linux itself while it tries out what its host can do."""

_libc = ctypes.CDLL(None, use_errno=True)


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


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


def _set_limits() -> None:
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _write_only_to(folders: list[str]) -> None:
    """Refuse every way of changing a file outside the folders, where this host's Landlock can."""
    version = _libc.syscall(_CREATE_RULESET, None, 0, _CREATE_RULESET_VERSION)
    if version < 1:
        return
    handled = _WRITE_FILE | _REMOVE_AND_MAKE
    handled |= (_REFER if version >= 2 else 0) | (_TRUNCATE if version >= 3 else 0)
    attributes = ctypes.c_uint64(handled)
    ruleset = _checked(
        _libc.syscall(_CREATE_RULESET, ctypes.byref(attributes), ctypes.sizeof(attributes), 0),
        "make a Landlock ruleset",
    )
    on_a_file = handled & (_WRITE_FILE | _TRUNCATE)
    for path in (*folders, *(device for device in _DEVICES if os.path.exists(device))):
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rule = _PathBeneath(handled if Path(path).is_dir() else on_a_file, descriptor)
        _checked(
            _libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.byref(rule), 0),
            f"allow writes to {path}",
        )
        os.close(descriptor)
    _checked(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "give up gaining privileges")
    _checked(_libc.syscall(_RESTRICT_SELF, ruleset, 0), "restrict writes")
    os.close(ruleset)


def main() -> None:
    parent_pid, separator = int(sys.argv[1]), sys.argv.index("--")
    folders, command = sys.argv[2:separator], sys.argv[separator + 1 :]
    try:
        _die_with_parent(parent_pid)
        _fix_addresses()
        _set_limits()
        _write_only_to(folders)
        os.execv(command[0], command)
    except OSError as error:
        raise SystemExit(f"testbed: could not {error.strerror}") from error


if __name__ == "__main__":
    main()
