"""What programs write while they run: nothing lost, nothing heavy imported, the same bytes every time."""

import subprocess
import sys
from pathlib import Path

import pytest

from testbed.applications.game.events import SceneEntered
from testbed.record.events import JobPlaced, NetworkReady, RunEnded
from testbed.record.logs import EventLog, RateLog
from testbed.record.streams import FLUSH_EVERY, RECEIVED, SENT, ReceivedLog, SentLog

STREAM = {"session": "player", "measure": "probe", "direction": "downstream"}

WRITER = """
import os, sys
from pathlib import Path
from testbed.record.streams import SentLog
log = SentLog(Path({directory!r}), session="player", measure="probe", direction="downstream")
for seq in range(3):
    log.write(seq, 100, seq * 10)
{ending}
"""


def run_writer(directory: Path, ending: str) -> Path:
    subprocess.run(
        [sys.executable, "-c", WRITER.format(directory=str(directory), ending=ending)], check=False
    )
    return directory / "player.probe.downstream.sent"


@pytest.mark.parametrize("ending", ["", "sys.exit(3)", "raise RuntimeError('stop')", "log.close()"])
def test_a_program_that_ends_has_written_every_record(tmp_path: Path, ending: str) -> None:
    content = run_writer(tmp_path, ending).read_bytes()
    assert list(SENT.iter_unpack(content)) == [(0, 100, 0), (1, 100, 10), (2, 100, 20)]


def test_a_program_killed_loses_what_it_held_back(tmp_path: Path) -> None:
    # The negative control of the test above: without an orderly end the records are gone.
    assert run_writer(tmp_path, "os.kill(os.getpid(), 9)").read_bytes() == b""


def test_an_exception_inside_the_context_still_writes(tmp_path: Path) -> None:
    log = ReceivedLog(tmp_path, **STREAM)

    def fail() -> None:
        with log:
            log.write(4, 99)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(RECEIVED.iter_unpack(log.path.read_bytes())) == [(4, 99)]
    log.close()


def test_records_reach_the_disk_while_the_program_runs(tmp_path: Path) -> None:
    with SentLog(tmp_path, **STREAM) as log:
        for seq in range(FLUSH_EVERY - 1):
            log.write(seq, 1, seq)
        assert log.path.stat().st_size == 0
        log.write(FLUSH_EVERY, 1, 0)
        assert log.path.stat().st_size == FLUSH_EVERY * SENT.size


def test_a_forked_process_does_not_write_its_parents_records_again(tmp_path: Path) -> None:
    ending = "if os.fork() == 0: sys.exit()\nos.wait()"
    assert run_writer(tmp_path, ending).stat().st_size == 3 * SENT.size


def test_an_event_is_on_disk_as_soon_as_it_is_written(tmp_path: Path) -> None:
    with EventLog(tmp_path) as events:
        events.write(SceneEntered(session="player", scene="größe", rate_bps=1), 5)
        assert events.path.read_bytes() == (
            b'{"at_ns":5,"kind":"scene","session":"player","scene":"gr\\u00f6\\u00dfe","rate_bps":1}\n'
        )


def test_two_programs_append_to_one_event_log(tmp_path: Path) -> None:
    with EventLog(tmp_path) as first, EventLog(tmp_path) as second:
        first.write(NetworkReady(), 0)
        second.write(RunEnded(), 1)
        first.write(RunEnded(), 2)
        assert len(first.path.read_text().splitlines()) == 3


def test_a_number_that_json_does_not_know_is_refused(tmp_path: Path) -> None:
    with EventLog(tmp_path) as events, pytest.raises(ValueError, match="JSON"):
        events.write(
            JobPlaced(job="j", node="node1", backup=None, reason="", scores={"node1": float("nan")}), 0
        )


def test_a_rate_without_a_channel_is_null_and_not_zero(tmp_path: Path) -> None:
    with RateLog(tmp_path) as rates:
        rates.write(
            0,
            session="player",
            direction="upstream",
            rate_bps=None,
            demand_bps=None,
            throughput_bps=0,
            backlog_bytes=0,
            dropped=0,
        )
        assert '"rate_bps":null' in rates.path.read_text()


def test_the_writers_import_only_the_standard_library() -> None:
    code = "import sys, testbed.record.streams, testbed.record.logs; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert not {"numpy", "pyarrow", "pandas", "pydantic", "plotly"} & set(loaded.split())


def test_a_log_without_a_place_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        SentLog(tmp_path / "missing", **STREAM)
