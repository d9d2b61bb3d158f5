"""Files that are read while they grow: each line and record once, and only when it is whole."""

import json
import struct
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from testbed.errors import InvariantError
from testbed.live import tail
from testbed.live.tail import LineTail, RecordTail
from testbed.record.logs import json_line
from testbed.record.streams import SENT

OBJECTS = st.lists(
    st.dictionaries(st.text(max_size=8), st.integers() | st.text(max_size=8), max_size=3), max_size=12
)
RECORDS = st.lists(st.tuples(*[st.integers(-(2**63), 2**63 - 1)] * 3), max_size=12)
IN_TMP_PATH = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)


def pieces(content: bytes, cuts: list[int]) -> list[bytes]:
    """The content cut anywhere."""
    places = sorted({0, len(content), *(cut % (len(content) + 1) for cut in cuts)})
    return [content[first:last] for first, last in pairwise(places)]


@IN_TMP_PATH
@given(objects=OBJECTS, cuts=st.lists(st.integers(0, 10_000), max_size=6))
def test_every_line_is_read_once_wherever_the_writing_pauses(
    tmp_path: Path, objects: list[dict[str, object]], cuts: list[int]
) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"")
    lines, read = LineTail(path), []
    for piece in pieces("".join(map(json_line, objects)).encode(), cuts):
        with path.open("ab") as file:
            file.write(piece)
        read += lines.new_objects()
    assert read == objects
    assert lines.new_objects() == []


@IN_TMP_PATH
@given(records=RECORDS, cuts=st.lists(st.integers(0, 10_000), max_size=6))
def test_every_record_is_read_once_wherever_the_writing_pauses(
    tmp_path: Path, records: list[tuple[int, ...]], cuts: list[int]
) -> None:
    path = tmp_path / "player.probe.upstream.sent"
    path.write_bytes(b"")
    stream, read = RecordTail(path, SENT), []
    for piece in pieces(b"".join(SENT.pack(*record) for record in records), cuts):
        with path.open("ab") as file:
            file.write(piece)
        read += stream.new_records()
    assert read == records


def test_a_file_that_is_not_there_yet_or_any_more_has_nothing_new(tmp_path: Path) -> None:
    path = tmp_path / "rates.jsonl"
    lines = LineTail(path)
    assert lines.new_objects() == []
    path.write_text('{"a":1}\n')
    assert lines.new_objects() == [{"a": 1}]
    path.unlink()
    assert lines.new_objects() == []


def test_a_line_without_its_end_waits(tmp_path: Path) -> None:
    path = tmp_path / "rates.jsonl"
    path.write_text('{"a":1}\n{"b":')
    lines = LineTail(path)
    assert lines.new_objects() == [{"a": 1}]
    assert lines.new_objects() == []


@pytest.mark.parametrize("line", ["{", "[1]", "null", "{'a': 1}"])
def test_a_whole_line_that_is_no_object_is_an_error(tmp_path: Path, line: str) -> None:
    path = tmp_path / "rates.jsonl"
    path.write_text(f"{line}\n")
    with pytest.raises(InvariantError, match=r"rates\.jsonl has a line that is no JSON"):
        LineTail(path).new_objects()


def test_one_reading_takes_no_more_than_its_share_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "MOST_BYTES", 100)
    path = tmp_path / "rates.jsonl"
    path.write_text("".join(json.dumps({"number": number}) + "\n" for number in range(40)))
    lines = LineTail(path)
    readings = [[each["number"] for each in lines.new_objects()] for _ in range(20)]
    assert max(map(len, readings)) < 10
    assert [number for reading in readings for number in reading] == list(range(40))


def test_a_line_that_is_longer_than_a_reading_is_an_error_and_not_a_standstill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "MOST_BYTES", 10)
    path = tmp_path / "rates.jsonl"
    path.write_text('{"name": "a long one"}\n')
    with pytest.raises(InvariantError, match="a line of more than 10 bytes"):
        LineTail(path).new_objects()


def test_a_reading_of_records_ends_at_a_whole_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "MOST_BYTES", 20)
    path = tmp_path / "a.probe.upstream.received"
    layout = struct.Struct("<q")
    path.write_bytes(b"".join(layout.pack(number) for number in range(5)))
    stream = RecordTail(path, layout)
    assert [stream.new_records() for _ in range(4)] == [[(0,), (1,)], [(2,), (3,)], [(4,)], []]
