"""The dashboard's life: where it may be drawn, and that what goes wrong in it is told."""

import io
import threading
from pathlib import Path

import pytest
from live_records import beginning

from testbed.cli import live, main
from testbed.cli.live import LiveView, require_terminal
from testbed.errors import InvariantError, ScenarioError
from testbed.record.logs import EVENTS_FILE, EventLog
from testbed.record.run_directory import RunDirectory


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    """A run whose only variant has begun; it is drawn as fast as can be."""
    monkeypatch.setattr(live, "_EVERY_S", 0.001)
    directory = RunDirectory.create_at(tmp_path / "run")
    directory.raw_path("only").mkdir(parents=True)
    with EventLog(directory.raw_path("only")) as events:
        for at_ns, each in beginning():
            events.write(each, at_ns)
    return directory


def write(directory: RunDirectory, text: str) -> None:
    with (directory.raw_path("only") / EVENTS_FILE).open("a") as file:
        file.write(text)


def drawing() -> threading.Thread | None:
    return next((thread for thread in threading.enumerate() if thread.name == "live"), None)


def watch_until_it_fails(run: RunDirectory) -> None:
    with LiveView("a game", ["only"]) as view:
        view.begun(run)
        thread = drawing()
        assert thread is not None
        thread.join(60)
        assert not thread.is_alive()


def test_without_a_terminal_it_is_refused_before_anything_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "there is no such scenario", "--live"]) == 2
    assert capsys.readouterr().err == (
        "error: --live draws on a terminal, and standard error is none; "
        "leave it out, and progress is told in lines\n"
    )


def test_a_terminal_that_can_only_print_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    with pytest.raises(ScenarioError, match="standard error is none"):
        require_terminal(Terminal())
    monkeypatch.setenv("TERM", "xterm")
    require_terminal(Terminal())


def test_it_ends_with_the_run_whose_records_may_be_gone_by_then(run: RunDirectory) -> None:
    with LiveView("a game", ["only"]) as view:
        assert drawing() is not None
        view.begun(run)
        view("only", 1_000_000_000, 20_000_000_000, "player")
        (run.raw_path("only") / EVENTS_FILE).unlink()
        run.raw_path("only").rmdir()
    assert drawing() is None


def test_what_goes_wrong_in_it_comes_out_at_the_run_s_end(run: RunDirectory) -> None:
    write(run, "no event\n")
    with pytest.raises(InvariantError, match=r"events\.jsonl has a line that is no JSON"):
        watch_until_it_fails(run)
    assert drawing() is None


def test_an_error_of_the_run_is_told_before_one_of_its_dashboard(run: RunDirectory) -> None:
    write(run, "no event\n")

    def fail_after_it() -> None:
        with LiveView("a game", ["only"]) as view:
            view.begun(run)
            thread = drawing()
            assert thread is not None
            thread.join(60)
            raise ScenarioError("the run's own")

    with pytest.raises(ScenarioError, match="the run's own"):
        fail_after_it()
