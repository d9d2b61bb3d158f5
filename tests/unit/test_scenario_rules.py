"""What a scenario and its network must agree on. Each rule has a value just within it as a control."""

from pathlib import Path

import pytest
import scenario_documents

from testbed.errors import ScenarioError
from testbed.scenario import load

DOWN = "downstream: {committed: 100 Mbit/s, peak: 5 Gbit/s"


def refusal(folder: Path, *changes: tuple[str, str]) -> str:
    with pytest.raises(ScenarioError) as refused:
        load(scenario_documents.write(folder, *changes))
    return str(refused.value)


@pytest.mark.parametrize(
    ("within", "beyond", "message"),
    [
        # The PON carries 10 Gbit/s down and 5 up; two homes hold 100 Mbit/s each of it down, 50 up.
        (
            (DOWN, "downstream: {committed: 100 Mbit/s, peak: 10 Gbit/s"),
            (DOWN, "downstream: {committed: 100 Mbit/s, peak: 10.001 Gbit/s"),
            "peak: 10.001 Gbit/s does not fit the PON downstream; the most that fits is 10 Gbit/s",
        ),
        (
            ("peak: 100 Mbit/s", "peak: 5 Gbit/s"),
            ("peak: 100 Mbit/s", "peak: 5.001 Gbit/s"),
            "peak: 5.001 Gbit/s does not fit the PON upstream; the most that fits is 5 Gbit/s",
        ),
        (
            (DOWN, "downstream: {committed: 9.8 Gbit/s, peak: 10 Gbit/s"),
            (DOWN, "downstream: {committed: 9.801 Gbit/s, peak: 10 Gbit/s"),
            "committed: 9.801 Gbit/s does not fit the PON downstream beside what the homes hold of its "
            "10 Gbit/s; the most that fits is 9.8 Gbit/s",
        ),
        (
            ("{rate: 1 Gbit/s, committed: 50 Mbit/s", "{rate: 5 Gbit/s, committed: 2.49 Gbit/s"),
            ("{rate: 1 Gbit/s, committed: 50 Mbit/s", "{rate: 5 Gbit/s, committed: 2.501 Gbit/s"),
            "access.upstream.committed: 2 homes with 2.501 Gbit/s each hold 5.002 Gbit/s, more than the PON "
            "upstream carries, 5 Gbit/s; the most that fits is 2.5 Gbit/s",
        ),
        (
            ("{capacity: 10}", "{uplink: 5 Gbit/s}"),
            ("{capacity: 10}", "{uplink: 4.999 Gbit/s}"),
            "downstream.peak: 5 Gbit/s does not fit the link from node1 to olt; the most that fits is "
            "4.999 Gbit/s",
        ),
        (
            ("weight: 4", "weight: 10"),
            ("weight: 4", "weight: 11"),
            "job.weight: 11 is more than any node carries; the largest, node1, carries 10",
        ),
        (
            ("player: home1", "player: home2"),
            ("player: home1", "player: home3"),
            "player.player: 'home3' is no host of a home; did you mean 'home2'?",
        ),
        (
            ("source: node1", "source: home1"),
            ("source: node1", "source: onu1"),
            "download.source: 'onu1' is no host of small; known are node1, home1, home2",
        ),
        (
            ("ends: 9 s", "ends: 10 s"),
            ("ends: 9 s", "ends: 10001 ms"),
            "sessions.player.ends: 10.001 s is after the scenario's end at 10 s",
        ),
        (
            ("statistic: p50, at_most", "measure: frame, statistic: p50, at_most"),
            ("downstream, statistic: p50, at_most", "upstream, measure: packet, statistic: p50, at_most"),
            "expect.0.direction: a packet goes downstream only; write that, or another measure",
        ),
        (
            (
                "direction: upstream, statistic: lost",
                "direction: upstream, measure: command, statistic: lost",
            ),
            (
                "direction: upstream, statistic: lost",
                "direction: downstream, measure: command, statistic: lost",
            ),
            "expect.1.direction: a command goes upstream only; write that, or another measure",
        ),
    ],
)
def test_a_value_within_the_rule_passes_and_one_beyond_is_told(
    within: tuple[str, str], beyond: tuple[str, str], message: str, tmp_path: Path
) -> None:
    assert message in refusal(tmp_path, beyond)
    load(scenario_documents.write(tmp_path, within))


def test_a_flow_joins_two_hosts(tmp_path: Path) -> None:
    told = refusal(tmp_path, ("destination: home2", "destination: node1"))
    assert "background.download.destination: is 'node1', the source itself" in told


MEASURED = "download: {protocol: udp, interval: 1 ms, measured: true, "
PACKETS = "{variant: elastic, session: download, measure: packet, "


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            [("source: node1", "source: home1")],
            "background.download.measured: home1 and home2 are on one side of the PON; a measured flow joins "
            "a host of a home and a compute node",
        ),
        (
            [("download:", "player:")],
            "background.player: is the name of the session sessions.player too; they are told apart by name",
        ),
        (
            [
                ("{variant: elastic, session: player, ", PACKETS),
                ("downstream, statistic", "upstream, statistic"),
            ],
            "expect.0.direction: flow 'download' goes downstream; write that",
        ),
        (
            [("{variant: elastic, session: player, ", "{variant: elastic, session: download, ")],
            "expect.0.measure: a measured flow has packets and no probe; write measure: packet",
        ),
        (
            [("{variant: elastic, session: player, ", "{variant: elastic, session: downlod, ")],
            "expect.0.session: there is no session 'downlod'; did you mean 'download'?",
        ),
        (
            [("{variant: elastic, session: player, ", PACKETS), ("measured: true", "measured: false")],
            "expect.0.session: the packets of flow 'download' are not recorded; write measured: true for it",
        ),
    ],
)
def test_a_measured_flow_crosses_the_pon_and_stands_beside_sessions(
    changes: list[tuple[str, str]], message: str, tmp_path: Path
) -> None:
    measured = ("download: {protocol: tcp, ", MEASURED)
    load(scenario_documents.write(tmp_path, measured, ("{variant: elastic, session: player, ", PACKETS)))
    assert message in refusal(tmp_path, measured, *changes)


def test_the_throughput_of_a_flow_can_be_expected_wherever_it_goes(tmp_path: Path) -> None:
    flow = "{variant: elastic, session: download, measure: flow, statistic: throughput, at_least: 1 Gbit/s}"
    within = ("source: node1", "source: home1")
    expected = ("expect:\n", f"expect:\n  - {flow}\n")
    (first, *_) = load(scenario_documents.write(tmp_path, within, expected)).expectations
    assert (first.at_least, first.unit.written(first.at_least or 0)) == (10**9, "1 Gbit/s")
    told = refusal(tmp_path, (expected[0], expected[1].replace("download", "upload")))
    assert "expect.0.session: there is no flow 'upload'; known is download" in told


def test_what_a_variant_removes_is_not_at_fault_in_it(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"downstream.peak: 30 Gbit/s does not fit") as refused:
        load(scenario_documents.write(tmp_path, ("peak: 5 Gbit/s", "peak: 30 Gbit/s")))
    assert len(str(refused.value).splitlines()) == 1
    # The same channel, removed from the only variant that had it, is judged no more.
    load(
        scenario_documents.write(tmp_path, ("peak: 5 Gbit/s", "peak: 30 Gbit/s")),
        settings=["variants.elastic.sessions.player.channel=null"],
    )


def test_an_expectation_of_a_session_that_its_variant_removes_is_told(tmp_path: Path) -> None:
    told = refusal(tmp_path, ("best_effort: {}", "best_effort: {sessions: {player: null}}"))
    assert "expect.1.session: there is no session 'player'; there are none here" in told


def test_a_network_without_nodes_carries_no_job(tmp_path: Path) -> None:
    path = Path(scenario_documents.write(tmp_path, ("source: node1", "source: home1")))
    topology = tmp_path / "small.py"
    topology.write_text(topology.read_text().replace("role=Role.COMPUTE", "role=Role.METRO"))
    with pytest.raises(
        ScenarioError, match=r"player\.job: small has no compute node that could carry the job"
    ):
        load(str(path))
