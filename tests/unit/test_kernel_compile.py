"""The steps of a build on small stand-ins: what is unpacked, how a failing program is told."""

import io
import subprocess
import tarfile
import time
from itertools import pairwise
from pathlib import Path

import pytest

from testbed.errors import KernelError
from testbed.venue import compile as steps
from testbed.venue import source
from testbed.venue.steps import StepPrinter

KEPT = ["Makefile", "arch/um/a.c", "arch/x86/b.c", "arch/Kconfig", "arch/arm/Kconfig", "drivers/gpu/Makefile"]
LEFT = ["arch/arm/c.c", "arch/mips/boot/x.dtsi", "drivers/gpu/drm/d.c", "sound/core/e.h", "tools/perf/f.c"]


def make_source(folder: Path) -> source.KernelSource:
    path = folder / "linux-source-6.12.tar.xz"
    with tarfile.open(path, "w:xz") as archive:
        for name in [*KEPT, *LEFT]:
            member = tarfile.TarInfo(f"linux-source-6.12/{name}")
            member.size = 5
            archive.addfile(member, io.BytesIO(b"text\n"))
    return source.usable_sources(folder)[0]


def test_only_what_a_build_reads_is_unpacked(tmp_path: Path) -> None:
    shown: list[float | None] = []
    (tmp_path / "into").mkdir()
    tree = steps.unpack(make_source(tmp_path), tmp_path / "into", lambda _text, part: shown.append(part))
    unpacked = {str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file()}
    assert unpacked == set(KEPT)
    assert shown[0] == 0.0
    assert shown[-1] == 1.0


def test_a_truncated_archive_is_told_by_name(tmp_path: Path) -> None:
    found = make_source(tmp_path)
    found.path.write_bytes(found.path.read_bytes()[:100])
    with pytest.raises(KernelError, match=r"could not unpack .*linux-source-6\.12\.tar\.xz"):
        steps.unpack(found, tmp_path, lambda _text, _part: None)


def test_a_patch_that_does_not_fit_is_told_by_name(tmp_path: Path) -> None:
    (tmp_path / "arch/um/os-Linux").mkdir(parents=True)
    (tmp_path / "arch/um/os-Linux/util.c").write_text("nothing that it knows\n")
    with pytest.raises(steps.PatchError, match=r"could not apply 0001-um-seed-.*\.patch to"):
        steps.apply_patches(tmp_path, lambda _text, _part: None)


def test_a_failing_program_is_told_with_its_last_lines(tmp_path: Path) -> None:
    command = ["sh", "-c", "seq 100; echo the reason >&2; exit 3"]
    with pytest.raises(KernelError) as caught:
        steps.run(command, "count to a hundred", cwd=tmp_path)
    message = str(caught.value)
    assert "could not count to a hundred" in message
    assert "status 3" in message
    assert message.endswith("100\nthe reason")
    assert "\n70\n" not in message, "thirty lines are enough"


def test_the_user_s_environment_does_not_reach_the_compiler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CFLAGS", "-march=native")
    lines: list[str] = []
    steps.run(["env"], "look", cwd=tmp_path, on_line=lines.append)
    assert not any(line.startswith("CFLAGS") for line in lines)
    assert "KBUILD_BUILD_HOST=testbed" in lines


def test_leaving_early_kills_the_program_and_its_children(tmp_path: Path) -> None:
    started: list[int] = []

    def interrupted() -> None:
        with steps._process(["sh", "-c", "sleep 1000 & echo $!; wait"], cwd=tmp_path) as process:
            assert process.stdout is not None
            started.append(int(process.stdout.readline()))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    # A process that was killed is gone, or waits to be reaped by its adopter, once it next gets to run.
    for _ in range(600):
        listed = subprocess.run(
            ["ps", "-o", "stat=", "-p", str(started[0])], capture_output=True, check=False, text=True
        )
        if listed.stdout.strip() in ("", "Z", "Zs"):
            return
        time.sleep(0.1)
    pytest.fail(f"process {started[0]} still runs after a minute, state {listed.stdout.strip()}")


@pytest.mark.skipif(not source.usable_sources(), reason="no kernel source is installed")
def test_every_patch_names_files_that_the_source_has() -> None:
    lines = [line for patch in source.patches() for line in patch.read_text().splitlines()]
    headers = [(old, new) for old, new in pairwise(lines) if new.startswith("+++ b/")]
    assert {new.removeprefix("+++ b/") for old, new in headers if old != "--- /dev/null"} == {
        "arch/um/include/asm/processor-generic.h",
        "arch/um/include/linux/time-internal.h",
        "arch/um/include/shared/os.h",
        "arch/um/include/shared/timetravel.h",
        "arch/um/kernel/Makefile",
        "arch/um/kernel/skas/syscall.c",
        "arch/um/kernel/spin.c",
        "arch/um/kernel/time.c",
        "arch/um/os-Linux/file.c",
        "arch/um/os-Linux/sigio.c",
        "arch/um/os-Linux/skas/process.c",
        "arch/um/os-Linux/util.c",
        "arch/x86/um/os-Linux/registers.c",
        "fs/hostfs/hostfs_kern.c",
        "net/sched/Kconfig",
        "net/sched/Makefile",
    }
    assert {new.removeprefix("+++ b/") for old, new in headers if old == "--- /dev/null"} == {
        "arch/um/kernel/shown.c",
        "arch/um/kernel/spin.c",
    }


def test_a_log_gets_a_line_every_tenth_and_a_terminal_one_moving_line() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    log, terminal = io.StringIO(), Terminal()
    for stream in (log, terminal):
        show = StepPrinter(stream)
        for percent in range(101):
            show("compiling", percent / 100)
        show("booting it", None)
        show.end()
    assert log.getvalue().splitlines() == [f"compiling {ten:4.0%}" for ten in [n / 10 for n in range(11)]] + [
        "booting it"
    ]
    assert terminal.getvalue().count("\n") == 2
    assert terminal.getvalue().endswith("booting it\n")
