"""How many packets a second a scenario asks of a machine in real time, at its busiest. Pure.

It counts sessions, flows, requests and heartbeats, and what each kind of application says of itself, while
the network holds nothing up. It does not count retransmissions, nor what user programs send.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from testbed.applications.application import PacketLoad, all_rules
from testbed.applications.flows.model import Flow
from testbed.applications.game.model import Session
from testbed.applications.script import Scenario
from testbed.model.base import DOWNSTREAM, UPSTREAM, Direction
from testbed.model.network import Network, Role
from testbed.model.video import VIDEO_PAYLOAD_BYTES

_TCP_BYTES = 1514
_ACKNOWLEDGED = 1.5
"""Packets in all for each packet of TCP: every other one is acknowledged."""
_NS = 10**9


@dataclass(frozen=True, slots=True)
class Demand:
    """What is sent at the instant at which it is most, the largest first."""

    at_ns: int
    stretches: tuple[PacketLoad, ...]

    @property
    def packets_per_s(self) -> int:
        """All together."""
        return round(sum(stretch.packets_per_s for stretch in self.stretches))


def demand(scenario: Scenario, network: Network) -> Demand:
    """The demand of a scenario at its busiest instant."""
    stretches = [each for each in _stretches(scenario, network) if each.packets_per_s > 0]
    found = [
        Demand(at_ns, tuple(each for each in stretches if each.starts_at_ns <= at_ns < each.ends_at_ns))
        for at_ns in sorted({each.starts_at_ns for each in stretches})
    ]
    most = max(found, key=lambda each: each.packets_per_s, default=Demand(0, ()))
    return replace(most, stretches=tuple(sorted(most.stretches, key=lambda each: -each.packets_per_s)))


def _stretches(scenario: Scenario, network: Network) -> Iterator[PacketLoad]:
    for name, session in scenario.sessions.items():
        yield from _of_session(name, session)
    yield from _of_flows(scenario, network)
    for rules in all_rules():
        yield from rules.packet_load(scenario, network)
    for name, group in scenario.jobs.items():
        if group.requests is not None:
            each = 2 * group.count * _NS / group.requests.interval_ns
            yield PacketLoad(name, group.starts_at_ns, group.ends_at_ns, each)
    nodes, end_ns = len(network.having(Role.COMPUTE)), scenario.duration_ns
    if scenario.health is not None:
        yield PacketLoad("health", 0, end_ns, 2 * nodes * _NS / scenario.health.heartbeat_ns)


def _of_session(name: str, session: Session) -> Iterator[PacketLoad]:
    """One for each scene: its video both ways, with the commands and probes that go on all the time."""
    small = _NS / session.commands.interval_ns + 2 * _NS / session.probes.interval_ns
    ends = [*(scene.at_ns for scene in session.scenes[1:]), session.ends_at_ns]
    for scene, end_ns in zip(session.scenes, ends, strict=True):
        # A frame's last packet is not full, half of it on average.
        video = [
            rate_bps / 8 / VIDEO_PAYLOAD_BYTES + session.frames_per_second / 2
            for direction in (DOWNSTREAM, UPSTREAM)
            if (rate_bps := scene.video_bps(direction)) is not None
        ]
        yield PacketLoad(name, scene.at_ns, end_ns, sum(video) + small)


def _of_flows(scenario: Scenario, network: Network) -> Iterator[PacketLoad]:
    """TCP as fast as its home may, shared by the flows of a home; UDP as it is asked for."""
    sharers: dict[tuple[str, Direction], int] = {}
    for flow in scenario.background.values():
        if flow.protocol == "tcp":
            key = _bottleneck(flow, network)
            sharers[key] = sharers.get(key, 0) + 1
    for name, flow in scenario.background.items():
        if flow.protocol == "udp":
            rate = _NS / max(flow.packets_ns(1), 1)
        else:
            home, direction = _bottleneck(flow, network)
            most_bps = scenario.access.towards(direction).rate_bps / sharers[home, direction]
            rate = most_bps / 8 / _TCP_BYTES * _ACKNOWLEDGED
        yield PacketLoad(name, flow.first_at_ns, flow.ends_at_ns, rate)


def _bottleneck(flow: Flow, network: Network) -> tuple[str, Direction]:
    """The home whose subscription a TCP flow fills, and in which direction."""
    if network.station(flow.source).role is Role.HOME:
        return flow.source, UPSTREAM
    return flow.destination, DOWNSTREAM
