"""What a scenario asks of a machine in real time, and whether it can be had."""

from typing import Any

import pytest

from testbed.applications.application import PacketLoad
from testbed.errors import KernelError
from testbed.scenario import ScenarioFile, load
from testbed.scenario.loading import from_mapping
from testbed.venue import host_capacity
from testbed.venue.capacity_probe import Carried
from testbed.venue.host_capacity import Frames, judge
from testbed.venue.packet_load import Demand, demand

LINE = {"rate": "100 Mbit/s", "committed": "0 bit/s", "queue": "500 kB"}
UDP = {"protocol": "udp", "source": "node1", "destination": "home1", "rate": "8 Mbit/s", "packet": "1000 B"}
TCP = {"protocol": "tcp", "source": "node1", "destination": "home1"}
FAST = Carried(packet_ns=3_000, late_p99_ns=100_000, late_max_ns=200_000)


def scenario(**changed: Any) -> ScenarioFile:
    base: dict[str, Any] = {
        "title": "Traffic",
        "duration": "10 s",
        "network": {"topology": "elastic_access", "parameters": {"onus": 2}},
        "access": {"downstream": LINE, "upstream": LINE},
        "pon": {"model": "shaped_link"},
    }
    return from_mapping({**base, **changed}, "traffic")


def demanded(found: ScenarioFile) -> Demand:
    return demand(found.variants["default"], found.networks["default"])


def flow(kind: dict[str, Any], starts: str, ends: str, **changed: Any) -> dict[str, Any]:
    return {**kind, "starts": starts, "ends": ends, **changed}


def test_what_goes_on_at_the_same_time_is_added_up() -> None:
    """Of three flows of 1000 packets a second two are there at once."""
    flows = {
        "a": flow(UDP, "0 s", "2 s"),
        "b": flow(UDP, "1 s", "3 s"),
        "c": flow(UDP, "3 s", "4 s"),
    }
    found = demanded(scenario(background=flows))
    assert (found.at_ns, found.packets_per_s) == (10**9, 2000)
    assert {each.name for each in found.stretches} == {"a", "b"}


def test_tcp_fills_the_home_s_subscription_and_its_flows_share_it() -> None:
    """100 Mbit/s in frames of 1514 B, with an acknowledgement for every other one."""
    full = 100e6 / 8 / 1514 * 1.5
    one = {"a": flow(TCP, "0 s", "1 s")}
    assert demanded(scenario(background=one)).packets_per_s == round(full)
    assert demanded(scenario(background=one | {"b": flow(TCP, "0 s", "1 s")})).packets_per_s == round(full)
    other = flow(TCP, "0 s", "1 s", destination="home2")
    assert demanded(scenario(background=one | {"b": other})).packets_per_s == round(2 * full)


def test_a_session_s_busiest_scene_counts() -> None:
    """Video, half a packet more for each frame, a command every 4 ms, a probe each way every 10 ms."""
    scenes = [
        {"name": "low", "at": "1 s", "rate": "1120 kbit/s"},
        {"name": "high", "at": "2 s", "rate": "11200 kbit/s"},
    ]
    session = {"player": "home1", "starts": "1 s", "ends": "3 s", "job": {"weight": 1}, "scenes": scenes}
    found = demanded(scenario(sessions={"player": session}))
    assert (found.at_ns, found.packets_per_s) == (2 * 10**9, 1000 + 30 + 250 + 200)


def test_nothing_asks_for_nothing() -> None:
    assert demanded(scenario()).packets_per_s == 0


@pytest.mark.parametrize(
    ("name", "variant", "at_least", "at_most"),
    [
        ("plane_failure", "planes_4", 10**6, 10**7),
        ("cloud_gaming", "elastic", 10**4, 10**5),
        ("moe_affinity", "affinity", 10**4, 10**5),
        ("inference_supernode", "supernode", 10**3, 10**4),
    ],
)
def test_shipped_scenarios_ask_for_what_they_are_known_to_send(
    name: str, variant: str, at_least: int, at_most: int
) -> None:
    """In orders of magnitude; an 800 Gbit/s transfer of blocks of 60 kB is 3.3 million packets a second."""
    found = load(name, variants=[variant])
    assert at_least < demand(found.variants[variant], found.networks[variant]).packets_per_s < at_most


def asked(packets_per_s: float) -> Demand:
    return Demand(0, (PacketLoad("flood", 0, 10**9, packets_per_s),))


def test_what_takes_more_than_all_processors_is_refused_with_its_figures() -> None:
    verdict = judge(asked(700_000), FAST, 2, None)
    assert verdict.doubts == ()
    (refusal,) = verdict.refusals
    assert refusal == (
        "700,000 packets a second are sent at 0 s (flood 700,000), and this machine carries 666,666 at the "
        "most, unshaped (3.0 us each, 2 processors)"
    )


def test_what_takes_much_of_them_is_doubted_and_what_takes_little_is_not() -> None:
    doubtful = judge(asked(200_000), FAST, 2, None)
    assert (doubtful.refusals, len(doubtful.doubts)) == ((), 1)
    assert judge(asked(100_000), FAST, 2, None) == judge(asked(0), FAST, 2, None)
    assert judge(asked(100_000), FAST, 2, None).doubts == ()


@pytest.mark.parametrize(("decide_us", "refused", "doubted"), [(130, 1, 0), (60, 0, 1), (30, 0, 0)])
def test_an_olt_has_a_frame_s_time_to_decide(decide_us: int, refused: int, doubted: int) -> None:
    verdict = judge(asked(0), FAST, 2, Frames(frame_ns=125_000, decide_ns=decide_us * 1000))
    assert (len(verdict.refusals), len(verdict.doubts)) == (refused, doubted)
    for told in (*verdict.refusals, *verdict.doubts):
        assert (
            "the OLT has 125 us for each PON frame, and to decide about a full one takes this machine "
            f"{decide_us} us" in told
        )
        assert "pon.model: shaped_link" in told


def test_a_machine_whose_timers_are_late_before_the_run_is_doubted() -> None:
    late = Carried(packet_ns=3_000, late_p99_ns=1_500_000, late_max_ns=2_000_000)
    (doubt,) = judge(asked(0), late, 2, None).doubts
    assert "1.500 ms late" in doubt


FLOOD = {"flood": flow(UDP, "0 s", "1 s", rate="8 Gbit/s", packet="100 B")}
SLOW = Carried(packet_ns=1_000_000, late_p99_ns=0, late_max_ns=0)


def test_a_refusal_names_the_remedies_and_force_makes_a_doubt_of_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(host_capacity, "measured", lambda: SLOW)
    with pytest.raises(KernelError, match="cannot carry the scenario in real time") as caught:
        host_capacity.carrying(scenario(background=FLOOD), force=False)
    for remedy in ("--venue virtual", "fewer ONUs", "lower rates", "--force"):
        assert remedy in str(caught.value)
    found = host_capacity.carrying(scenario(background=FLOOD), force=True)
    assert len(found["doubts"]) == 1
    assert found["packets_per_s"] == {"default": 10_000_000}
    assert "warning: this machine may not carry the scenario" in capsys.readouterr().err


def test_a_doubt_of_some_variants_names_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_capacity, "measured", lambda: SLOW)
    variants = {"calm": {}, "busy": {"background": FLOOD}}
    (doubt,) = host_capacity.carrying(scenario(variants=variants), force=True)["doubts"]
    assert doubt.startswith("busy: ")
