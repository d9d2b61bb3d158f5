"""The shipped scenarios of channels, cut to a few virtual seconds: what each of them is there to show."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from recorded import objects
from venue_boot import embedded_kernel

from testbed.cli.running import run_scenario
from testbed.record.run_directory import RunDirectory
from testbed.report import Summary, samples, summarise
from testbed.scenario import from_mapping, load
from testbed.scenario.source import scenario_path

MS = 1_000_000
LESS_THAN_NEEDED = {"policy": "static", "downstream": {"peak": "100 Mbit/s"}}


def begins_ns(name: str, turn: int) -> int:
    """When a scene of `channel_scenes` begins for the time number `turn`, from 0."""
    scenes = load("channel_scenes").variants["measured"].sessions["player"].scenes
    return [int(scene.at_ns) for scene in scenes if scene.name == name][turn]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """The whole scenario, and in it one more variant with a channel that is not enough."""
    embedded_kernel()
    whole: dict[str, Any] = yaml.safe_load(scenario_path("channel_scenes").read_text(encoding="utf-8"))
    whole["variants"]["too_little"] = {"sessions": {"player": {"channel": LESS_THAN_NEEDED}}}
    scenario = from_mapping(whole, "channel_scenes")
    return run_scenario(scenario, out=tmp_path_factory.mktemp("scenes") / "run")


@pytest.fixture(scope="module")
def scene_summary(scenes: RunDirectory) -> Summary:
    return summarise(scenes, load("channel_scenes").expectations, ())


def delays_ms(run: RunDirectory, variant: str, from_ns: int, to_ns: int) -> dict[int, float]:
    """The delays of video packets sent between two instants, by number."""
    rows = samples(run)
    rows = rows[(rows["variant"] == variant) & (rows["measure"] == "packet")]
    rows = rows[(rows["sent_at_ns"] >= from_ns) & (rows["sent_at_ns"] < to_ns)].dropna()
    return dict(zip(rows["seq"].tolist(), (rows["delay_ns"].astype("float64") / MS).tolist(), strict=True))


def extra_ms(run: RunDirectory, variant: str, from_ns: int, to_ns: int) -> float:
    """How much longer a packet waited at most than the same packet did when the channel grew beforehand."""
    slower, faster = (delays_ms(run, each, from_ns, to_ns) for each in (variant, "signalled"))
    assert slower.keys() == faster.keys()
    assert len(slower) > 10_000
    return max(slower[seq] - faster[seq] for seq in slower)


def rate_before(run: RunDirectory, variant: str, at_ns: int) -> int:
    """The downstream rate that the network gave the player at an instant."""
    rates_bps: list[int] = [
        event["rate_bps"]
        for event in objects(run)
        if event["variant"] == variant
        and event["kind"] in ("net.open", "net.resize")
        and event["direction"] == "downstream"
        and event["at_ns"] < at_ns
    ]
    return rates_bps[-1]


def test_what_the_scenario_expects_holds(scene_summary: Summary) -> None:
    assert [verdict["text"] for verdict in scene_summary["expectations"] if not verdict["holds"]] == []
    assert len(scene_summary["expectations"]) > 10


@pytest.mark.parametrize("turn", range(3))
def test_measured_growth_costs_less_than_20_ms_of_queueing_and_is_over_in_100_ms(
    scenes: RunDirectory, turn: int
) -> None:
    begins, ends = begins_ns("volumetric", turn), begins_ns("menu", turn + 1)
    settled = begins + 100 * MS
    # How much depends on when the counters are read next, up to 5 ms after the first frame.
    assert 0.1 < extra_ms(scenes, "measured", begins, settled) < 20
    # Afterwards it has what its frames need, give or take the 6 % for which it does not resize.
    assert extra_ms(scenes, "measured", settled, ends) < 0.5


def test_a_channel_that_does_not_grow_loses_what_the_others_carry(scene_summary: Summary) -> None:
    """The control."""
    lost = {
        variant: numbers["packets"]["player"]["downstream"]["lost"]
        for variant, numbers in scene_summary["variants"].items()
    }
    assert lost.pop("too_little") > 10_000
    assert lost == {"static": 0, "signalled": 0, "measured": 0, "predictive": 0}


def test_a_scene_that_has_come_before_is_predicted_and_its_first_frames_do_not_wait(
    scenes: RunDirectory,
) -> None:
    begins = begins_ns("volumetric", 2)
    assert rate_before(scenes, "predictive", begins) > 20 * 10**9
    assert rate_before(scenes, "measured", begins) < 2 * 10**9
    predicted_ms, measured_ms = (
        extra_ms(scenes, variant, begins, begins + 100 * MS) for variant in ("predictive", "measured")
    )
    assert predicted_ms < measured_ms / 4


def test_capacity_allocated_and_unused_is_told_of_every_policy(scene_summary: Summary) -> None:
    unused_ppm = {}
    for variant, numbers in scene_summary["variants"].items():
        unused_ppm[variant] = numbers["channels"]["player"]["downstream"]["unused_ppm"] or 0
    slice_ppm, too_little_ppm = unused_ppm.pop("static"), unused_ppm.pop("too_little")
    assert slice_ppm > 900_000
    assert all(too_little_ppm < policy_ppm < slice_ppm for policy_ppm in unused_ppm.values())


def test_a_meeting_sends_and_measures_video_both_ways(tmp_path: Path) -> None:
    embedded_kernel()
    meeting = load(
        "remote_meeting",
        settings=["duration=3 s", "sessions.meeting.ends=2500 ms", *ending("remote_meeting", "3 s")],
        variants=["4k", "4k_channel"],
    )
    variants = summarise(run_scenario(meeting, out=tmp_path / "run"), (), ())["variants"]
    for direction in ("downstream", "upstream"):
        best_effort, channel = (variants[each]["frames"]["meeting"][direction] for each in variants)
        assert channel["sent"] == 45
        assert (channel["lost"], variants["4k_channel"]["packets"]["meeting"][direction]["lost"]) == (0, 0)
        assert (best_effort["delay_ns"]["p95"] or 0) > 4 * (channel["delay_ns"]["p95"] or 0) > 0
    used_bps = variants["4k_channel"]["channels"]["meeting"]["upstream"]["used_mean_bps"]
    assert 25_000_000 < (used_bps or 0) < 40_000_000


def test_a_crowd_is_admitted_until_the_line_is_full_and_gold_takes_from_bronze(tmp_path: Path) -> None:
    """A tenth of the shipped crowd with ten times the rates; gold comes when the line is full."""
    embedded_kernel()
    settings = ["network.parameters.onus=8", "duration=4 s"]
    settings += ["sessions.gold.starts=2500 ms", "sessions.gold.scenes.0.at=2500 ms"]
    settings += ["sessions.gold.ends=3500 ms", "sessions.gold.repeat.within=50 ms"]
    for name, count, rate in (
        ("gold", 2, "1 Gbit/s"),
        ("silver", 6, "600 Mbit/s"),
        ("bronze", 12, "500 Mbit/s"),
    ):
        settings += [f"sessions.{name}.repeat.count={count}", f"sessions.{name}.player=home1"]
        if name != "gold":
            settings += [f"sessions.{name}.ends=2500 ms", f"sessions.{name}.repeat.within=1 s"]
        channel = f"sessions.{name}.channel.downstream"
        settings += [f"{channel}.committed={rate}", f"{channel}.peak=1 Gbit/s"]
    run = run_scenario(load("flash_crowd", settings=settings), out=tmp_path / "run")
    variant = summarise(run, (), ())["variants"]["crowd"]
    admission = variant["admission"]
    assert (admission["asked"], admission["admitted"] + admission["refused"]) == (20, 20)
    assert admission["refused"] > 0
    assert admission["preempted"] > 0
    states = {name: channel["state"] for name, channel in variant["channels"].items()}
    assert all(states[f"gold{number}"] == "released" for number in (1, 2))
    assert {name.rstrip("0123456789") for name in states if states[name] == "preempted"} <= {
        "silver",
        "bronze",
    }
    refused = [event for event in objects(run) if event["kind"] == "channel.refuse"]
    assert all(event["fits"]["downstream"] < 600_000_000 for event in refused)
    assert (admission["fairness_ppm"]["downstream"] or 0) > 900_000
    # Who was refused, or lost the channel, still plays: over the home's own line.
    assert all(variant["frames"][name]["downstream"]["received"] > 0 for name in states)


def test_a_session_rides_its_homes_line_until_its_channel_is_provisioned(tmp_path: Path) -> None:
    embedded_kernel()
    opening = load(
        "channel_opening",
        settings=[
            "duration=7 s",
            "sessions.player.ends=6 s",
            "channels.provisioning=4 s",
            *ending("channel_opening", "7 s"),
        ],
        variants=["provisioned"],
    )
    run = run_scenario(opening, out=tmp_path / "run")
    channel = summarise(run, (), ())["variants"]["provisioned"]["channels"]["player"]
    for direction, interval_ns in (("downstream", 34 * MS), ("upstream", 50 * MS)):
        way = channel[direction]  # type: ignore[literal-required]
        # Asked for half a second before the game.
        assert 500 * MS <= channel["requested_at_ns"] < 501 * MS
        assert 4000 * MS <= way["opened_after_ns"] < 4001 * MS
        assert 4000 * MS <= way["opening_ns"] <= 4000 * MS + interval_ns
        assert way["opening_ns"] < way["arrival_after_ns"] < way["opening_ns"] + 10 * MS
    before = delays_ms(run, "provisioned", 2500 * MS, 4500 * MS).values()
    after = delays_ms(run, "provisioned", 4501 * MS, 6000 * MS).values()
    assert max(after) < 8
    assert max(before) > 30


def ending(name: str, at: str) -> list[str]:
    """Settings that end the background of a shipped scenario at an instant."""
    flows = load(name).variants.values()
    return [f"background.{flow}.ends={at}" for flow in next(iter(flows)).background]
