"""The summary of a run, its expectations, and the frames and files made of its tables."""

import io
import json
from pathlib import Path

import pandas as pd
import pytest
from recorded import assert_read_as_written
from rich.console import Console
from synthetic_run import expectations, make_run, manifest, references

from testbed.applications.quantity import Expectation
from testbed.errors import ScenarioError
from testbed.record.run_directory import RunDirectory
from testbed.report.expectations import evaluate, judged, sentence
from testbed.report.frames import rates, samples, summary_frame, to_csv
from testbed.report.summary import Summary, all_hold, summarise
from testbed.report.terminal import print_table


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return make_run(tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture(scope="module")
def summary(run: RunDirectory) -> Summary:
    return summarise(run, expectations(), references())


def printed(summary: Summary, encoding: str = "utf-8", width: int = 80) -> str:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True)
    print_table(summary, Console(file=stream, width=width))
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue().decode(encoding)


def expectation(**bounds: object) -> Expectation:
    named = {"variant": "elastic", "session": "player", "direction": "downstream", "statistic": "p50"}
    return Expectation.model_validate(named | bounds)


def test_events_are_read_as_they_were_written(run: RunDirectory) -> None:
    assert_read_as_written(run)


def test_the_summary_has_the_shape_that_scripts_rely_on(summary: Summary, run: RunDirectory) -> None:
    assert {"scenario", "seed", "venue", "wall_s", "virtual_s", "run_dir", "variants", "expectations"} <= set(
        summary
    )
    assert summary["run_dir"] == str(run.path)
    assert summary["wall_s_per_virtual_s"] == 0.75
    elastic = summary["variants"]["elastic"]
    assert list(elastic) == [
        "probes",
        "frames",
        "packets",
        "commands",
        "channels",
        "admission",
        "jobs",
        "flows",
        "placement",
    ]
    assert list(elastic["probes"]["player"]) == ["downstream", "upstream"]
    assert list(elastic["frames"]["player"]) == list(elastic["packets"]["player"]) == ["downstream"]
    assert list(elastic["commands"]["player"]) == ["upstream"]
    assert list(elastic["probes"]["player"]["downstream"]["delay_ns"]) == [
        "min",
        "mean",
        "p50",
        "p95",
        "p99",
        "p999",
        "max",
    ]
    assert json.loads(json.dumps(summary)) == summary


def test_a_silent_stream_is_in_the_summary_with_nulls(summary: Summary) -> None:
    guest = summary["variants"]["elastic"]["probes"]["guest"]
    assert (guest["downstream"]["sent"], guest["downstream"]["received"]) == (20, 0)
    assert guest["downstream"]["delay_ns"]["p50"] is None
    assert guest["upstream"]["sent"] == 0


def test_a_channel_is_summed_up_from_its_events_and_its_use(summary: Summary) -> None:
    channel = summary["variants"]["elastic"]["channels"]["player"]
    assert (channel["state"], channel["resizes"], channel["reason"]) == ("released", 2, None)
    downstream: dict[str, object] = {**channel["downstream"]}
    delays = [downstream.pop(key) for key in ("queueing_ns", "arrival_after_ns")]
    assert downstream == {
        "min_rate_bps": 120_000_000,
        "max_rate_bps": 960_000_000,
        # The rates' rows from 1.1 s to 10.9 s: 3 s at 240, 4 s at 960 and 2.9 s at 120 Mbit/s.
        "allocated_mean_bps": 495_757_576,
        # 29 rows at 30, 40 at 120 and 30 at 15 Mbit/s.
        "used_mean_bps": 61_818_182,
        "unused_mean_bps": 433_939_394,
        "unused_ppm": 875_305,
        "resizes": 2,
        # The network opened it at the request, and the first packet was sent at once.
        "opened_after_ns": 0,
        "opening_ns": 0,
        "growth_ns": 0,
    }
    assert all(isinstance(delay_ns, int) and 0 < delay_ns < 10_000_000 for delay_ns in delays)
    guest = summary["variants"]["elastic"]["channels"]["guest"]
    assert (guest["state"], guest["reason"]) == ("refused", "25 Gbit/s is above the line")
    assert summary["variants"]["elastic"]["channels"]["guest"]["upstream"]["max_rate_bps"] is None
    assert summary["variants"]["best_effort"]["channels"] == {}


def test_all_channels_together_are_counted(summary: Summary) -> None:
    assert summary["variants"]["elastic"]["admission"] == {
        "asked": 2,
        "admitted": 1,
        "refused": 1,
        "preempted": 0,
        "expired": 0,
        "fairness_ppm": {"downstream": 1_000_000, "upstream": 1_000_000},
    }
    nothing = summary["variants"]["best_effort"]["admission"]
    assert (nothing["asked"], nothing["fairness_ppm"]["downstream"]) == (0, None)


def test_jobs_tell_where_they_went_and_how_they_ended(summary: Summary) -> None:
    assert summary["variants"]["elastic"]["jobs"] == {
        "player-render": {"node": "near", "backup": "far", "state": "completed"},
        "guest-render": {"node": None, "backup": None, "state": "refused"},
    }


def test_expectations_are_judged_in_words(summary: Summary) -> None:
    assert summary["expectations"][0]["text"] == "elastic: player downstream probe p50 at most 8 ms"
    assert [verdict["holds"] for verdict in summary["expectations"]] == [True, True, True, False, False]
    assert [verdict["unit"] for verdict in summary["expectations"]] == ["ns", "ns", "count", "count", "ns"]
    assert not all_hold(summary)


def test_a_run_without_expectations_holds(run: RunDirectory) -> None:
    assert all_hold(summarise(run, (), ()))


@pytest.mark.parametrize(
    ("bounds", "holds"),
    [
        ({"at_most": 8}, True),
        ({"at_most": 7}, False),
        ({"at_least": 8}, True),
        ({"at_least": 9}, False),
        ({"at_least": 7, "at_most": 9}, True),
    ],
)
def test_a_bound_includes_itself(bounds: dict[str, int], holds: bool) -> None:
    metrics = {"sent": 1, "received": 1, "lost": 0, "reordered": 0, "delay_ns": {"p50": 8}}
    variants = {"elastic": {"probes": {"player": {"downstream": metrics}}}}
    assert evaluate(expectation(**bounds), variants)["holds"] is holds


@pytest.mark.parametrize("bounds", [{"at_most": "1 min"}, {"at_least": "0 ns"}])
def test_a_number_that_is_missing_never_holds(bounds: dict[str, str]) -> None:
    metrics = {"sent": 1, "received": 0, "lost": 1, "reordered": 0, "delay_ns": {"p50": None}}
    for probes in ({}, {"player": {}}, {"player": {"downstream": metrics}}):
        verdict = evaluate(expectation(**bounds), {"elastic": {"probes": probes}})
        assert (verdict["holds"], verdict["measured"]) == (False, None)


def test_both_bounds_are_said() -> None:
    said = sentence(expectation(at_least="56 ms", at_most="68 ms"))
    assert said == "elastic: player downstream probe p50 at least 56 ms and at most 68 ms"
    counted = expectation(measure="packet", statistic="lost", at_most=0)
    assert sentence(counted) == "elastic: player downstream packet lost at most 0"


def test_an_expectation_on_a_variant_left_out_is_not_judged_but_named(run: RunDirectory) -> None:
    wanted = expectation(at_most="8 ms")
    assert judged([wanted], {"best_effort": {}}) == ([], [sentence(wanted)])
    assert len(judged([wanted], {"elastic": {}})[0]) == 1


def test_published_figures_stand_beside_ours(summary: Summary) -> None:
    first = summary["references"][0]
    assert first["text"] == "best_effort: player downstream probe p50"
    assert first["published"] == 62_000_000
    ours = summary["variants"]["best_effort"]["probes"]["player"]["downstream"]["delay_ns"]["p50"]
    assert first["measured"] == ours


def test_the_frames_have_integers_and_nulls(run: RunDirectory) -> None:
    packets = samples(run)
    assert str(packets["delay_ns"].dtype) == "Int64"
    assert packets["delay_ns"].isna().sum() == packets["arrival"].isna().sum() > 0
    assert rates(run)["rate_bps"].isna().any()


def test_the_summary_frame_has_a_row_for_each_stream(run: RunDirectory, summary: Summary) -> None:
    frame = summary_frame(run)
    stream = ["variant", "session", "measure", "direction"]
    assert not frame.duplicated(stream).any()
    row = frame.set_index(stream).loc[("elastic", "player", "probe", "upstream")]
    assert row["p99_ns"] == summary["variants"]["elastic"]["probes"]["player"]["upstream"]["delay_ns"]["p99"]


def test_csv_keeps_every_row_and_leaves_a_lost_packet_empty(run: RunDirectory, tmp_path: Path) -> None:
    paths = to_csv(run, tmp_path / "csv")
    assert [path.name for path in paths] == ["samples.csv", "rates.csv", "summary.csv"]
    back = pd.read_csv(paths[0], dtype={"delay_ns": "Int64"})
    assert len(back) == len(samples(run))
    assert (back["delay_ns"].fillna(-1) == samples(run)["delay_ns"].fillna(-1)).all()
    assert ",,,\n" in paths[0].read_text()


def test_csv_into_a_file_is_refused_plainly(run: RunDirectory, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(ScenarioError, match="cannot make the directory"):
        to_csv(run, tmp_path / "taken")


def test_the_table_fits_80_columns_and_says_pass_and_fail_in_words(summary: Summary) -> None:
    text = printed(summary)
    assert max(len(line) for line in text.splitlines() if "report.html" not in line) <= 80
    for word in (
        "best_effort",
        "61.763",
        "lost/sent",
        "PASS",
        "FAIL",
        "0.75 wall seconds per virtual second",
    ):
        assert word in text
    assert "\x1b" not in text
    assert "2 of 5 expectations do not hold." in text


def test_the_table_can_be_piped_where_there_is_only_ascii(summary: Summary) -> None:
    assert "PASS" in printed(summary, encoding="ascii")


def test_a_run_that_took_no_virtual_time_has_no_pace(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    run.write_manifest({**manifest(), "virtual_s": 0.0})
    found = summarise(run, (), ())
    assert found["wall_s_per_virtual_s"] is None
    assert "wall seconds per virtual second" not in printed(found)
