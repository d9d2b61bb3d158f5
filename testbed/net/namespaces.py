"""Network namespaces: making them, and entering one for a moment or for good.

A namespace lasts as long as somebody holds it: a descriptor of it, or a process or a socket in it. Ours
are held by descriptors, and so go with them.
"""

import ctypes
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from testbed.errors import KernelError

_CLONE_NEWNS, _CLONE_NEWNET = 0x00020000, 0x40000000
_MS_REC, _MS_PRIVATE = 0x4000, 1 << 18
_libc = ctypes.CDLL(None, use_errno=True)


def namespace_path(pid: int | None) -> str:
    """Where the kernel shows the network namespace of a process; of our own for None."""
    return f"/proc/{pid}/ns/net" if pid is not None else "/proc/thread-self/ns/net"


def descriptor_path(descriptor: int) -> str:
    """Where the kernel shows the namespace that a descriptor of ours, or an inherited one, holds."""
    return f"/proc/self/fd/{descriptor}"


def open_namespace(path: str) -> int:
    """A descriptor that holds the namespace at `path`.

    Raises:
        KernelError: No right to, or it is gone.
    """
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise KernelError(f"cannot open the network namespace {path}: {error.strerror}") from error


def enter(path: str) -> None:
    """Move this thread into the namespace at `path`, for good.

    Raises:
        KernelError: No right to, or it is gone.
    """
    descriptor = open_namespace(path)
    try:
        _enter(descriptor, path)
    finally:
        os.close(descriptor)


def _enter(descriptor: int, path: str) -> None:
    if _libc.setns(descriptor, _CLONE_NEWNET) != 0:
        reason = os.strerror(ctypes.get_errno())
        raise KernelError(f"cannot enter the network namespace {path}: {reason}; this needs root")


@contextmanager
def _returning() -> Iterator[None]:
    """Whatever namespace the block leaves this thread in, come back."""
    home = open_namespace(namespace_path(None))
    try:
        try:
            yield
        finally:
            _enter(home, "that it came from")
    finally:
        os.close(home)


@contextmanager
def inside(path: str) -> Iterator[None]:
    """Be in another namespace for the length of a block; sockets made there stay there."""
    with _returning():
        enter(path)
        yield


def unshare() -> None:
    """Give this process a network namespace of its own, so that nothing it makes outlives it."""
    if _libc.unshare(_CLONE_NEWNET) != 0:
        reason = os.strerror(ctypes.get_errno())
        raise KernelError(f"cannot make a network namespace: {reason}; this needs root, or the virtual venue")


def new_namespace(settings: Mapping[str, int]) -> int:
    """Make a namespace with these settings ("net.ipv4.ip_forward"), and no process in it; its descriptor.

    Raises:
        KernelError: No right to, or the kernel does not know a setting.
    """
    with _returning():
        unshare()
        for name, value in settings.items():
            set_here(name, value)
        return open_namespace(namespace_path(None))


def set_here(name: str, value: int | str) -> None:
    """Change a setting ("net.ipv4.ip_forward") of the namespace that this thread is in.

    Raises:
        KernelError: Refused, or the kernel has no such setting.
    """
    try:
        Path("/proc/sys", name.replace(".", "/")).write_text(str(value), encoding="ascii")
    except OSError as error:
        raise KernelError(f"cannot set {name} to {value}: {error.strerror}") from error


def own_mounts() -> None:
    """Give this process mounts of its own, and the interfaces of its network namespace in /sys.

    Raises:
        KernelError: Refused.
    """
    steps = (
        _libc.unshare(_CLONE_NEWNS) == 0
        and _libc.mount(b"none", b"/", None, ctypes.c_ulong(_MS_REC | _MS_PRIVATE), None) == 0
        and _libc.mount(b"sysfs", b"/sys", b"sysfs", ctypes.c_ulong(0), None) == 0
    )
    if not steps:
        raise KernelError(f"cannot make mounts of a host's own: {os.strerror(ctypes.get_errno())}")
