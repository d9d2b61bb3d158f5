"""A file that a user names is read as far as it may be, or refused; never waited for."""

import os
import socket
from pathlib import Path

import pytest

from testbed.api.profiles import load_profiles
from testbed.api.store import SqliteStore
from testbed.api.tokens import load_tokens
from testbed.errors import ScenarioError
from testbed.record.bounded import SETTINGS_BYTES, read_bounded


def test_a_file_is_read_if_it_is_as_large_as_it_may_be_and_no_larger(tmp_path: Path) -> None:
    path = tmp_path / "some.yaml"
    path.write_text("ä" * 50)
    assert read_bounded(path, "tokens", 100) == "ä" * 50
    path.write_text("ä" * 50 + "x")
    with pytest.raises(
        ScenarioError, match=r"cannot read the tokens in .*some\.yaml: it is larger than 100 bytes"
    ):
        read_bounded(path, "tokens", 100)


def test_what_is_no_text_is_told_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "some.yaml"
    path.write_bytes(b"abc\xff")
    with pytest.raises(ScenarioError, match=r"no text in UTF-8 \(invalid start byte at byte 3\)"):
        read_bounded(path, "tokens", 100)


def made(kind: str, folder: Path) -> Path:
    """Something that is no file."""
    path = folder / "it"
    if kind == "a folder":
        path.mkdir()
    elif kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a link to a device":
        path.symlink_to("/dev/zero")
    elif kind == "a socket":
        socket.socket(socket.AF_UNIX).bind(str(path))
    return {"zero": Path("/dev/zero"), "null": Path("/dev/null"), "full": Path("/dev/full")}.get(kind, path)


@pytest.mark.parametrize(
    "kind", ["zero", "null", "full", "a link to a device", "a folder", "a pipe", "a socket"]
)
@pytest.mark.parametrize("read", [load_tokens, load_profiles, SqliteStore])
def test_what_is_no_file_is_refused_at_once_and_left_as_it_is(
    kind: str, read: type[SqliteStore], tmp_path: Path
) -> None:
    path = made(kind, tmp_path)
    before = path.stat()
    with pytest.raises(ScenarioError, match=f"cannot (use|read|open) .*{path.name}"):
        read(path)
    assert (path.stat().st_mode, path.stat().st_uid) == (before.st_mode, before.st_uid)


@pytest.mark.parametrize("read", [load_tokens, load_profiles])
def test_a_huge_file_is_refused_before_it_is_understood(read: type[SqliteStore], tmp_path: Path) -> None:
    path = tmp_path / "huge.yaml"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ScenarioError, match=f"larger than {SETTINGS_BYTES} bytes"):
        read(path)


def test_a_huge_file_is_no_state(tmp_path: Path) -> None:
    path = tmp_path / "huge.db"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ScenarioError, match="cannot use the state in"):
        SqliteStore(path)
