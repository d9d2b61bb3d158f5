"""Run directories with something wrong in them: every file, damaged as disks and people do it."""

import json
import os
import random
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

Damage = Callable[[Path, random.Random], None]
"""Damages one file."""

_HUGE = "9" * 400
_DEEP = "[" * 100_000


@dataclass(frozen=True, slots=True)
class Way:
    """A way of damaging a file, by name."""

    name: str
    damage: Damage


def _truncated(share: float) -> Damage:
    def damage(path: Path, _draws: random.Random) -> None:
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * share)])

    return damage


def _flipped(bits: int) -> Damage:
    def damage(path: Path, draws: random.Random) -> None:
        content = bytearray(path.read_bytes())
        for _ in range(bits if content else 0):
            content[draws.randrange(len(content))] ^= 1 << draws.randrange(8)
        path.write_bytes(content)

    return damage


def _content(content: bytes) -> Damage:
    return lambda path, _draws: _replaced(path, lambda: path.write_bytes(content))


def _replaced(path: Path, make: Callable[[], object]) -> None:
    path.unlink()
    make()


def _garbled(path: Path, draws: random.Random) -> None:
    """Some bytes of it are no UTF-8 any more."""
    content = bytearray(path.read_bytes())
    for _ in range(3):
        content[draws.randrange(len(content))] = draws.choice((0x00, 0x80, 0xFF))
    path.write_bytes(content)


def _socket(path: Path) -> None:
    here = os.open(".", os.O_RDONLY)
    os.chdir(path.parent)
    with socket.socket(socket.AF_UNIX) as end:
        end.bind(path.name)
    os.fchdir(here)
    os.close(here)


def _foreign_table(path: Path, _draws: random.Random) -> None:
    path.write_bytes(_table())


@cache
def _table() -> bytes:
    """A table in Parquet, made by another process, which may have the threads that it takes."""
    code = (
        "import pyarrow as pa, pyarrow.parquet as pq, sys\n"
        "pq.write_table(pa.table({'name': ['a', 'b'], 'value': [1.5, None]}), sys.stdout.buffer)"
    )
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout


def _swapped(path: Path, _draws: random.Random) -> None:
    """It is another file of the run."""
    other = next(each for each in sorted(path.parent.iterdir()) if each.is_file() and each.name != path.name)
    shutil.copyfile(other, path)


WAYS = (
    *(Way(f"cut to {share:.0%}", _truncated(share)) for share in (0.0, 0.01, 0.5, 0.9, 0.999)),
    *(Way(f"{bits} bits flipped", _flipped(bits)) for bits in (1, 8, 64)),
    Way("deleted", lambda path, _draws: path.unlink()),
    Way("a folder", lambda path, _draws: _replaced(path, path.mkdir)),
    Way("a FIFO", lambda path, _draws: _replaced(path, lambda: os.mkfifo(path))),
    Way("a socket", lambda path, _draws: _replaced(path, lambda: _socket(path))),
    Way("a link to nothing", lambda path, _draws: _replaced(path, lambda: path.symlink_to("nowhere"))),
    Way("a link to itself", lambda path, _draws: _replaced(path, lambda: path.symlink_to(path.name))),
    Way("a link to /dev/zero", lambda path, _draws: _replaced(path, lambda: path.symlink_to("/dev/zero"))),
    Way("not to be read", lambda path, _draws: path.chmod(0)),
    Way("bytes that are no UTF-8", _garbled),
    Way("nothing but NUL", _content(bytes(4096))),
    Way("an empty object", _content(b"{}\n")),
    Way("a list", _content(b"[1, 2]\n")),
    Way("a number", _content(b"7\n")),
    Way("a huge number", _content(_HUGE.encode())),
    Way("deeply nested", _content(_DEEP.encode())),
    Way("a table of something else", _foreign_table),
    Way("another file of the run", _swapped),
)


def values_of(path: Path) -> Iterator[Way]:
    """For a JSON object: each value replaced by one of the wrong type or size, and each key missing."""
    found = json.loads(path.read_bytes())
    for key in found:
        yield Way(f"{key} is missing", _changed(key, None, remove=True))
        for value in (None, True, -1, 10**30, 1e308, "", "\ud800", [], {}, ["x"], {"x": 1}, [[1]]):
            if value != found[key]:
                yield Way(f"{key} is {json.dumps(value)}", _changed(key, value))


def _changed(key: str, value: object, *, remove: bool = False) -> Damage:
    def damage(path: Path, _draws: random.Random) -> None:
        found = json.loads(path.read_bytes())
        if remove:
            del found[key]
        else:
            found[key] = value
        path.write_text(json.dumps(found))

    return damage


def events_of(path: Path, draws: random.Random, count: int) -> Iterator[Way]:
    """For a file of events: some event with some field of the wrong type, or without it."""
    lines = path.read_bytes().splitlines()
    for _ in range(count):
        number = draws.randrange(len(lines))
        key = draws.choice([*json.loads(lines[number])])
        value = draws.choice((None, True, -1, 10**30, "", [], {}, "x"))
        yield Way(f"line {number + 1}, {key} is {json.dumps(value)}", _event_changed(number, key, value))


def _event_changed(number: int, key: str, value: object) -> Damage:
    def damage(path: Path, _draws: random.Random) -> None:
        lines = path.read_bytes().splitlines()
        lines[number] = json.dumps({**json.loads(lines[number]), key: value}).encode()
        path.write_bytes(b"\n".join(lines) + b"\n")

    return damage
