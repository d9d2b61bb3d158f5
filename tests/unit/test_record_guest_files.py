"""Files that programs of a run have written: regular ones are read and moved, everything else is refused."""

import os
import re
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from testbed.errors import InvariantError, TestbedError
from testbed.live.tail import LineTail
from testbed.record.events import RunEnded
from testbed.record.guest_files import keep, open_regular, read_bytes, read_console, remove
from testbed.record.logs import EventLog
from testbed.record.merge import merge
from testbed.record.run_directory import RunDirectory
from testbed.venue.progress import PROGRESS_NAME, ProgressTail
from testbed.venue.virtual import PRIVATE_NAME, read_status

SECRET = "of the host"


def a_link(path: Path, secret: Path) -> None:
    path.symlink_to(secret)


def another_name(path: Path, secret: Path) -> None:
    path.hardlink_to(secret)


def a_fifo(path: Path, _secret: Path) -> None:
    os.mkfifo(path)


def a_folder(path: Path, _secret: Path) -> None:
    path.mkdir()


def a_socket(path: Path, _secret: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        # The path of a socket is short; a working directory brings every path within it.
        before = Path.cwd()
        os.chdir(path.parent)
        try:
            server.bind(path.name)
        finally:
            os.chdir(before)


KINDS: dict[str, Callable[[Path, Path], None]] = {
    "a symbolic link": a_link,
    "one of 2 names of the same file": another_name,
    "a FIFO": a_fifo,
    "a folder": a_folder,
    "a socket": a_socket,
}


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(SECRET)
    return path


def in_time(action: Callable[[], object]) -> None:
    """Do it, and fail if it waits: opening a FIFO may last for ever."""
    ended: list[BaseException | None] = []

    def run() -> None:
        try:
            action()
        except BaseException as error:
            ended.append(error)
        else:
            ended.append(None)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(20)
    assert ended, "it waits"
    if ended[0] is not None:
        raise ended[0]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_regular_file_is_neither_read_nor_moved(tmp_path: Path, secret: Path, kind: str) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    KINDS[kind](folder / "exec.out", secret)
    message = re.escape(f"{folder / 'exec.out'} is {kind}, where a regular file is expected")
    for action in (
        lambda: read_bytes(folder / "exec.out"),
        lambda: read_console(folder / "exec.out"),
        lambda: keep(folder / "exec.out", tmp_path / "kept"),
    ):
        with pytest.raises(InvariantError, match=message):
            in_time(action)
    assert not os.path.lexists(tmp_path / "kept")
    assert secret.read_text() == SECRET


def test_a_regular_file_is_read_and_moved(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"content")
    assert read_bytes(tmp_path / "a") == b"content"
    keep(tmp_path / "a", tmp_path / "kept" / "a")
    assert (tmp_path / "kept" / "a").read_bytes() == b"content"
    assert not (tmp_path / "a").exists()


def test_a_file_larger_than_memory_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "holes").open("wb") as file:
        file.truncate(1 << 42)
    with pytest.raises(InvariantError, match=r"holes has 4398046511104 bytes, and \d+ are read at most"):
        read_bytes(tmp_path / "holes")
    assert len(read_console(tmp_path / "holes")) == 1 << 20


def test_no_link_is_followed_on_the_way(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "status").write_text("0")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / PRIVATE_NAME).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InvariantError, match="is not read"):
        read_status(tmp_path / "out")
    (tmp_path / "out" / PRIVATE_NAME).unlink()
    (tmp_path / "elsewhere").rename(tmp_path / "out" / PRIVATE_NAME)
    assert read_status(tmp_path / "out") == 0


def test_what_is_not_there_is_an_error_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "a" / "b", below=tmp_path)
    with pytest.raises(FileNotFoundError):
        keep(tmp_path / "a", tmp_path / "b")


def test_a_set_user_id_bit_is_not_kept(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    (tmp_path / "a").chmod(0o6755)
    keep(tmp_path / "a", tmp_path / "kept")
    assert (tmp_path / "kept").stat().st_mode & 0o7777 == 0o755


@pytest.mark.parametrize("kind", KINDS)
def test_anything_is_removed_and_nothing_that_it_points_to(tmp_path: Path, secret: Path, kind: str) -> None:
    KINDS[kind](tmp_path / "it", secret)
    remove(tmp_path / "it")
    assert not os.path.lexists(tmp_path / "it")
    assert secret.read_text() == SECRET
    remove(tmp_path / "it")


def test_folders_deeper_than_any_limit_are_removed(tmp_path: Path) -> None:
    """Deeper than Python's stack, the length of a path and the number of open files allow."""
    at = os.open(tmp_path, os.O_DIRECTORY)
    os.mkdir("raw", dir_fd=at)
    for _ in range(5_000):
        inner = os.open("raw", os.O_DIRECTORY, dir_fd=at)
        os.close(at)
        at = inner
        os.mkdir("raw", dir_fd=at)
        os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=at))
        os.symlink("/etc", "link", dir_fd=at)
    os.close(at)
    remove(tmp_path / "raw")
    assert list(tmp_path.iterdir()) == []


def test_a_console_is_read_from_its_end_and_commands_no_terminal(tmp_path: Path) -> None:
    console = tmp_path / "console.log"
    console.write_bytes(b"first" + b"x" * (1 << 20) + b"\x1b[31mred\x1b[0m \x1b]0;title\x07 last\r\n")
    text = read_console(console)
    assert len(text) <= 1 << 20
    assert text.endswith("xred ?]0;title? last\n")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "name", ["events.jsonl", "rates.jsonl", "a.probe.downstream.sent", "b.out", "c.pcapng"]
)
def test_a_run_whose_records_were_replaced_is_refused(
    tmp_path: Path, secret: Path, kind: str, name: str
) -> None:
    run = RunDirectory.create_at(tmp_path / "run")
    raw = run.raw_path("only")
    raw.mkdir(parents=True)
    if name != "events.jsonl":
        with EventLog(raw) as events:
            events.write(RunEnded(), 100)
    KINDS[kind](raw / name, secret)
    with pytest.raises(InvariantError, match=re.escape(name)):
        in_time(lambda: merge(run, ["only"]))
    kept = [path for folder in ("captures", "programs") for path in (run.path / folder).rglob("*.*")]
    assert kept == []
    assert secret.read_text() == SECRET


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_grows_may_be_replaced_while_it_is_followed(
    tmp_path: Path, secret: Path, kind: str
) -> None:
    secret.write_text('{"reached_ns": 1, "of_ns": 1, "text": ""}\n')
    KINDS[kind](tmp_path / PROGRESS_NAME, secret)
    progress = ProgressTail(tmp_path)
    with pytest.raises(InvariantError):
        in_time(progress.new_lines)
    with pytest.raises(InvariantError):
        in_time(LineTail(tmp_path / PROGRESS_NAME).new_objects)
    progress.remove()
    assert not os.path.lexists(tmp_path / PROGRESS_NAME)
    assert secret.exists()


@pytest.mark.parametrize(
    "line",
    [
        b'{"reached_ns": Infinity, "of_ns": 1, "text": ""}',
        b"[" * 100_000,
        b"\xff",
        b"x" * (1 << 20),
    ],
)
def test_progress_that_cannot_be_meant_is_refused(tmp_path: Path, line: bytes) -> None:
    (tmp_path / PROGRESS_NAME).write_bytes(line + b"\n")
    with pytest.raises(InvariantError, match=PROGRESS_NAME):
        ProgressTail(tmp_path).new_lines()


def test_progress_is_text_without_commands_to_a_terminal(tmp_path: Path) -> None:
    (tmp_path / PROGRESS_NAME).write_text('{"reached_ns": 1, "of_ns": 2, "text": "\\u001b]0;title"}\n')
    assert ProgressTail(tmp_path).new_lines()[0].text == "?]0;title"


@pytest.mark.parametrize("name", ["events.jsonl", "rates.jsonl"])
@pytest.mark.parametrize(
    "line",
    [
        b"[" * 100_000,
        b"\xff",
        b'{"at_ns": true, "kind": "a", "session": "a", "direction": "a", "throughput_bps": 1}',
        b'{"at_ns": 1}',
        b'{"at_ns": 1, "kind": 7, "session": 7}',
    ],
)
def test_a_line_that_cannot_be_meant_is_refused_with_its_number(
    tmp_path: Path, name: str, line: bytes
) -> None:
    run = RunDirectory.create_at(tmp_path / "run")
    raw = run.raw_path("only")
    raw.mkdir(parents=True)
    with EventLog(raw) as events:
        events.write(RunEnded(), 100)
    before = (raw / name).read_bytes() if (raw / name).exists() else b""
    (raw / name).write_bytes(before + line + b"\n")
    number = before.count(b"\n") + 1
    with pytest.raises(InvariantError, match=f"{name}:{number} "):
        merge(run, ["only"])


@pytest.mark.parametrize("value", ['"fast"', str(2**70)])
def test_a_rate_of_another_type_is_refused(tmp_path: Path, value: str) -> None:
    run = RunDirectory.create_at(tmp_path / "run")
    raw = run.raw_path("only")
    raw.mkdir(parents=True)
    with EventLog(raw) as events:
        events.write(RunEnded(), 100)
    fields = f'"at_ns":1,"session":"a","direction":"up","throughput_bps":1,"dropped":{value}'
    (raw / "rates.jsonl").write_text(f"{{{fields}}}\n")
    with pytest.raises(InvariantError, match="a rate that was recorded cannot be kept"):
        merge(run, ["only"])


def test_a_status_that_no_shell_has_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / PRIVATE_NAME).mkdir()
    (tmp_path / PRIVATE_NAME / "status").write_text("0 or so")
    with pytest.raises(TestbedError, match="which no shell has written"):
        read_status(tmp_path)
