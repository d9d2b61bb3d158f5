"""Entering another process's network namespace, for a moment or for good."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

from testbed.errors import KernelError

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def namespace_path(pid: int | None) -> str:
    """Where the kernel shows the network namespace of a process; of our own for None."""
    return f"/proc/{pid}/ns/net" if pid is not None else "/proc/self/ns/net"


def enter(path: str) -> None:
    """Move this thread into the namespace at `path`, for good.

    Raises:
        KernelError: No right to, or it is gone.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise KernelError(f"cannot open the network namespace {path}: {error.strerror}") from error
    try:
        if _libc.setns(descriptor, _CLONE_NEWNET) != 0:
            reason = os.strerror(ctypes.get_errno())
            raise KernelError(f"cannot enter the network namespace {path}: {reason}; this needs root")
    finally:
        os.close(descriptor)


@contextmanager
def inside(path: str) -> Iterator[None]:
    """Be in another namespace for the length of a block; sockets made there stay there."""
    home = f"/proc/{os.getpid()}/task/{_libc.gettid()}/ns/net"
    descriptor = os.open(home, os.O_RDONLY | os.O_CLOEXEC)
    try:
        enter(path)
        try:
            yield
        finally:
            if _libc.setns(descriptor, _CLONE_NEWNET) != 0:
                raise KernelError(f"cannot return from {path}: {os.strerror(ctypes.get_errno())}")
    finally:
        os.close(descriptor)


def unshare() -> None:
    """Give this process a network namespace of its own, so that nothing it makes outlives it."""
    if _libc.unshare(_CLONE_NEWNET) != 0:
        reason = os.strerror(ctypes.get_errno())
        raise KernelError(f"cannot make a network namespace: {reason}; this needs root, or the virtual venue")
