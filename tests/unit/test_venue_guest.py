"""What the first process inside is told, how progress is read, and how an end is put in words."""

import os
import subprocess
from pathlib import Path

import pytest

from testbed.errors import InvariantError, NotReadyError
from testbed.record.guest_files import remove
from testbed.venue import diagnosis, guest, memory, output_limit
from testbed.venue.output_limit import OutputLimit, disk_bytes
from testbed.venue.progress import Progress, ProgressTail, append_progress


def environment_text(**changes: object) -> str:
    fields: dict[str, object] = {
        "command": ("echo", "it's", "a b"),
        "environment": {},
        "seed": 5,
        "silence_limit_s": 60.0,
        "terminal": None,
        "layered": frozenset({"/tmp"}),
        "python": "/usr/bin/python3",
    }
    return guest.boot_environment(**(fields | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("needed", "layered"),
    [
        ([], set()),
        (["/usr/bin/python3", "/home/u/clone"], set()),
        (["/tmp/x/y"], {"/tmp"}),
        (["/tmp"], {"/tmp"}),
        (["/tmpfoo", "/running"], set()),
        (["/root/clone/.venv", "/run/user/1000/x", "/var/tmp/z"], {"/root", "/run", "/var/tmp"}),
        (["/var/log/../tmp/x"], {"/var/log", "/var/tmp"}),
    ],
)
def test_a_folder_keeps_its_files_only_if_they_are_needed(needed: list[str], layered: set[str]) -> None:
    assert guest.layered_folders(Path(path) for path in needed) == layered


def test_a_link_keeps_both_its_own_folder_and_the_one_that_it_leads_to(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("/var/log")
    alone = guest.layered_folders([tmp_path])
    assert guest.layered_folders([link / "x"]) == alone | {"/var/log"}


def test_the_shell_reads_the_command_as_it_was_given(tmp_path: Path) -> None:
    text = environment_text(command=("printf", "%s\n", "it's", 'a "b"', "$HOME", "x\ny"))
    (tmp_path / "boot.env").write_text(text)
    ran = subprocess.run(
        ["sh", "-c", f". {tmp_path}/boot.env; run_program"], capture_output=True, text=True, check=True
    )
    assert ran.stdout == 'it\'s\na "b"\n$HOME\nx\ny\n'


def test_the_covers_are_those_decided() -> None:
    text = environment_text()
    assert "\tlayered /tmp 1777\n" in text
    assert "\tempty /root 700\n" in text


def test_a_seed_of_any_size_becomes_a_python_hash_seed() -> None:
    assert f"PYTHONHASHSEED={2**40 % 2**32 + 7}" in environment_text(seed=2**40 + 7)


def test_progress_is_read_once_and_only_whole_lines(tmp_path: Path) -> None:
    tail = ProgressTail(tmp_path)
    assert tail.new_lines() == []
    first = Progress(reached_ns=1, of_ns=10, text="ünder way")
    append_progress(tmp_path, first)
    with (tmp_path / "progress.jsonl").open("a") as file:
        file.write('{"reached_ns": 2, "of')
    assert tail.new_lines() == [first]
    assert tail.new_lines() == []
    with (tmp_path / "progress.jsonl").open("a") as file:
        file.write('_ns": 10, "text": ""}\n')
    assert [progress.reached_ns for progress in tail.new_lines()] == [2]
    tail.remove()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("line", ["no json", "{}", "[1]", '{"reached_ns": "x", "of_ns": 1, "text": ""}'])
def test_a_line_that_is_no_progress_is_our_bug(tmp_path: Path, line: str) -> None:
    (tmp_path / "progress.jsonl").write_text(line + "\n")
    with pytest.raises(InvariantError, match=r"a line of progress\.jsonl"):
        ProgressTail(tmp_path).new_lines()


@pytest.mark.parametrize(
    ("console", "returncode", "words"),
    [
        (
            "Kernel panic - not syncing: Out of memory: system-wide panic_on_oom is enabled",
            1,
            "out of memory",
        ),
        ("Out of memory: Killed process 12 (python)", 0, "out of memory (1G"),
        ("Kernel panic - not syncing: The system was going to sleep forever, aborting", 1, "deadlock"),
        ("noise\ntestbed: deadlock\nreboot: Power down", 0, "deadlock: 60 s of virtual time"),
        ("Kernel panic - not syncing: Attempted to kill init! exitcode=0x0b", 1, "first process inside died"),
        ("Kernel panic - not syncing: Fatal exception", 1, "panicked: Fatal exception"),
        ("WARNING: CPU: 0\ntestbed: tainted 512\nreboot: Power down", 0, "results are void (taint 512)"),
        ("testbed: could not switch off address randomisation", 1, "could not be started: could not switch"),
        ("", -9, "killed from outside (SIGKILL)"),
        ("", -7, "no room left for the guest's memory"),
        ("", -11, "signal 11"),
        ("", 1, "status 1 and no exit status was left behind"),
    ],
)
def test_each_way_to_die_has_its_words(console: str, returncode: int, words: str) -> None:
    assert words in diagnosis.died(console, returncode=returncode, memory="1G", silence_limit_s=60)


def test_the_tail_of_a_console_is_plain_text() -> None:
    console = "".join(f"line {number}\r\n" for number in range(100)) + "\x1b[0;1mred\x1b[0m\n\n"
    assert diagnosis.tail(console, 3) == "line 98\nline 99\nred"


def test_memory_is_read_as_the_kernel_reads_it() -> None:
    assert memory.memory_bytes("512M") == 512 * 2**20
    assert memory.memory_bytes("4G") == 4 * 2**30
    with pytest.raises(NotReadyError, match="512M or 4G"):
        memory.memory_bytes("4 GB")


def test_a_folder_without_room_for_the_guest_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    refusals = {"/dev/shm": "has 64 MiB free", "/tmp": None}
    monkeypatch.delenv("TMPDIR", raising=False)
    monkeypatch.setattr(memory, "_refusal", lambda folder, _needed: refusals[folder])
    assert memory.memory_folder(2**30) == "/tmp"


def test_a_noexec_folder_cannot_hold_a_guest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_arguments: object, **_named: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(memory.mmap, "mmap", refused)
    assert memory._refusal(str(tmp_path), 1) == "cannot be used: Operation not permitted"


def test_a_folder_is_measured_without_following_links(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "large").write_bytes(b"x" * 10_000_000)
    folder = tmp_path / "out"
    (folder / "inner").mkdir(parents=True)
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    (folder / "file").symlink_to(tmp_path / "elsewhere" / "large")
    empty_bytes = sum(disk_bytes(folder))
    (folder / "inner" / "file").write_bytes(b"x" * 1_000_000)
    assert 1_000_000 <= sum(disk_bytes(folder)) - empty_bytes < 1_100_000
    assert empty_bytes < 1_000_000
    # A file of holes takes no room, however long it is.
    with (folder / "holes").open("wb") as file:
        file.truncate(10**12)
    assert sum(disk_bytes(folder)) < 2_000_000


def test_too_much_output_is_noticed_now_and_then(tmp_path: Path) -> None:
    limit = OutputLimit(tmp_path, 1 << 20)
    assert limit.exceeded(10.0) is None
    (tmp_path / "file").write_bytes(b"x" * (2 << 20))
    assert limit.exceeded(10.5) is None
    assert limit.exceeded(12.0) == "0.0 GiB were written, of 0.000976562 GiB"


def test_the_last_gigabyte_of_the_disk_is_for_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = 1 << 70
    monkeypatch.setattr(output_limit, "disk_bytes", lambda _folder: [2 << 30])
    assert OutputLimit(tmp_path, limit).exceeded(0.0) is None, "the disk of the tests has room"
    monkeypatch.setattr(output_limit, "SPARED_BYTES", 1 << 60)
    monkeypatch.setattr(output_limit, "disk_bytes", lambda _folder: [2 << 60])
    assert "of the disk was left free" in str(OutputLimit(tmp_path, limit).exceeded(0.0))
    monkeypatch.setattr(output_limit, "disk_bytes", lambda _folder: [1 << 20])
    assert OutputLimit(tmp_path, limit).exceeded(0.0) is None, "a run that writes little is not to blame"


def test_files_without_number_and_folders_without_bottom_are_too_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = os.open(tmp_path, os.O_DIRECTORY)
    for _ in range(30):
        os.mkdir("x" * 200, dir_fd=at)
        inner = os.open("x" * 200, os.O_DIRECTORY, dir_fd=at)
        os.close(at)
        at = inner
    os.close(at)
    assert "File name too long" in str(OutputLimit(tmp_path, 1 << 40).exceeded(0.0))
    remove(tmp_path / ("x" * 200))
    for number in range(11):
        (tmp_path / str(number)).touch()
    monkeypatch.setattr(output_limit, "MOST_FILES", 10)
    assert "more than 10 files" in str(OutputLimit(tmp_path, 1 << 40).exceeded(0.0))
