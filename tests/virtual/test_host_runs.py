"""Runs on the host venue, in real time: the embedded kernel without time travel stands for a host.

What a run has is looked at, and not when it came: that is the machine's. A kernel in which each system call
costs some microseconds makes the worst of hosts.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from host_scenarios import ACCESS, HEAVY, QUIET, SUPERNODE
from mechanism import FOLDER
from recorded import objects
from venue_boot import PYTHON, console_of, embedded_kernel, run_inside

from testbed.cli.running import run_scenario
from testbed.record.run_directory import RunDirectory
from testbed.scenario.loading import from_mapping
from testbed.venue.virtual import OUTPUT_IN_GUEST

HOST = ("--venue", "host", "--out")
CALM = ("--set", "health.heartbeat=100 ms", "--set", "health.missed=5")
"""A machine that is late by tens of milliseconds is taken for one that has died after 30 ms."""
FLOOD_PACKETS_PER_S = 10**7

pytestmark = pytest.mark.timeout(1800)
"""Six runs in real time, on a machine that may have other work."""


@dataclass(frozen=True)
class Ran:
    """One command: its status and what it printed, and the run directory that it was to make."""

    status: int
    out: str
    err: str
    folder: Path

    def events(self, *kinds: str, variant: str | None = None) -> list[dict[str, Any]]:
        """The events of some kinds, in order."""
        found = objects(RunDirectory.open(str(self.folder)))
        return [
            event for event in found if event["kind"] in kinds and variant in (None, str(event["variant"]))
        ]

    def summary(self, variant: str) -> dict[str, Any]:
        """The numbers of a variant."""
        numbers: dict[str, Any] = json.loads((self.folder / "summary.json").read_text())["variants"][variant]
        return numbers


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ran]:
    """Every command by its name, all in one boot, one after another."""
    embedded_kernel()
    out = tmp_path_factory.mktemp("host_runs")
    for name, script in (("access", ACCESS), ("supernode", SUPERNODE), ("quiet", QUIET), ("heavy", HEAVY)):
        (out / f"{name}.yaml").write_text(from_mapping(script, name).text)
    commands = {
        "access": ["run", "access.yaml"],
        "supernode": ["run", "supernode.yaml"],
        "shipped": ["run", "render_failover", "--variant", "dies", *CALM],
        "quiet": ["run", "quiet.yaml"],
        "refused": ["run", "heavy.yaml"],
        "forced": ["run", "heavy.yaml", "--force"],
    }
    (out / "commands").write_text(json.dumps([[*words, *HOST, name] for name, words in commands.items()]))
    command = (PYTHON, str(FOLDER / "host_runs.py"), OUTPUT_IN_GUEST)
    outcome = run_inside(
        out, *command, time_travel=False, visible=(FOLDER,), wall_limit_s=1700.0, stall_limit_s=500.0
    )
    assert outcome.exit_status == 0, console_of(outcome)
    told = json.loads((out / "ran.json").read_text())
    return {
        name: Ran(each["status"], each["out"], each["err"], out / name)
        for name, each in zip(commands, told, strict=True)
    }


@pytest.mark.parametrize("name", ["access", "supernode", "quiet", "forced"])
def test_a_run_comes_to_its_end(ran: dict[str, Ran], name: str) -> None:
    assert ran[name].status == 0, ran[name].err
    variants = {event["variant"] for event in ran[name].events("run.end")}
    assert variants == set(json.loads((ran[name].folder / "manifest.json").read_text())["variants"])


@pytest.mark.parametrize("variant", ["shaped", "frames"])
def test_a_channel_grows_with_its_scene(ran: dict[str, Ran], variant: str) -> None:
    resizes = list(ran["access"].events("net.resize", variant=variant))
    grown = [each["rate_bps"] for each in resizes if each["session"] == "player"]
    assert grown, ran["access"].err
    decided = ran["access"].events("channel.resize", variant=variant)
    assert all(each["to_bps"] > each["from_bps"] for each in decided if each["direction"] == "downstream")


@pytest.mark.parametrize("variant", ["shaped", "frames"])
def test_a_session_books_its_channel_from_the_operator(ran: dict[str, Ran], variant: str) -> None:
    calls = ran["access"].events("api.call", variant=variant)
    assert calls[0]["operation"] == "createSession"
    assert calls[0]["status"] == 201
    opened = list(ran["access"].events("net.open", variant=variant))
    assert {100_000_000, 50_000_000} <= {each["rate_bps"] for each in opened if each["session"] == "booked"}


def test_a_program_of_the_user_s_sees_the_distance(ran: dict[str, Ran]) -> None:
    """Twice 20 km of fibre and 500 us; however late anything is, nothing is faster than light."""
    said = (ran["access"].folder / "programs/shaped/look.out").read_text()
    rtts_ms = [float(line.rpartition("time=")[2].split()[0]) for line in said.splitlines() if "time=" in line]
    assert len(rtts_ms) == 5
    assert min(rtts_ms) > 2 * (20 * 0.0049 + 0.5)


@pytest.mark.parametrize("variant", ["shaped", "frames"])
def test_a_capture_has_packets(ran: dict[str, Ran], variant: str) -> None:
    assert (ran["access"].folder / f"captures/{variant}/home1.pcapng").stat().st_size > 10_000


def test_a_node_that_dies_is_noticed_and_its_job_serves_elsewhere(ran: dict[str, Ran]) -> None:
    gone = [event["node"] for event in ran["supernode"].events("node.fail")]
    assert "npu2" in gone
    recovered = ran["supernode"].events("job.recover")
    assert recovered
    assert "npu2" not in [event["node"] for event in recovered]


def test_a_transfer_gives_up_the_plane_that_died_and_takes_it_back(ran: dict[str, Ran]) -> None:
    told = [event for event in ran["supernode"].events("transfer.plane") if event["plane"] == 1]
    assert [event["alive"] for event in told][:1] == [False]
    assert told[-1]["alive"] is True
    (end,) = ran["supernode"].events("transfer.end")
    assert end["received_bytes"] > 0


def test_a_shipped_scenario_fails_over(ran: dict[str, Ran]) -> None:
    """Its expectations are for virtual time, so that either verdict will do here."""
    assert ran["shipped"].status in (0, 1), ran["shipped"].err
    assert "edge1" in [event["node"] for event in ran["shipped"].events("node.fail")]
    assert ran["shipped"].events("job.promote")


def warnings(ran: Ran, variant: str) -> list[str]:
    """What a run says of the machine as a whole."""
    return [event["text"] for event in ran.events("warning", variant=variant) if "program" not in event]


def test_a_machine_that_is_busy_is_told_and_one_that_is_not_is_not(ran: dict[str, Ran]) -> None:
    """The control is the same network on the same kernel without the program that computes."""
    busy_ppm = {
        variant: ran["quiet"].summary(variant)["host_load"]["busy_ppm"] for variant in ("quiet", "burning")
    }
    assert busy_ppm["quiet"] < 500_000
    assert busy_ppm["burning"] > 900_000
    assert [text for text in warnings(ran["quiet"], "burning") if "processors were busy" in text]
    assert not [text for text in warnings(ran["quiet"], "quiet") if "processors were busy" in text]


@pytest.mark.parametrize("name", ["access", "supernode", "quiet"])
def test_every_run_says_how_far_it_may_be_off(ran: dict[str, Ran], name: str) -> None:
    for event in ran[name].events("host.load"):
        numbers = ran[name].summary(event["variant"])["host_load"]
        assert numbers["off_by_ns"] >= event["late_max_ns"] >= event["late_p99_ns"] >= event["late_p50_ns"]
        shown = (
            f"{event['variant']}: results of this run are off by up to {numbers['off_by_ns'] / 1e6:.3f} ms"
        )
        assert shown in ran[name].out
        assert shown in (ran[name].folder / "report.html").read_text()


def test_what_cannot_be_carried_is_refused_with_figures_and_a_remedy(ran: dict[str, Ran]) -> None:
    refused = ran["refused"]
    assert refused.status == 3
    assert not refused.folder.exists()
    assert (
        f"{FLOOD_PACKETS_PER_S:,} packets a second are sent at 0.05 s (flood {FLOOD_PACKETS_PER_S:,})"
        in refused.err
    )
    assert "use --venue virtual" in refused.err
    assert "--force" in refused.err


def test_what_is_forced_runs_and_carries_the_doubt(ran: dict[str, Ran]) -> None:
    manifest = json.loads((ran["forced"].folder / "manifest.json").read_text())
    assert manifest["host"]["packets_per_s"] == {"default": FLOOD_PACKETS_PER_S}
    (doubt, *_) = manifest["host"]["doubts"]
    assert f"{FLOOD_PACKETS_PER_S:,} packets a second" in doubt
    assert doubt in ran["forced"].out
    assert doubt in ran["forced"].err


def test_virtual_time_has_nothing_of_this(tmp_path: Path) -> None:
    """The control: the same scenario there, which no machine is too slow for."""
    run = run_scenario(from_mapping(HEAVY, "heavy"), out=tmp_path / "run")
    assert not [event for event in objects(run) if event["kind"].startswith("host.")]
    assert "host" not in run.manifest()
