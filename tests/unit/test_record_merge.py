"""Joining what was sent to what arrived: every packet once, losses null, contradictions refused."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from recorded import objects
from synthetic_run import VARIANTS, make_run

from testbed.errors import InvariantError, ScenarioError
from testbed.record.event import OtherEvent
from testbed.record.events import RunEnded
from testbed.record.logs import EventLog, RateLog
from testbed.record.merge import Merged, merge
from testbed.record.run_directory import RunDirectory
from testbed.record.streams import ReceivedLog, SentLog

STREAM = {"session": "player", "measure": "probe", "direction": "downstream"}
RECEIVED_FILE = "player.probe.downstream.received"


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    run = RunDirectory.create_at(tmp_path / "run")
    raw = run.raw_path("only")
    raw.mkdir(parents=True)
    with EventLog(raw) as events:
        events.write(RunEnded(), 100)
    return run


def record(
    run: RunDirectory, sent: Iterable[tuple[int, int]], received: Iterable[tuple[int, int]], **name: str
) -> None:
    raw = run.raw_path("only")
    with SentLog(raw, **(STREAM | name)) as sent_log, ReceivedLog(raw, **(STREAM | name)) as received_log:
        for seq, at_ns in sent:
            sent_log.write(seq, 64, at_ns)
        for seq, at_ns in received:
            received_log.write(seq, at_ns)


def rows(run: RunDirectory) -> list[dict[str, Any]]:
    return pq.read_table(run.samples_path).to_pylist()


def merged(run: RunDirectory) -> Merged:
    return merge(run, ["only"])


def test_a_packet_that_never_arrived_has_nulls(run: RunDirectory) -> None:
    record(run, [(1, 10), (2, 20)], [(1, 15)])
    merged(run)
    arrived, lost = rows(run)
    assert (arrived["received_at_ns"], arrived["arrival"], arrived["delay_ns"]) == (15, 0, 5)
    assert (lost["received_at_ns"], lost["arrival"], lost["delay_ns"]) == (None, None, None)
    assert lost["size_bytes"] == 64


def test_rows_follow_the_sequence_and_arrival_keeps_the_order_on_the_wire(run: RunDirectory) -> None:
    record(run, [(3, 30), (1, 10), (2, 20)], [(2, 40), (1, 41), (3, 42)])
    merged(run)
    assert [(row["seq"], row["arrival"]) for row in rows(run)] == [(1, 1), (2, 0), (3, 2)]


def test_of_a_packet_that_arrives_twice_the_first_counts_and_a_warning_tells(run: RunDirectory) -> None:
    record(run, [(1, 10), (2, 20)], [(1, 15), (1, 16), (2, 30)])
    warning = f"only/{RECEIVED_FILE}: 1 packets arrived again; the first arrival counts"
    assert merged(run).warnings == (warning,)
    assert [(row["delay_ns"], row["arrival"]) for row in rows(run)] == [(5, 0), (10, 1)]
    assert objects(run)[-1] == {"variant": "only", "at_ns": 100, "kind": "warning", "text": warning}


def test_a_clean_stream_gives_no_warning(run: RunDirectory) -> None:
    record(run, [(1, 10)], [(1, 15)])
    assert merged(run).warnings == ()


@pytest.mark.parametrize(
    ("sent", "received", "reason"),
    [
        ([(1, 10)], [(1, 15), (7, 16)], "number 7 was received but never sent"),
        ([(1, 10), (1, 11)], [], "number 1 was sent twice"),
        ([(1, 10)], [(1, 9)], "number 1 arrived before it was sent"),
    ],
)
def test_records_that_contradict_each_other_void_the_run(
    run: RunDirectory, sent: list[tuple[int, int]], received: list[tuple[int, int]], reason: str
) -> None:
    record(run, sent, received)
    with pytest.raises(InvariantError, match=reason):
        merged(run)
    assert run.raw_path("only").is_dir()


def test_a_record_cut_off_is_a_warning_and_the_whole_ones_are_used(run: RunDirectory) -> None:
    record(run, [(1, 10), (2, 20)], [(1, 15)])
    with (run.raw_path("only") / RECEIVED_FILE).open("ab") as file:
        file.write(b"\x02\x00\x00")
    (warning,) = merged(run).warnings
    assert warning.startswith(f"only/{RECEIVED_FILE}: the last record is cut off (3 of 16 bytes)")
    assert [row["delay_ns"] for row in rows(run)] == [5, None]


def test_an_event_cut_off_is_a_warning(run: RunDirectory) -> None:
    with (run.raw_path("only") / "events.jsonl").open("a") as file:
        file.write('{"at_ns":200,"ki')
    (warning,) = merged(run).warnings
    assert "the last line is cut off" in warning
    assert [event["kind"] for event in objects(run)] == ["run.end", "warning"]


def test_a_broken_event_in_the_middle_voids_the_run(run: RunDirectory) -> None:
    with (run.raw_path("only") / "events.jsonl").open("a") as file:
        file.write("nonsense\n")
    with pytest.raises(InvariantError, match=r"events.jsonl:2 is not a JSON object"):
        merged(run)


def test_a_variant_that_left_nothing_is_named(run: RunDirectory) -> None:
    with pytest.raises(InvariantError, match=r"'other' left no events.jsonl"):
        merge(run, ["only", "other"])


def test_events_are_in_order_of_instant_and_equal_instants_as_written(run: RunDirectory) -> None:
    with EventLog(run.raw_path("only")) as events:
        for kind, at_ns in (("b", 7), ("a", 7), ("c", 3)):
            events.write(OtherEvent(content={"kind": kind}), at_ns)
    merged(run)
    assert [event["kind"] for event in objects(run)] == ["c", "b", "a", "run.end"]


def test_a_stream_in_which_nothing_was_sent_has_no_rows(run: RunDirectory) -> None:
    record(run, [], [])
    assert merged(run).samples == 0
    assert pq.read_schema(run.samples_path).names[-1] == "delay_ns"


def test_streams_are_sorted_by_session_measure_and_direction(run: RunDirectory) -> None:
    for name in (("b", "probe", "upstream"), ("b", "frame", "downstream"), ("a", "probe", "upstream")):
        record(run, [(1, 1)], [], **dict(zip(("session", "measure", "direction"), name, strict=True)))
    merged(run)
    assert [(row["session"], row["measure"]) for row in rows(run)] == [
        ("a", "probe"),
        ("b", "frame"),
        ("b", "probe"),
    ]


def test_a_rate_without_a_channel_stays_null(run: RunDirectory) -> None:
    counters = {"demand_bps": None, "throughput_bps": 4, "backlog_bytes": 0, "dropped": 0}
    with RateLog(run.raw_path("only")) as rates:
        rates.write(5, session="player", direction="upstream", rate_bps=None, **counters)
        rates.write(3, session="player", direction="upstream", rate_bps=9, **counters)
    merged(run)
    assert pq.read_table(run.rates_path).column("rate_bps").to_pylist() == [9, None]


def test_the_same_records_give_the_same_bytes_and_other_records_do_not(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / name) for name in ("first", "second")]
    for name in ("events.jsonl", "samples.parquet", "rates.parquet"):
        first, second = [(run.path / name).read_bytes() for run in runs]
        assert first == second
    assert runs[0].samples_path.read_bytes() != runs[0].rates_path.read_bytes()


def test_the_variants_keep_the_order_in_which_they_were_given(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    assert list(dict.fromkeys(event["variant"] for event in objects(run))) == list(VARIANTS)
    assert not (run.path / "raw").exists()


def test_a_full_disk_is_said_plainly_and_leaves_the_records(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "write_table", refuse)
    with pytest.raises(ScenarioError, match=r"cannot write .*samples.parquet: No space left on device"):
        merged(run)
    assert run.raw_path("only").is_dir()
    assert not list(run.path.glob(".*"))
