"""The variants of a run, with a stand-in for the program of each: all end with the first that fails."""

import sys
from pathlib import Path

import pytest
from robustness import stand_ins
from robustness.stand_ins import FAKE_VARIANT

from testbed.cli import main, running
from testbed.errors import KernelError
from testbed.record.run_directory import RunDirectory
from testbed.scenario import load

TWO = "variants: {first: {}, second: {}}\n"


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(running, "LAUNCHER", (sys.executable, "-S", str(FAKE_VARIANT)))
    monkeypatch.setattr(running, "require_venue", lambda *_, **__: {"kernel": {"release": "none"}})
    monkeypatch.setenv("FAKE_MARK", str(tmp_path / "mark"))
    scenario = tmp_path / "net.yaml"
    scenario.write_text(stand_ins.SCENARIO + TWO)
    return str(scenario)


@pytest.mark.parametrize("ways", ["first=run,second=fail", "first=fail,second=run", "first=boot,second=fail"])
def test_the_first_variant_that_fails_ends_all_others_at_once(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ways: str
) -> None:
    """The other one would wait for ever."""
    monkeypatch.setenv("FAKE_VARIANT", ways)
    failing = next(each.partition("=")[0] for each in ways.split(",") if each.endswith("fail"))
    with pytest.raises(KernelError, match=f"variant {failing}: the kernel refused to be one"):
        running.run_scenario(load(path), out=tmp_path / "out", side_by_side=2)
    assert not (tmp_path / "out" / "manifest.json").exists()
    assert (tmp_path / "out" / "logs" / f"{failing}.log").read_text() == f"the console of {failing}\n"


def test_what_waits_for_its_turn_is_not_begun_after_a_failure(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_VARIANT", "first=fail,second=run")
    with pytest.raises(KernelError):
        running.run_scenario(load(path), out=tmp_path / "out", side_by_side=1)
    assert not (tmp_path / "mark").exists()


def test_a_run_is_whole_by_its_checksums(path: str, tmp_path: Path) -> None:
    run = running.run_scenario(load(path), out=tmp_path / "out")
    assert RunDirectory.open(run.path) == run
    assert not (run.path / "raw").exists()


def test_a_place_that_cannot_be_written_is_told_and_left_as_it_was(
    path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    assert main(["run", path, "--out", str(tmp_path / "file" / "run")]) == 2
    assert "Not a directory" in capsys.readouterr().err
    assert (tmp_path / "file").read_text() == "in the way"
