"""Operations that change something of the host, each on a folder or a process of its own; see try_jail.py.

Run as `jail_operations.py files FOLDER` or `jail_operations.py processes FOLDER PID...`, with the standard
library only: in the place of the embedded kernel's process, inside the embedded kernel, and as a control that
nothing confines. It prints as JSON how each one ended. Whether a file has changed is checked by the caller,
from outside.
"""

import ctypes
import errno
import fcntl
import json
import mmap
import os
import platform
import socket
import struct
import sys
from collections.abc import Callable, Mapping

KEPT = b"kept\n"
ATTRIBUTE = "user.kept"

_libc = ctypes.CDLL(None, use_errno=True)
_AT_FDCWD = -100
_FS_NODUMP = 0x40
_FS_IOC_GETFLAGS, _FS_IOC_SETFLAGS = 0x80086601, 0x40086602
_FS_IOC_FSGETXATTR, _FS_IOC_FSSETXATTR = 0x801C581F, 0x401C5820
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000


def prepare(folder: str) -> None:
    """What each operation on files finds: two files, and an empty folder."""
    os.makedirs(folder, mode=0o755)
    for name in ("f", "g"):
        with open(f"{folder}/{name}", "wb") as file:
            file.write(KEPT)
    os.mkdir(f"{folder}/d")


def _call(number: int, *arguments: object) -> int:
    result = _libc.syscall(number, *arguments)
    if result == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return int(result)


def _written(path: str, flags: int) -> None:
    descriptor = os.open(path, flags, 0o644)
    try:
        os.write(descriptor, b"changed")
    finally:
        os.close(descriptor)


def _on_open(path: str, change: Callable[[int], object], flags: int = os.O_RDONLY) -> None:
    descriptor = os.open(path, flags)
    try:
        change(descriptor)
    finally:
        os.close(descriptor)


def _mapped(path: str) -> None:
    def change(descriptor: int) -> None:
        with mmap.mmap(descriptor, len(KEPT)) as memory:
            memory[:4] = b"lost"

    _on_open(path, change, os.O_RDWR)


def _flags(descriptor: int) -> None:
    flags = ctypes.c_long()
    fcntl.ioctl(descriptor, _FS_IOC_GETFLAGS, flags)
    flags.value ^= _FS_NODUMP
    fcntl.ioctl(descriptor, _FS_IOC_SETFLAGS, flags)


def _extended_flags(descriptor: int) -> None:
    attributes = bytearray(28)
    fcntl.ioctl(descriptor, _FS_IOC_FSGETXATTR, attributes)
    (flags,) = struct.unpack_from("<I", attributes)
    struct.pack_into("<I", attributes, 0, flags ^ 0x80)
    fcntl.ioctl(descriptor, _FS_IOC_FSSETXATTR, bytes(attributes))


def _nameless(folder: str) -> None:
    descriptor = os.open(folder, os.O_TMPFILE | os.O_RDWR, 0o644)
    _call(265, _AT_FDCWD, f"/proc/self/fd/{descriptor}".encode(), _AT_FDCWD, f"{folder}/n".encode(), 0x400)


def _by_handle(path: str) -> None:
    handle = ctypes.create_string_buffer(struct.pack("<Ii", 128, 0), 136)
    mount = ctypes.c_int()
    _call(303, _AT_FDCWD, path.encode(), handle, ctypes.byref(mount), 0)
    where = os.open(os.path.dirname(path), os.O_RDONLY)
    os.write(_call(304, where, handle, os.O_WRONLY), b"lost")


def _socket_file(folder: str) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        os.chdir(folder)
        try:
            server.bind("s")
        finally:
            os.chdir("/")


def _copied(folder: str, how: Callable[[int, int], object]) -> None:
    source = os.open(f"{folder}/g", os.O_RDONLY)
    os.lseek(source, 1, os.SEEK_SET)
    _on_open(f"{folder}/f", lambda target: how(source, target), os.O_WRONLY)


def _spliced(source: int, target: int) -> None:
    ours, theirs = os.pipe()
    os.splice(source, theirs, 4)
    os.splice(ours, target, 4)


def _opened_by_openat2(folder: str) -> None:
    how = struct.pack("<QQQ", os.O_CREAT | os.O_WRONLY, 0o644, 0)
    _call(437, _AT_FDCWD, f"{folder}/n".encode(), how, len(how))


_SETUID = 0o4755

FILES: dict[str, Callable[[str], object]] = {
    "chmod": lambda d: _call(90, f"{d}/f".encode(), 0o600),
    "chmod of a set-user-id bit": lambda d: _call(90, f"{d}/f".encode(), _SETUID),
    "chmod of a folder": lambda d: _call(90, f"{d}/d".encode(), 0o2777),
    "fchmod": lambda d: _on_open(f"{d}/f", lambda fd: _call(91, fd, 0o600)),
    "fchmodat": lambda d: _call(268, _AT_FDCWD, f"{d}/f".encode(), 0o600),
    "fchmodat2": lambda d: _call(452, _AT_FDCWD, f"{d}/f".encode(), 0o600, 0),
    "chown": lambda d: _call(92, f"{d}/f".encode(), os.getuid(), os.getgid()),
    "fchown": lambda d: _on_open(f"{d}/f", lambda fd: _call(93, fd, os.getuid(), os.getgid())),
    "lchown": lambda d: _call(94, f"{d}/f".encode(), os.getuid(), os.getgid()),
    "fchownat": lambda d: _call(260, _AT_FDCWD, f"{d}/f".encode(), os.getuid(), os.getgid(), 0),
    "utime": lambda d: _call(132, f"{d}/f".encode(), struct.pack("<qq", 1, 1)),
    "utimes": lambda d: _call(235, f"{d}/f".encode(), struct.pack("<qqqq", 1, 0, 1, 0)),
    "futimesat": lambda d: _call(261, _AT_FDCWD, f"{d}/f".encode(), struct.pack("<qqqq", 1, 0, 1, 0)),
    "utimensat": lambda d: _call(280, _AT_FDCWD, f"{d}/f".encode(), struct.pack("<qqqq", 1, 0, 1, 0), 0),
    "utimensat to now": lambda d: _call(280, _AT_FDCWD, f"{d}/f".encode(), None, 0),
    "setxattr": lambda d: _call(188, f"{d}/f".encode(), b"user.new", b"x", 1, 0),
    "lsetxattr": lambda d: _call(189, f"{d}/f".encode(), b"user.new", b"x", 1, 0),
    "fsetxattr": lambda d: _on_open(f"{d}/f", lambda fd: _call(190, fd, b"user.new", b"x", 1, 0)),
    "removexattr": lambda d: _call(197, f"{d}/f".encode(), ATTRIBUTE.encode()),
    "lremovexattr": lambda d: _call(198, f"{d}/f".encode(), ATTRIBUTE.encode()),
    "fremovexattr": lambda d: _on_open(f"{d}/f", lambda fd: _call(199, fd, ATTRIBUTE.encode())),
    "truncate": lambda d: _call(76, f"{d}/f".encode(), ctypes.c_long(1)),
    "ftruncate": lambda d: _on_open(f"{d}/f", lambda fd: os.ftruncate(fd, 1), os.O_RDWR),
    "open to empty": lambda d: os.close(os.open(f"{d}/f", os.O_RDONLY | os.O_TRUNC)),
    "open to write": lambda d: _written(f"{d}/f", os.O_WRONLY),
    "open to append": lambda d: _written(f"{d}/f", os.O_WRONLY | os.O_APPEND),
    "open to create": lambda d: _written(f"{d}/n", os.O_WRONLY | os.O_CREAT),
    "open to create with a set-user-id bit": lambda d: os.open(f"{d}/n", os.O_WRONLY | os.O_CREAT, _SETUID),
    "open of a nameless file that is linked": _nameless,
    "openat2 to create": _opened_by_openat2,
    "creat": lambda d: _call(85, f"{d}/n".encode(), 0o644),
    "open_by_handle_at": lambda d: _by_handle(f"{d}/f"),
    "mmap": lambda d: _mapped(f"{d}/f"),
    "fallocate": lambda d: _on_open(f"{d}/f", lambda fd: os.posix_fallocate(fd, 0, 9000), os.O_RDWR),
    "sendfile": lambda d: _copied(d, lambda source, target: os.sendfile(target, source, 1, 4)),
    "splice": lambda d: _copied(d, _spliced),
    "copy_file_range": lambda d: _copied(d, lambda source, target: os.copy_file_range(source, target, 4)),
    "rename": lambda d: _call(82, f"{d}/f".encode(), f"{d}/n".encode()),
    "rename over another": lambda d: _call(82, f"{d}/f".encode(), f"{d}/g".encode()),
    "rename into a folder": lambda d: _call(82, f"{d}/f".encode(), f"{d}/d/f".encode()),
    "renameat": lambda d: _call(264, _AT_FDCWD, f"{d}/f".encode(), _AT_FDCWD, f"{d}/n".encode()),
    "renameat2 to exchange": lambda d: _call(
        316, _AT_FDCWD, f"{d}/f".encode(), _AT_FDCWD, f"{d}/d".encode(), 2
    ),
    "link": lambda d: _call(86, f"{d}/f".encode(), f"{d}/n".encode()),
    "linkat": lambda d: _call(265, _AT_FDCWD, f"{d}/f".encode(), _AT_FDCWD, f"{d}/n".encode(), 0),
    "symlink": lambda d: _call(88, b"/etc/passwd", f"{d}/n".encode()),
    "symlinkat": lambda d: _call(266, b"/etc/passwd", _AT_FDCWD, f"{d}/n".encode()),
    "unlink": lambda d: _call(87, f"{d}/f".encode()),
    "unlinkat": lambda d: _call(263, _AT_FDCWD, f"{d}/f".encode(), 0),
    "mkdir": lambda d: _call(83, f"{d}/n".encode(), 0o755),
    "mkdir that its owner cannot enter": lambda d: _call(83, f"{d}/n".encode(), 0),
    "mkdir with a sticky bit": lambda d: _call(83, f"{d}/n".encode(), 0o1777),
    "mkdirat": lambda d: _call(258, _AT_FDCWD, f"{d}/n".encode(), 0o755),
    "rmdir": lambda d: _call(84, f"{d}/d".encode()),
    "unlinkat of a folder": lambda d: _call(263, _AT_FDCWD, f"{d}/d".encode(), 0x200),
    "mknod of a file": lambda d: _call(133, f"{d}/n".encode(), 0o100644, 0),
    "mknod of a set-user-id file": lambda d: _call(133, f"{d}/n".encode(), 0o104755, 0),
    "mknod of a FIFO": lambda d: _call(133, f"{d}/n".encode(), 0o10644, 0),
    "mknod of a socket": lambda d: _call(133, f"{d}/n".encode(), 0o140644, 0),
    "mknod of a character device": lambda d: _call(133, f"{d}/n".encode(), 0o20666, os.makedev(1, 3)),
    "mknod of a block device": lambda d: _call(133, f"{d}/n".encode(), 0o60666, os.makedev(7, 0)),
    "mknodat": lambda d: _call(259, _AT_FDCWD, f"{d}/n".encode(), 0o10644, 0),
    "bind of a socket": _socket_file,
    "ioctl of flags": lambda d: _on_open(f"{d}/f", _flags),
    "ioctl of extended flags": lambda d: _on_open(f"{d}/f", _extended_flags),
}
"""Each is given a folder that `prepare` has made."""


def _child(action: Callable[[], object]) -> None:
    """Do it in a process of its own, which it may change for good."""
    pid = os.fork()
    if pid == 0:
        try:
            action()
        except OSError as error:
            os._exit(error.errno or errno.EIO)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    if status:
        code = os.waitstatus_to_exitcode(status)
        raise OSError(code, os.strerror(abs(code)))


def _connected(folder: str) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(f"{folder}/listening")


def _file_owner(pid: int) -> None:
    ours, _theirs = os.pipe()
    fcntl.fcntl(ours, 8, pid)


def _memory_written(pid: int) -> None:
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps:
        start = next(int(line.split("-")[0], 16) for line in maps if " rw" in line)
    with open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:
        memory.seek(start)
        byte = memory.read(1)
        memory.seek(start)
        memory.write(byte)


def _said(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def _read(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.read(descriptor, 1)
    finally:
        os.close(descriptor)


def _traced(pid: int, request: int) -> None:
    _call(101, request, pid, None, None)
    os.waitpid(pid, 0x40000000) if request == 16 else None
    _call(101, 17, pid, None, None)


_PEEK = struct.pack("<QQ", 0, 0)

PROCESSES: dict[str, Callable[[int, str], object]] = {
    "kill": lambda pid, _d: _call(62, pid, 18),
    "kill to end": lambda pid, _d: _call(62, pid, 15),
    "kill to end at once": lambda pid, _d: _call(62, pid, 9),
    "kill of everybody": lambda _pid, _d: _call(62, -1, 0),
    "tkill": lambda pid, _d: _call(200, pid, 18),
    "tgkill": lambda pid, _d: _call(234, pid, pid, 18),
    "rt_sigqueueinfo": lambda pid, _d: _call(129, pid, 18, struct.pack("<iii116x", 18, 0, -1)),
    "pidfd_send_signal": lambda pid, _d: _call(424, os.pidfd_open(pid), 18, None, 0),
    "fcntl of an owner": lambda pid, _d: _file_owner(pid),
    "ptrace to attach": lambda pid, _d: _traced(pid, 16),
    "ptrace to seize": lambda pid, _d: _call(101, 0x4206, pid, None, None),
    "process_vm_readv": lambda pid, _d: _call(310, pid, None, 0, None, 0, 0),
    "process_vm_writev": lambda pid, _d: _call(311, pid, None, 0, None, 0, 0),
    "a write to its memory": lambda pid, _d: _memory_written(pid),
    "a write to its oom_score_adj": lambda pid, _d: _said(f"/proc/{pid}/oom_score_adj", "500"),
    "prlimit64": lambda pid, _d: _call(302, pid, 4, struct.pack("<QQ", 0, 0), None),
    "sched_setaffinity": lambda pid, _d: _call(203, pid, 8, struct.pack("<Q", 1)),
    "sched_setscheduler": lambda pid, _d: _call(144, pid, 3, struct.pack("<i", 0)),
    "setpriority": lambda pid, _d: _call(141, 0, pid, 19),
    "ioprio_set": lambda pid, _d: _call(251, 1, pid, 3 << 13),
    "socket of IPv4": lambda _pid, _d: socket.socket(socket.AF_INET).close(),
    "socket of IPv6": lambda _pid, _d: socket.socket(socket.AF_INET6).close(),
    "socket of netlink": lambda _pid, _d: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW).close(),
    "socket of packets": lambda _pid, _d: socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close(),
    "connect to a socket of the user's": lambda _pid, d: _connected(d),
    "unshare": lambda _pid, _d: _child(lambda: _call(272, _CLONE_NEWUSER)),
    "setns": lambda pid, _d: _child(lambda: _call(308, os.pidfd_open(pid), _CLONE_NEWNET)),
    "clone into a namespace": lambda _pid, _d: _child(lambda: _call(272, _CLONE_NEWNET)),
    "mount": lambda _pid, d: _call(165, d.encode(), d.encode(), None, 4096, None),
    "mount of memory": lambda _pid, d: _call(165, b"none", d.encode(), b"tmpfs", 0, None),
    "umount": lambda _pid, d: _call(166, d.encode(), 0),
    "chroot": lambda _pid, _d: _child(lambda: _call(161, b"/")),
    "setuid": lambda _pid, _d: _child(lambda: _call(105, 65534)),
    "setgroups": lambda _pid, _d: _child(lambda: _call(116, 0, None)),
    "sethostname": lambda _pid, _d: _call(170, platform.node().encode(), len(platform.node())),
    "a write to a setting of the kernel": lambda _pid, _d: _said(
        "/proc/sys/kernel/hostname", f"{platform.node()}\n"
    ),
    "a read of its environment": lambda pid, _d: _read(f"/proc/{pid}/environ"),
    "opening a device": lambda _pid, _d: _read("/dev/urandom"),
    "flock": lambda _pid, d: fcntl.flock(os.open(d, os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB),
    "setsid": lambda _pid, _d: _child(os.setsid),
    "shmget": lambda _pid, _d: _call(31, _call(29, 0, 4096, 0o1600), 0, None),
    "msgget": lambda _pid, _d: _call(71, _call(68, 0, 0o1600), 0, None),
    "semget": lambda _pid, _d: _call(66, _call(64, 0, 1, 0o1600), 0, 0, 0),
    "mq_open": lambda _pid, _d: _child(
        lambda: (_call(240, b"testbed-try", 0o102, 0o600, None), _call(241, b"testbed-try"))
    ),
    "add_key": lambda _pid, _d: _call(248, b"user", b"testbed-try", b"x", 1, -2),
    "bpf": lambda _pid, _d: _call(321, 0, struct.pack("<IIII112x", 2, 4, 4, 1), 128),
    "perf_event_open": lambda _pid, _d: _call(298, struct.pack("<IIQ112x", 1, 128, 0), 0, -1, -1, 0),
    "io_uring_setup": lambda _pid, _d: _call(425, 1, ctypes.create_string_buffer(120)),
    "userfaultfd": lambda _pid, _d: _call(323, 1),
    "fanotify_init": lambda _pid, _d: _call(300, 0x200, 0),
    "a file in memory shared by all": lambda _pid, _d: _written(
        "/dev/shm/testbed-try", os.O_WRONLY | os.O_CREAT
    ),
}
"""Each is given a process of the caller's that does nothing, and a folder outside the output folder."""


def attempt(operations: Mapping[str, Callable[[], object]]) -> dict[str, str]:
    """How each ended: "" for done, or why not."""
    ended = {}
    for name, operation in operations.items():
        try:
            operation()
            ended[name] = ""
        except (OSError, StopIteration) as error:
            ended[name] = str(error) or type(error).__name__
    return ended


def main(arguments: list[str]) -> None:
    kind, folder, *pids = arguments
    if kind == "files":
        folders = [f"{folder}/{number}" for number in range(len(FILES))]
        operations = {
            name: (lambda operation=operation, each=each: operation(each))
            for (name, operation), each in zip(FILES.items(), folders, strict=True)
        }
    else:
        operations = {
            name: (lambda operation=operation, pid=int(pid): operation(pid, folder))
            for (name, operation), pid in zip(PROCESSES.items(), pids, strict=True)
        }
    print(json.dumps(attempt(operations)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
