"""The guest reads the host's files and writes to none but those of the output folder."""

import os
import shutil
import subprocess
import uuid
from pathlib import Path

import pytest
from try_jail import INSIDE, JAIL, NO_LANDLOCK, NOBODY, files_from_inside
from venue_boot import PYTHON, console_of, embedded_kernel, run_inside

from testbed.errors import TestbedError
from testbed.venue import output_limit

FOLDERS = ["/", "/etc", "/home", "/opt", "/root", "/run", "/srv", "/tmp", "/usr", "/var/log", "/var/tmp"]

RUNNER = """
import sys
from pathlib import Path
from testbed.venue.kernel import require
from testbed.venue.virtual import Boot, boot

script = "id -u; ip link add a0 type veth && touch /tmp/x /root/x && echo x > /run/testbed/out/x"
command = ("sh", "-c", script)
outcome = boot(require(), Boot(command=command, output_dir=Path(sys.argv[1]), seed=1, wall_limit_s=60), print)
print(outcome.console_path.read_text())
raise SystemExit(outcome.exit_status)
"""


def test_writes_outside_the_output_folder_do_not_reach_the_host(tmp_path: Path) -> None:
    name = f"written-inside-{uuid.uuid4()}"
    script = "; ".join(f"echo x > {folder}/{name}" for folder in FOLDERS)
    limits = "truncate -s 65G /run/testbed/out/large; cat /proc/sys/kernel/threads-max"
    outcome = run_inside(tmp_path, "sh", "-c", f"{script}; echo x > /run/testbed/out/{name}; {limits}")
    assert [folder for folder in FOLDERS if os.path.exists(f"{folder}/{name}")] == []
    assert (tmp_path / name).read_text() == "x\n", "the negative control: this one is meant to arrive"
    console = console_of(outcome)
    assert "File too large" in console
    assert "\n16384\n" in console


def test_a_program_that_writes_without_end_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output_limit, "EVERY_S", 0.1)
    append = "dd if=/dev/zero of=/run/testbed/out/file bs=1M count=1 oflag=append conv=notrunc 2> /dev/null"
    with pytest.raises(TestbedError, match=r"stopped because of its output: .* were written"):
        run_inside(tmp_path, "sh", "-c", f"while {append}; do :; done", output_limit_bytes=20_000_000)
    assert 20_000_000 < (tmp_path / "file").stat().st_size < 500_000_000


USERS = {"root": 0, "an ordinary user": NOBODY} if os.getuid() == 0 else {"this user": os.getuid()}


@pytest.mark.parametrize(("who", "jail"), [*((who, JAIL) for who in USERS), (next(iter(USERS)), NO_LANDLOCK)])
def test_root_inside_changes_nothing_outside_whatever_it_mounts(who: str, jail: str) -> None:
    tried = files_from_inside(who, USERS[who], embedded_kernel(), jail)
    if tried.skipped:
        pytest.skip(tried.skipped)
    assert tried.succeeded == []
    assert tried.strange == ()
    assert tried.worked >= {
        "chmod",
        "chmod of a set-user-id bit",
        "utimes",
        "symlink",
        "mknod of a FIFO",
        "link",
    }
    assert tried.worked >= INSIDE
    assert tried.inside >= INSIDE, "the control: these work in the output folder"


def test_files_seen_through_memory_can_be_changed_inside_only(tmp_path: Path) -> None:
    program, untouched = tmp_path / "program.sh", tmp_path / "notes.txt"
    program.write_text(f"set -e; echo new > {untouched}; rm {program}; cat {untouched}")
    untouched.write_text("old\n")
    outcome = run_inside(tmp_path / "out", "sh", str(program))
    assert outcome.exit_status == 0
    assert console_of(outcome).startswith("new")
    assert untouched.read_text() == "old\n"
    assert program.exists()


@pytest.mark.parametrize("folder", ["/tmp", "/run", "/var/tmp", "/root", "/dev/shm"])
def test_a_program_may_lie_in_a_folder_that_is_covered(tmp_path: Path, folder: str) -> None:
    if not os.access(folder, os.W_OK):
        pytest.skip(f"{folder} is not ours to write to")
    home = Path(folder) / f"testbed-{uuid.uuid4()}"
    home.mkdir()
    try:
        (home / "program.sh").write_text("cat data.txt 2> /dev/null || cat $(dirname $0)/data.txt")
        (home / "data.txt").write_text("found\n")
        outcome = run_inside(tmp_path, "sh", str(home / "program.sh"))
        assert outcome.exit_status == 0
        assert console_of(outcome).startswith("found")
    finally:
        shutil.rmtree(home)


def test_a_covered_folder_is_still_writable_when_a_program_lies_in_it(tmp_path: Path) -> None:
    (tmp_path / "program.sh").write_text("mktemp -d && mktemp -d -p /var/tmp && touch /root/x /run/x")
    assert run_inside(tmp_path / "out", "sh", str(tmp_path / "program.sh")).exit_status == 0


def test_a_program_may_be_reached_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "program.sh").write_text("exit 7")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert run_inside(tmp_path / "out", "sh", str(tmp_path / "link" / "program.sh")).exit_status == 7


@pytest.mark.skipif(os.getuid() != 0, reason="only root may become another user; as one, all tests here tell")
def test_an_ordinary_user_can_run_it(tmp_path: Path) -> None:
    as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    if subprocess.run([*as_nobody, PYTHON, "-c", "import testbed"], cwd="/", check=False).returncode:
        pytest.skip(f"{PYTHON} is not readable by an ordinary user")
    # A folder of its own: those that pytest makes are closed to other users.
    shared = Path("/var/tmp") / f"testbed-{uuid.uuid4()}"
    shared.mkdir()
    try:
        kernel = embedded_kernel()
        cache = shared / "cache" / "testbed" / "kernels"
        shutil.copytree(kernel.path.parent, cache / kernel.path.parent.name)
        (shared / "out").mkdir()
        os.chown(shared / "out", 65534, 65534)
        ran = subprocess.run(
            [*as_nobody, PYTHON, "-c", RUNNER, str(shared / "out")],
            env={"XDG_CACHE_HOME": str(shared / "cache"), "PATH": os.environ["PATH"]},
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert ran.stdout.startswith("0"), "root inside, whoever one is outside"
        assert (shared / "out" / "x").owner() == "nobody"
    finally:
        shutil.rmtree(shared)
