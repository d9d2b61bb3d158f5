"""Whether the promised rates fit the lines that must carry them.

What fits is judged for each session by itself. Whether several channels fit together is admission's
business while the scenario runs: a refusal is one of its answers, not a fault of the file.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from testbed.applications.script import Script
from testbed.model.base import DOWNSTREAM, UPSTREAM, Direction
from testbed.model.network import Network, Role
from testbed.plan.paths import ways
from testbed.scenario.tree import Keys
from testbed.units import RATE

Finding = tuple[Keys, str]
"""The keys of what is at fault, and what to do about it."""


@dataclass(frozen=True, slots=True)
class _Line:
    """One direction of something that carries traffic at a rate, by the name that a message gives it."""

    name: str
    rate_bps: int


@dataclass(frozen=True, slots=True)
class _Pon(_Line):
    """A PON's shared line in one direction, with the stations on its far side."""

    behind: frozenset[str]


def rate_rules(script: Script, network: Network, pon_name: str) -> Iterator[Finding]:
    """Subscriptions on each PON, and each session's channel on its PON and on every link it must take."""
    for direction in (DOWNSTREAM, UPSTREAM):
        pons = list(_pons(network, direction, f"{pon_name} {direction}"))
        links: dict[str, list[_Line]] = {}
        held_bps = {pon: _held_bps(script, network, pon, direction) for pon in pons}
        for pon in pons:
            if held_bps[pon] > pon.rate_bps:
                at: Keys = ("access", direction.value, "committed")
                yield at, _too_much_held(script, network, pon, direction)
        for name, session in script.sessions.items():
            if session.channel is None:
                continue
            at = ("sessions", name, "channel", direction.value)
            channel = session.channel.towards(direction)
            carrying = [pon for pon in pons if session.player in pon.behind]
            if session.player not in links:
                links[session.player] = list(_unavoidable(network, session.player, direction))
            for line in (*carrying, *links[session.player]):
                if channel.peak_bps > line.rate_bps:
                    yield (*at, "peak"), _too_fast(channel.peak_bps, line)
                    break  # the first line that is too slow says what to write
            for pon in carrying:
                free_bps = pon.rate_bps - held_bps[pon]
                if 0 <= free_bps < channel.committed_bps <= channel.peak_bps <= pon.rate_bps:
                    yield (*at, "committed"), _no_room(channel.committed_bps, free_bps, pon)


def _held_bps(script: Script, network: Network, pon: _Pon, direction: Direction) -> int:
    committed_bps: int = script.access.towards(direction).committed_bps
    return _onus(network, pon) * committed_bps


def _onus(network: Network, pon: _Pon) -> int:
    return sum(station.name in pon.behind for station in network.having(Role.ONU))


def _too_much_held(script: Script, network: Network, pon: _Pon, direction: Direction) -> str:
    onus = _onus(network, pon)
    committed_bps = script.access.towards(direction).committed_bps
    return (
        f"{onus} homes with {RATE.format(committed_bps)} each hold {RATE.format(onus * committed_bps)}, more "
        f"than {pon.name} carries, {RATE.format_down(pon.rate_bps)}; the most that fits is "
        f"{RATE.format_down(pon.rate_bps // onus)}"
    )


def _too_fast(peak_bps: int, line: _Line) -> str:
    carried = RATE.format_down(line.rate_bps)
    return f"{RATE.format(peak_bps)} does not fit {line.name}; the most that fits is {carried}"


def _no_room(committed_bps: int, free_bps: int, pon: _Pon) -> str:
    return (
        f"{RATE.format(committed_bps)} does not fit {pon.name} beside what the homes hold of its "
        f"{RATE.format_down(pon.rate_bps)}; the most that fits is {RATE.format_down(free_bps)}"
    )


def _pons(network: Network, direction: Direction, name: str) -> Iterator[_Pon]:
    for wire in network.wires:
        for here, there, egress in wire.ends():
            if egress.pon is direction and egress.rate_bps is not None:
                near, far = (here, there) if direction is DOWNSTREAM else (there, here)
                behind = frozenset(end for end, hops in ways(network, near) if hops and hops[0].there == far)
                yield _Pon(name=name, rate_bps=egress.rate_bps, behind=behind)


def _unavoidable(network: Network, player: str, direction: Direction) -> Iterator[_Line]:
    """The rated links, other than the PON, that lie on the way to every compute node, wherever a job goes."""
    if player not in (station.name for station in network.stations):
        return
    nodes = {node.name for node in network.having(Role.COMPUTE)}
    to_nodes = [
        [(hop.here, hop.there) for hop in hops] for end, hops in ways(network, player) if end in nodes
    ]
    shared = set(to_nodes[0]).intersection(*to_nodes) if to_nodes else set()
    for here, there in (hop for hop in to_nodes[0] if hop in shared) if shared else ():
        sender, receiver = (here, there) if direction is UPSTREAM else (there, here)
        egress = dict(network.neighbours(sender))[receiver]
        if egress.pon is None and egress.rate_bps is not None:
            yield _Line(name=f"the link from {sender} to {receiver}", rate_bps=egress.rate_bps)
