"""The serial line of the embedded kernel: whole messages each way, ends that are noticed, and its limit."""

import asyncio
import json
import os
import select
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from mechanism import FOLDER
from test_venue_failures import CRASH_INIT
from venue_boot import PYTHON, embedded_kernel

from testbed.errors import KernelError
from testbed.host.line import CONFIRMED_BYTES, WINDOW_CONFIRMATIONS
from testbed.venue.line import carry
from testbed.venue.virtual import CONSOLE_NAME, OUTPUT_IN_GUEST, Boot, Served, serving

PATIENCE_S = 300
WITHIN_BYTES = CONFIRMED_BYTES * WINDOW_CONFIRMATIONS
BEYOND_BYTES = 10_000
CONTROLS = "".join(map(chr, range(32))) + "\x7f\xff\u2028\U0001f600"
"""Characters that a terminal would act upon, or that are no ASCII."""


@contextmanager
def served(output_dir: Path, *command: str) -> Iterator[tuple[Served, socket.socket]]:
    """A command in the embedded kernel, and the bare outer end of its serial line."""
    outside, serial = socket.socketpair()
    boot = Boot(command=command, output_dir=output_dir, seed=1, visible=(FOLDER,))
    with serving(embedded_kernel(), boot, serial) as program:
        yield program, outside


def mechanism(*words: str) -> tuple[str, ...]:
    return (PYTHON, str(FOLDER / "serial_line.py"), OUTPUT_IN_GUEST, *words)


def await_end(program: Served) -> None:
    ended, _, _ = select.select([program], [], [], PATIENCE_S)
    assert ended, "the kernel does not end"


Dialogue = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def talk(output_dir: Path, dialogue: Dialogue) -> int:
    """Have a dialogue with the echo, and hang up; how many messages it has heard."""

    async def script() -> None:
        ours, near = socket.socketpair()
        with served(output_dir, *mechanism("echo")) as (program, outside):
            carrier = asyncio.create_task(carry(near, outside))
            reader, writer = await asyncio.open_connection(sock=ours, limit=1 << 23)
            assert json.loads(await reader.readline()) == {"kind": "ready"}
            await dialogue(reader, writer)
            writer.close()
            await asyncio.wait_for(carrier, PATIENCE_S)
            await_end(program)
            assert program.exit_status() == 0

    asyncio.run(script())
    count: int = json.loads((output_dir / "echo.json").read_text())
    return count


def test_a_megabyte_each_way_comes_back_as_it_was(tmp_path: Path) -> None:
    message = {"text": (CONTROLS + "".join(chr(33 + at % 90) for at in range(83))) * 10_000}

    async def dialogue(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(json.dumps(message).encode() + b"\n")
        assert json.loads(await reader.readline()) == message

    assert len(message["text"]) > 1_000_000
    assert talk(tmp_path, dialogue) == 1
    assert [path.name for path in sorted(tmp_path.iterdir())] == [CONSOLE_NAME, "echo.json"]


def test_many_messages_are_all_there_and_in_order_though_nobody_reads_for_long(tmp_path: Path) -> None:
    """All are written before the first is read, in both directions more than any buffer on the way holds."""
    messages = [{"number": number, "text": "x" * (number % 977)} for number in range(4000)]

    async def dialogue(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.writelines(json.dumps(message).encode() + b"\n" for message in messages)
        assert [json.loads(await reader.readline()) for _ in messages] == messages

    assert talk(tmp_path, dialogue) == len(messages)


def test_a_dead_kernel_is_the_end_of_the_line_and_says_why(tmp_path: Path) -> None:
    with served(tmp_path, PYTHON, "-c", CRASH_INIT) as (program, outside):
        outside.settimeout(PATIENCE_S)
        assert outside.recv(1) == b""
        await_end(program)
        with pytest.raises(KernelError, match="the first process inside died"):
            program.exit_status()


def test_leaving_early_ends_the_kernel(tmp_path: Path) -> None:
    with served(tmp_path, *mechanism("echo")) as (program, outside):
        outside.settimeout(PATIENCE_S)
        assert outside.makefile("rb").readline().endswith(b'{"kind":"ready"}\n')
        watched = os.dup(program.fileno())
    ended, _, _ = select.select([watched], [], [], 0)
    os.close(watched)
    assert ended
    assert [path.name for path in tmp_path.iterdir()] == [CONSOLE_NAME]


@pytest.mark.parametrize(("count", "goes_on"), [(WITHIN_BYTES, True), (BEYOND_BYTES, False)])
def test_a_sender_who_is_too_far_ahead_would_stop_the_line_for_good(
    tmp_path: Path, count: int, goes_on: bool
) -> None:
    """Why the line has a window: without one, what is sent after such a wait never arrives."""
    more_ms = 1000 * PATIENCE_S if goes_on else 10_000
    with served(tmp_path, *mechanism("ahead", str(count), str(more_ms))) as (program, outside):
        outside.settimeout(PATIENCE_S)
        said = outside.makefile("rb")
        assert said.readline().endswith(b'{"kind":"ready"}\n')
        outside.sendall(b"x" * count)
        (tmp_path / "sent").touch()
        told: dict[str, Any] = json.loads(said.readline())
        assert told == {"came": count}
        outside.sendall(b"more")
        await_end(program)
        assert program.exit_status() == 0
    assert json.loads((tmp_path / "ahead.json").read_text()) is goes_on
