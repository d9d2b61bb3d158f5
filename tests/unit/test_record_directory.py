"""Run directories: two never share one, a user's own is never overwritten, a damaged one is named."""

import json
import os
import subprocess
from datetime import datetime
from pathlib import Path

import pytest
from synthetic_run import make_run, manifest

from testbed.errors import ScenarioError
from testbed.record.atomic import named_by_user
from testbed.record.run_directory import RECORDED, RunDirectory

STARTED = datetime(2030, 1, 2, 3, 4, 5)


def test_a_run_is_named_after_scenario_seed_and_second(tmp_path: Path) -> None:
    run = RunDirectory.create("cloud_gaming", 7, STARTED, tmp_path / "runs")
    assert run.path == tmp_path / "runs" / "cloud_gaming-7-20300102T030405"
    assert run.path.is_dir()


def test_runs_of_the_same_second_do_not_share_a_directory(tmp_path: Path) -> None:
    paths = [RunDirectory.create("s", 1, STARTED, tmp_path).path.name for _ in range(3)]
    assert paths == ["s-1-20300102T030405", "s-1-20300102T030405-2", "s-1-20300102T030405-3"]


def test_a_directory_of_the_users_own_may_be_new_or_empty(tmp_path: Path) -> None:
    assert RunDirectory.create_at(tmp_path / "new" / "run").path.is_dir()
    assert RunDirectory.create_at(tmp_path / "new" / "run").path.is_dir()


def test_a_directory_that_holds_something_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("do not lose")
    with pytest.raises(ScenarioError, match="is not empty; name a new directory"):
        RunDirectory.create_at(tmp_path)
    assert (tmp_path / "thesis.tex").read_text() == "do not lose"


def test_a_file_in_the_place_of_the_directory_is_said_plainly(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ScenarioError, match=r"cannot use as the run directory .*: File exists"):
        RunDirectory.create_at(tmp_path / "file")
    with pytest.raises(ScenarioError, match=r"cannot make a run directory below .*: Not a directory"):
        RunDirectory.create("s", 1, STARTED, tmp_path / "file" / "runs")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_place_that_cannot_be_written_is_said_plainly(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ScenarioError, match="Permission denied"):
        RunDirectory.create("s", 1, STARTED, tmp_path / "runs")


def test_a_run_opens_by_its_path_and_by_its_name(tmp_path: Path) -> None:
    made = make_run(tmp_path / "runs" / "one")
    assert RunDirectory.open(made.path) == made
    assert RunDirectory.open("one", tmp_path / "runs") == made
    assert made.manifest()["seed"] == 7


def test_a_run_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="there is no run 'absent'"):
        RunDirectory.open("absent", tmp_path)


def test_any_other_directory_is_not_a_run(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"is not a run directory: it has no manifest.json"):
        RunDirectory.open(tmp_path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [("{", "is damaged"), ("[]", "holds no JSON object"), ('{"seed": 1}', "lacks testbed, python, scenario")],
)
def test_a_damaged_manifest_is_named(tmp_path: Path, content: str, reason: str) -> None:
    run = make_run(tmp_path / "run")
    run.manifest_path.write_text(content)
    with pytest.raises(ScenarioError, match=reason):
        RunDirectory.open(run.path)


def test_a_run_that_was_stopped_is_not_complete(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    run.samples_path.unlink()
    with pytest.raises(ScenarioError, match=r"not a complete run: it has no samples.parquet"):
        RunDirectory.open(run.path)


def test_a_damaged_event_is_named_by_its_line(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    with run.events_path.open("a") as events:
        events.write("{\n")
    with pytest.raises(ScenarioError, match=r"events.jsonl:\d+ is not an event"):
        run.events()


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ('"failed":"npu1"', r"events.jsonl:\d+ is damaged: job of job.evict: Field required"),
        ('"job":"j","failed":"n","reason":7', r"events.jsonl:\d+ is damaged: reason of job.evict: "),
    ],
)
def test_an_event_with_wrong_fields_is_named_by_its_line(tmp_path: Path, fields: str, reason: str) -> None:
    run = make_run(tmp_path / "run")
    with run.events_path.open("a") as events:
        events.write(f'{{"variant":"v","at_ns":1,"kind":"job.evict",{fields}}}\n')
    with pytest.raises(ScenarioError, match=reason):
        run.events()


def test_an_event_of_an_unknown_kind_is_read_as_it_is(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    with run.events_path.open("a") as events:
        events.write('{"variant":"v","at_ns":1,"kind":"my.own","colour":"red"}\n')
    assert run.events()[-1].as_json() == {"variant": "v", "at_ns": 1, "kind": "my.own", "colour": "red"}


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    run = RunDirectory.create_at(tmp_path)
    run.write_manifest(manifest())
    run.write_summary({"scenario": "größe"})
    assert run.manifest() == manifest()
    assert run.summary() == {"scenario": "größe"}
    assert json.loads(run.manifest_path.read_text())["venue"] == "virtual"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "SHA256SUMS",
        "manifest.json",
        "summary.json",
    ]


@pytest.mark.parametrize("name", RECORDED)
def test_a_file_that_is_not_what_was_written_is_named(tmp_path: Path, name: str) -> None:
    run = make_run(tmp_path / "run")
    content = bytearray((run.path / name).read_bytes())
    content[len(content) // 2] ^= 1
    (run.path / name).write_bytes(content)
    with pytest.raises(ScenarioError, match=rf"{name}.* is damaged"):
        RunDirectory.open(run.path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", r"manifest.json is damaged: its checksum is not in SHA256SUMS"),
        (b"\xff\xfe", "SHA256SUMS is damaged"),
    ],
)
def test_damaged_checksums_are_told(tmp_path: Path, content: bytes, reason: str) -> None:
    run = make_run(tmp_path / "run")
    (run.path / "SHA256SUMS").write_bytes(content)
    with pytest.raises(ScenarioError, match=reason):
        RunDirectory.open(run.path)


def test_a_run_without_checksums_opens_and_is_not_finished(tmp_path: Path) -> None:
    """As runs of earlier versions are; whoever reports on it is warned."""
    run = make_run(tmp_path / "run")
    run.write_summary({"numbers": 1})
    (run.path / "SHA256SUMS").unlink()
    assert not RunDirectory.open(run.path).has_checksums()
    with pytest.raises(ScenarioError, match="is not a complete run: it has no SHA256SUMS"):
        run.require_finished()


def test_a_new_summary_does_not_make_a_damaged_run_whole(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    run.write_summary({"numbers": 1})
    run.require_finished()
    run.plan_path.write_text("another")
    run.write_summary({"numbers": 2})
    with pytest.raises(ScenarioError, match=r"plan.txt is damaged"):
        run.require_finished()


def test_checksums_are_those_of_coreutils(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    checked = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    subprocess.run(checked, cwd=run.path, check=True, capture_output=True)


def test_only_what_the_run_has_made_is_discarded(tmp_path: Path) -> None:
    made = RunDirectory.create_at(tmp_path / "new" / "er")
    made.raw_path("elastic").mkdir(parents=True)
    made.scenario_path.write_text("title: x")
    made.discard()
    assert list(tmp_path.iterdir()) == []
    there = tmp_path / "there"
    there.mkdir()
    run = RunDirectory.create_at(there)
    run.raw_path("elastic").mkdir(parents=True)
    (there / "notes.txt").write_text("of the user")
    run.discard()
    assert [path.name for path in there.iterdir()] == ["notes.txt"]


def test_a_device_that_a_user_names_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    with named_by_user(Path("/dev/null")) as draft:
        draft.write_text("nothing")
    assert Path("/dev/null").is_char_device()
