"""The limits of TCP's buffers in a network namespace: raised to what a plan asks for, never lowered."""

import os
from pathlib import Path

from testbed.net.namespaces import set_here

_SETTINGS = ("net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem")
_MEMORY_SHARE = 16
"""No flow may hold more than this part of the machine's memory."""


def hold_in_tcp(limit_bytes: int) -> None:
    """Let each TCP socket of the namespace that this thread is in hold so much, in each direction.

    The kernel grows a socket's buffers by itself, from what is usual up to this limit.

    Raises:
        KernelError: Refused.
    """
    limit_bytes = min(limit_bytes, _memory_bytes() // _MEMORY_SHARE)
    for setting in _SETTINGS:
        least, usual, most = Path("/proc/sys", setting.replace(".", "/")).read_text(encoding="ascii").split()
        if limit_bytes > int(most):
            set_here(setting, f"{least} {usual} {limit_bytes}")


def _memory_bytes() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
