"""From scenes to rates: the largest burst of a scene, and what sends it in time."""

from testbed.applications.game.channel_demand import Packets, demand_of_scene
from testbed.applications.game.model import Commands, Scene, Session
from testbed.channel import Need, Observation, OfferedLoad, SceneDemand, policy_called
from testbed.model.base import DOWNSTREAM, UPSTREAM, Direction
from testbed.model.channel import ChannelRange, ChannelRequest, ResizePolicy
from testbed.model.job import Job

BARE = Packets(payload_bytes=10**9, overhead_bytes=0)
SCENE = Scene(name="uhd", at_ns=0, rate_bps=45_000_000)


def session() -> Session:
    return Session(
        player="home1",
        starts_at_ns=0,
        ends_at_ns=10**9,
        job=Job(weight=1),
        scenes=(SCENE,),
        commands=Commands(interval_ns=4_000_000, size_bytes=100),
    )


def request(
    policy: ResizePolicy = ResizePolicy.SIGNALLED,
    committed_bps: int = 0,
    peak_bps: int = 10**10,
    serialisation_ns: int = 1_000_000,
) -> ChannelRequest:
    # Not checked: small numbers show a rounding that the rates of real classes would hide.
    bounds = ChannelRange.model_construct(
        committed_bps=committed_bps, peak_bps=peak_bps, queue_bytes=1_000_000
    )
    return ChannelRequest(
        policy=policy, downstream=bounds, upstream=bounds, serialisation_ns=serialisation_ns, hold_ns=0
    )


def need(asked: ChannelRequest, direction: Direction, demand: SceneDemand | None) -> Need:
    """What the policy of a channel says at its admission."""
    bounds = asked.towards(direction)
    told = Observation(
        direction=direction,
        committed_bps=bounds.committed_bps,
        peak_bps=bounds.peak_bps,
        serialisation_ns=asked.serialisation_ns,
        hold_ns=asked.hold_ns,
        now_ns=0,
        rate_bps=bounds.committed_bps,
        scene=demand and demand.scene,
        load=demand and demand.towards(direction),
    )
    return policy_called(asked.policy).decide(told).need


def test_the_largest_frame_within_a_millisecond_needs_1125_megabits() -> None:
    demand = demand_of_scene("game", session(), SCENE, BARE)
    wanted = need(request(), DOWNSTREAM, demand)
    assert wanted.rate_bps == 1_125_000_000
    assert wanted.reason == "scene uhd: a frame of 141 kB within 1 ms needs 1.125 Gbit/s"


def test_every_packet_of_a_frame_adds_its_headers() -> None:
    # The largest frame has 140,625 bytes: 101 packets of at most 1400, each with 54 bytes more.
    demand = demand_of_scene("game", session(), SCENE, Packets(payload_bytes=1400, overhead_bytes=54))
    assert demand.downstream.burst_bytes == 140_625 + 101 * 54
    # The mean frame has 93,750 bytes, hence 67 packets.
    assert demand.downstream.mean_bps == (93_750 + 67 * 54) * 8 * 60


def test_upstream_the_burst_is_one_command() -> None:
    demand = demand_of_scene("game", session(), SCENE, Packets(payload_bytes=1400, overhead_bytes=54))
    assert demand.upstream == OfferedLoad(mean_bps=154 * 8 * 250, burst_bytes=154, burst="a command of 154 B")
    wanted = need(request(), UPSTREAM, demand)
    assert (wanted.rate_bps, wanted.reason) == (
        1_232_000,
        "scene uhd: a command of 154 B within 1 ms needs 1.232 Mbit/s",
    )


def test_a_long_serialisation_time_still_carries_the_mean_load() -> None:
    demand = demand_of_scene("game", session(), SCENE, BARE)
    wanted = need(request(serialisation_ns=10**9), DOWNSTREAM, demand)
    assert (wanted.rate_bps, wanted.reason) == (45_000_000, "scene uhd: a mean load of 45 Mbit/s")


def test_the_peak_bounds_the_need_and_says_so() -> None:
    demand = demand_of_scene("game", session(), SCENE, BARE)
    wanted = need(request(peak_bps=500_000_000), DOWNSTREAM, demand)
    assert wanted.rate_bps == 500_000_000
    assert wanted.reason.endswith("needs 1.125 Gbit/s, the peak rate is 500 Mbit/s")


def test_the_committed_rate_is_kept_when_less_is_needed() -> None:
    demand = demand_of_scene("game", session(), SCENE, BARE)
    wanted = need(request(committed_bps=2 * 10**9), DOWNSTREAM, demand)
    assert wanted.rate_bps == 2 * 10**9
    assert wanted.reason.endswith("needs 1.125 Gbit/s, the committed rate is 2 Gbit/s")


def test_the_static_policy_ignores_the_demand() -> None:
    demand = SceneDemand(
        session="game",
        scene="uhd",
        downstream=OfferedLoad(mean_bps=10**9, burst_bytes=10**6, burst="a frame"),
        upstream=OfferedLoad(mean_bps=10**9, burst_bytes=10**6, burst="a command"),
    )
    static = request(policy=ResizePolicy.STATIC, committed_bps=10**8)
    assert need(static, DOWNSTREAM, demand) == need(static, DOWNSTREAM, None)
    assert need(static, DOWNSTREAM, demand).rate_bps == 10**8
