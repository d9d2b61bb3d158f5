"""What an embedded kernel shows of itself while it runs, in a page of memory that it shares with us.

The kernel's side is `arch/um/kernel/shown.c`, in uml/patches. Reading the page changes nothing inside.
"""

import fcntl
import mmap
import os
import struct
from dataclasses import dataclass

_FORM = struct.Struct("<QQi16s16s")
VARIABLE = "UML_SHOWN"
"""The environment variable that tells the kernel the number of the page's descriptor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """How far the guest has come, and the task that was the last to run.

    `now_ns` is virtual time since the boot, `syscalls` the number of system calls that the guest's tasks
    have made. `port` is a network device in the task's network namespace, "" if there is none.
    """

    now_ns: int
    syscalls: int
    pid: int
    program: str
    port: str


class ShownPage:
    """The page, whose descriptor the kernel inherits."""

    def __init__(self) -> None:
        self._descriptor = os.memfd_create("testbed-shown", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(self._descriptor, mmap.PAGESIZE)
        # A kernel that was taken over could cut the page off, and reading it would end this process (SIGBUS).
        seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
        fcntl.fcntl(self._descriptor, fcntl.F_ADD_SEALS, seals)
        self._page = mmap.mmap(self._descriptor, mmap.PAGESIZE, prot=mmap.PROT_READ)

    def fileno(self) -> int:
        """For the kernel, to be inherited."""
        return self._descriptor

    def read(self) -> Shown:
        """What it says now; while the kernel starts, all of it is 0."""
        now_ns, syscalls, pid, program, port = _FORM.unpack_from(self._page)
        return Shown(now_ns=now_ns, syscalls=syscalls, pid=pid, program=_text(program), port=_text(port))

    def close(self) -> None:
        """Give it back."""
        self._page.close()
        os.close(self._descriptor)


def _text(field: bytes) -> str:
    """What a program inside has named itself, without what a terminal would take for a command."""
    text = field.split(b"\0", 1)[0].decode(errors="replace")
    return "".join(each if each.isprintable() else "?" for each in text)
