"""Tries to change the machine from inside the confinement of the embedded kernel, and counts what succeeds.

Each operation of jail_operations.py is tried in the place of the kernel's process, which stands for a kernel
that was taken over, and by root inside the kernel, through the machine's file system mounted there. All are
tried as root and as an ordinary user. A control does the same without the confinement, and only an operation
that succeeds there counts as tried.

    sudo .venv/bin/python tools/try_jail.py [--list]
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jail_ground import SHARED_MEMORY, Ground, as_user, changed, ground, state, strange
from jail_operations import FILES, PROCESSES

from testbed.venue.jail import landlock_version
from testbed.venue.kernel import Kernel, require
from testbed.venue.memory import memory_place
from testbed.venue.virtual import OUTPUT_IN_GUEST

PYTHON = os.path.realpath(sys.executable)
"""Of the system, which an ordinary user can run."""

NOBODY = 65534
_OPERATIONS = Path(__file__).with_name("jail_operations.py")

INSIDE = frozenset(
    {
        "ftruncate",
        "open to write",
        "open to append",
        "open to create",
        "mmap",
        "fallocate",
        "rename",
        "rename over another",
        "rename into a folder",
        "renameat",
        "renameat2 to exchange",
        "unlink",
        "unlinkat",
        "mkdir",
        "mkdirat",
        "rmdir",
        "unlinkat of a folder",
    }
)
"""What a process in the kernel's place does in the output folder; everything else fails there as well."""

SCOPE_SINCE = 6
UNSCOPED = frozenset({"kill to end at once"})
"""What succeeds on hosts whose Landlock is older than `SCOPE_SINCE`: docs/confinement.md says so."""

_GUEST_SCRIPT = """
export LIBMOUNT_FORCE_MOUNT2=always
cd /run/testbed/out
mount -o remount,rw /
umount /var/tmp
{python} {operations} files {through_root} > through_root.json
mkdir /tmp/mounted /tmp/shared
mount -t hostfs none /tmp/mounted -o {mounted}
{python} {operations} files /tmp/mounted > mounted.json
mount -t hostfs none /tmp/shared -o {shared}
{python} {operations} files /tmp/shared > shared.json
{python} {operations} files {out}/inside > inside.json
"""

_GUEST_RUNNER = """
import sys
from pathlib import Path
from testbed.venue import launch, virtual
from testbed.venue.kernel import require
from testbed.venue.virtual import Boot, boot
output, script, jail = sys.argv[1:]
launch._JAIL = Path(jail)
if jail.endswith("no_jail.py"):
    ours = virtual.kernel_arguments
    virtual.kernel_arguments = lambda boot: [word for word in ours(boot) if "hostfs_writable" not in word]
request = Boot(command=("sh", "-c", script), output_dir=Path(output), seed=1, wall_limit_s=600)
raise SystemExit(boot(require(), request, print).exit_status)
"""

_NO_JAIL = """
import ctypes, os, sys
ctypes.CDLL(None).personality(0x0040000)
os.execv(sys.argv[5], sys.argv[5:])
"""
"""Starts the kernel as jail.py does, without confining it."""

_NO_LANDLOCK = """
import ctypes, os, runpy, struct, sys
code = [(0x20, 0, 0, 0), (0x15, 0, 1, 444), (0x06, 0, 0, 0x50026), (0x06, 0, 0, 0x7FFF0000)]
libc = ctypes.CDLL(None)
text = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *each) for each in code))
libc.prctl(38, 1, 0, 0, 0)
assert libc.syscall(317, 1, 0, struct.pack("<HxxxxxxQ", len(code), ctypes.addressof(text))) == 0
runpy.run_path(os.path.join(os.path.dirname(sys.argv[0]), "jail.py"), run_name="__main__")
"""
"""Runs jail.py as on a host whose landlock_create_ruleset(2) fails with ENOSYS."""

JAIL, NO_JAIL, NO_LANDLOCK = "jail.py", "no_jail.py", "no_landlock.py"


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of the operations tried by one user in one way.

    `outside` and `inside` have the names of those that changed something there, by place, and `worked` those
    of the control. `strange` names what should not be in the output folder.
    """

    who: str
    way: str
    worked: frozenset[str]
    outside: dict[str, frozenset[str]]
    inside: frozenset[str] = frozenset()
    strange: tuple[str, ...] = ()
    skipped: str = ""

    @property
    def tried(self) -> int:
        """The number of operations tried outside, each place for itself, that work without confinement."""
        return len(self.worked) * len(self.outside)

    @property
    def succeeded(self) -> list[str]:
        """Those that should not have."""
        return [f"{name} ({place})" for place, names in self.outside.items() for name in sorted(names)]


def in_its_place(at: Ground, output: Path, *words: str, jail: str = JAIL) -> dict[str, str]:
    """Run jail_operations.py instead of the embedded kernel, confined as that is; how each one ended."""
    program = [PYTHON, "-I", "-S", "-c", _OPERATIONS.read_text(), *words]
    (at.path / NO_LANDLOCK).write_text(_NO_LANDLOCK)
    with memory_place(1 << 20) as memory:
        os.fchown(memory, at.uid, at.uid)
        bounds = [str(os.getpid()), str(1 << 30), str(output), str(memory)]
        command = [PYTHON, "-I", "-S", str(at.path / jail), *bounds, *program]
        return _ended(command, at.uid, pass_fds=(memory,))


def unconfined(at: Ground, *words: str) -> dict[str, str]:
    """The same without confinement; what it mounts, it mounts for itself."""
    alone = ["unshare", "--mount"] if os.getuid() == 0 and at.uid == 0 else []
    return _ended([*alone, PYTHON, "-I", "-S", "-c", _OPERATIONS.read_text(), *words], at.uid)


def _ended(command: Sequence[str], uid: int, **options: Any) -> dict[str, str]:
    ran = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd="/", **as_user(uid), **options
    )
    if ran.returncode:
        raise SystemExit(f"the operations could not be tried (status {ran.returncode}):\n{ran.stderr}")
    ended: dict[str, str] = json.loads(ran.stdout)
    return ended


def files_in_its_place(who: str, uid: int, jail: str = JAIL) -> Tried:
    """Operations on files by a process in the kernel's place."""
    with ground(uid) as at:
        outside = {"on disk": at.tree("outside"), "in /dev/shm": at.shared_tree("outside")}
        output = at.tree("output")
        control = at.tree("control")
        before = {tree: state(tree) for tree in (*outside.values(), output, control)}
        unconfined(at, "files", str(control))
        for tree in (*outside.values(), output):
            in_its_place(at, output, "files", str(tree), jail=jail)
        return Tried(
            who,
            "files, in the kernel's place",
            worked=changed(control, before[control]),
            outside={place: changed(tree, before[tree]) for place, tree in outside.items()},
            inside=changed(output, before[output]),
            strange=strange(output),
        )


def processes_in_its_place(who: str, uid: int) -> Tried:
    """Operations on processes, networks and the machine by a process in the kernel's place."""
    with ground(uid) as at, _listening(at.path), _sleepers(uid) as first, _sleepers(uid) as second:
        output, outside = at.path / "output", at.path / "outside"
        for folder in (output, outside):
            folder.mkdir()
            os.chown(folder, uid, uid)
        (at.path / "listening").rename(outside / "listening")
        control = unconfined(at, "processes", str(outside), *first)
        confined = in_its_place(at, output, "processes", str(outside), *second)
        (SHARED_MEMORY / "testbed-try").unlink(missing_ok=True)
    known = UNSCOPED if landlock_version() < SCOPE_SINCE else frozenset()
    return Tried(
        who,
        "processes, in the kernel's place",
        worked=frozenset(name for name, why in control.items() if not why) - known,
        outside={"": frozenset(name for name, why in confined.items() if not why) - known},
    )


@contextmanager
def _listening(folder: Path) -> Iterator[None]:
    """A socket that any program of the user's may connect to."""
    program = "import socket,sys,time; s=socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(9);"
    code = f"{program} import os; os.chmod(sys.argv[1], 0o777); print(flush=True); time.sleep(600)"
    server = subprocess.Popen([PYTHON, "-c", code, str(folder / "listening")], stdout=subprocess.PIPE)
    try:
        assert server.stdout is not None
        server.stdout.readline()
        yield
    finally:
        server.kill()
        server.communicate()


@contextmanager
def _sleepers(uid: int) -> Iterator[list[str]]:
    """A process of the user's for each operation, in a session of its own."""
    sleepers = [subprocess.Popen(["sleep", "600"], start_new_session=True, **as_user(uid)) for _ in PROCESSES]
    try:
        yield [str(sleeper.pid) for sleeper in sleepers]
    finally:
        for sleeper in sleepers:
            sleeper.kill()
            sleeper.wait()


def files_from_inside(who: str, uid: int, kernel: Kernel, jail: str = JAIL) -> Tried:
    """Operations on files by root inside the embedded kernel, which mounts the machine's file system anew."""
    with ground(uid) as at:
        if subprocess.run(
            [sys.executable, "-c", "import testbed"],
            check=False,
            capture_output=True,
            cwd="/",
            **as_user(uid),
        ).returncode:
            why = f"{sys.executable} is not readable by user {uid}"
            return Tried(who, "files, from inside", frozenset(), {}, skipped=why)
        shutil.copytree(kernel.path.parent, at.path / "cache/testbed/kernels" / kernel.path.parent.name)
        (at.path / NO_JAIL).write_text(_NO_JAIL)
        (at.path / NO_LANDLOCK).write_text(_NO_LANDLOCK)
        confined = _boot(at, "confined", jail)
        control = _boot(at, "control", NO_JAIL)
        return Tried(
            who,
            "files, from inside" + (", without Landlock" if jail == NO_LANDLOCK else ""),
            worked=control.outside["mounted"],
            outside=confined.outside,
            inside=confined.inside,
            strange=confined.strange,
        )


def _boot(at: Ground, name: str, jail: str) -> Tried:
    trees = {
        "through the root": at.tree(f"{name}-root"),
        "mounted": at.tree(f"{name}-mounted"),
        "in /dev/shm": at.shared_tree(name),
    }
    output = at.path / f"{name}-output"
    output.mkdir()
    os.chown(output, at.uid, at.uid)
    inside = at.tree(f"{name}-output/inside")
    before = {tree: state(tree) for tree in (*trees.values(), inside)}
    script = _GUEST_SCRIPT.format(
        python=PYTHON,
        operations=at.path / _OPERATIONS.name,
        through_root=trees["through the root"],
        mounted=trees["mounted"],
        shared=trees["in /dev/shm"],
        out=OUTPUT_IN_GUEST,
    )
    ran = subprocess.run(
        [sys.executable, "-c", _GUEST_RUNNER, str(output), script, str(at.path / jail)],
        env={"XDG_CACHE_HOME": str(at.path / "cache"), "PATH": os.environ["PATH"]},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        **as_user(at.uid),
    )
    console = output / "console.log"
    said = console.read_text(errors="replace") if console.exists() else ""
    for place in ("through_root", "mounted", "shared", "inside"):
        # A place in which nothing was tried would look confined.
        if not (output / f"{place}.json").is_file() or not json.loads((output / f"{place}.json").read_text()):
            raise SystemExit(f"nothing was tried inside ({place}):\n{ran.stderr}\n{said}")
    return Tried(
        "",
        name,
        frozenset(),
        {place: changed(tree, before[tree]) for place, tree in trees.items()},
        changed(inside, before[inside]),
        strange(output),
    )


def attempts(kernel: Kernel | None) -> Iterator[Tried]:
    """Everything, as root and as an ordinary user if root runs this, otherwise as whoever does."""
    users = {"root": 0, "an ordinary user": NOBODY} if os.getuid() == 0 else {"this user": os.getuid()}
    for who, uid in users.items():
        yield files_in_its_place(who, uid)
        yield processes_in_its_place(who, uid)
        if kernel is not None:
            yield files_from_inside(who, uid, kernel)
            yield files_from_inside(who, uid, kernel, NO_LANDLOCK)


def main() -> int:
    """Print a line for each user and way, and the sum; the status is 1 if anything succeeded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--list", action="store_true", help="name the operations that were tried, too")
    options = parser.parse_args()
    tried, succeeded, wrong = 0, 0, 0
    for each in attempts(require()):
        if each.skipped:
            print(f"{each.who}: {each.way}: not tried: {each.skipped}")
            continue
        tried, succeeded = tried + each.tried, succeeded + len(each.succeeded)
        wrong += len(each.strange)
        allowed = f", {len(each.inside)} work in the output folder" if each.inside else ""
        print(f"{each.who}: {each.way}: {each.tried} tried, {len(each.succeeded)} succeeded outside{allowed}")
        for name in (*each.succeeded, *each.strange):
            print(f"    {name}")
        if options.list:
            names = FILES if "files" in each.way else PROCESSES
            print(f"    tried: {', '.join(name for name in names if name in each.worked)}")
            print(f"    fail here without confinement: {', '.join(n for n in names if n not in each.worked)}")
            print(f"    in the output folder: {', '.join(sorted(each.inside))}")
    print(f"{tried} operations tried, {succeeded} succeeded outside")
    return int(bool(succeeded or wrong))


if __name__ == "__main__":
    sys.exit(main())
