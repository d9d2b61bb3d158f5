"""Which packets are a channel's, and over which links they go. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, IPv4Network

from testbed.driver.classes import PORTS_PER_SESSION
from testbed.driver.links import links_between
from testbed.driver.protocols import Placed
from testbed.model.base import DOWNSTREAM, Direction
from testbed.model.network import Role
from testbed.plan.fabric import NODES_PREFIX
from testbed.plan.network_plan import Match, NetworkPlan, PortBlock
from testbed.plan.paths import delay_ns
from testbed.plan.shaping import FIRST_CHANNEL, FIRST_SESSION_ORDER
from testbed.program.orders import ChannelOrder, Ports

_WIDE_ORDER = 0x4000
"""Added to the order of what takes all packets of a device: channels of single flows go before it."""
_MOST_FILTERS = 64
"""For the ports of one channel in one direction; each is compared for every packet of the line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """The packets that a channel carries: those that match, between a host of a home and the nodes.

    `number`, from 0, is that of its class; `delay_ns` is the longest way to a node, without any queue.
    """

    session: str
    number: int
    player: str
    nodes: tuple[str, ...]
    links: tuple[str, ...]
    delay_ns: int
    downstream: tuple[Match, ...]
    upstream: tuple[Match, ...]

    def towards(self, direction: Direction) -> tuple[Match, ...]:
        """What leads to its class in one direction."""
        return self.downstream if direction is DOWNSTREAM else self.upstream


def carried_of_session(plan: NetworkPlan, number: int, placed: Placed) -> Carried:
    """A session's packets: between its two hosts, on its UDP ports at the node.

    Those of a session that may move are so at any node: no other session has its ports.
    """
    ports = (PortBlock(placed.first_port, PORTS_PER_SESSION),)
    node_ip = NODES_PREFIX if placed.moves else plan.address(placed.node).ip
    return _carried(
        plan, placed.name, number, placed.session.player, (placed.node,), node_ip, (None,), ports, udp=True
    )


def carried_of_order(plan: NetworkPlan, number: int, order: ChannelOrder) -> Carried:
    """What a channel carries that was ordered through the northbound API.

    Raises:
        ValueError: The network has no such device or server, or the ports take too many filters; says so.
    """
    homes = [station.name for station in plan.network.having(Role.HOME)]
    if order.device not in homes:
        raise ValueError(f"there is no device {order.device}; the homes have {', '.join(homes)}")
    prefix = IPv4Network(order.server)
    nodes = tuple(
        node.name
        for node in plan.network.having(Role.COMPUTE)
        if IPv4Address(plan.address(node.name).ip) in prefix
    )
    if not nodes:
        raise ValueError(f"no compute node has an address in {prefix}")
    at_device, at_server = _blocks(order.device_ports), _blocks(order.server_ports)
    if len(at_device) * len(at_server) > _MOST_FILTERS:
        raise ValueError(
            f"the ports take {len(at_device) * len(at_server)} filters, and {_MOST_FILTERS} at most are set; "
            "give fewer ranges, or such as begin and end at multiples of a power of two"
        )
    return _carried(plan, order.session, number, order.device, nodes, str(prefix), at_device, at_server)


def _carried(
    plan: NetworkPlan,
    session: str,
    number: int,
    player: str,
    nodes: tuple[str, ...],
    server: str,
    at_device: tuple[PortBlock | None, ...],
    at_server: tuple[PortBlock | None, ...],
    *,
    udp: bool = False,
) -> Carried:
    player_ip = plan.address(player).ip
    pairs = [(here, there) for here in at_device for there in at_server]
    is_wide = pairs == [(None, None)] and IPv4Network(server).prefixlen < 32
    order = FIRST_SESSION_ORDER + number + (_WIDE_ORDER if is_wide else 0)
    match = partial(Match, order=order, minor=FIRST_CHANNEL + number, udp=udp)
    links = dict.fromkeys(link for node in nodes for link in links_between(plan, player, node))
    return Carried(
        session=session,
        number=number,
        player=player,
        nodes=nodes,
        links=tuple(links),
        delay_ns=max(
            max(delay_ns(plan.network, node, player), delay_ns(plan.network, player, node)) for node in nodes
        ),
        downstream=tuple(
            match(source=server, destination=player_ip, source_ports=there, destination_ports=here)
            for here, there in pairs
        ),
        upstream=tuple(
            match(source=player_ip, destination=server, source_ports=here, destination_ports=there)
            for here, there in pairs
        ),
    )


def _blocks(ports: Ports) -> tuple[PortBlock | None, ...]:
    """Ranges of ports as blocks that one filter each can match; None alone for every port."""
    return tuple(block for first, last in ports for block in _blocks_of(first, last)) or (None,)


def _blocks_of(first: int, last: int) -> Iterator[PortBlock]:
    while first <= last:
        size = first & -first or 0x10000
        while first + size - 1 > last:
            size //= 2
        yield PortBlock(first, size)
        first += size
