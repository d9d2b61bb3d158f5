"""Which packets are a channel's, and over which links they go. Pure."""

from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, IPv4Network

from testbed.driver.bottlenecks import links_between
from testbed.driver.classes import PORTS_PER_SESSION
from testbed.driver.protocols import Placed
from testbed.host.orders import ChannelOrder
from testbed.model.base import DOWNSTREAM, Direction
from testbed.model.network import Role
from testbed.plan.fabric import NODES_PREFIX
from testbed.plan.network_plan import Match, NetworkPlan, Ports
from testbed.plan.paths import delay_ns
from testbed.plan.shaping import FIRST_CHANNEL, FIRST_SESSION_ORDER

_ORDERS_A_RANK = 0x2000
"""Of a rank, as many as there can be channels: what is of a higher rank is looked at later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowFilters:
    """The packets that a channel carries: those that match, between a host of a home and the nodes.

    `number`, from 0, is that of its class; `delay_ns` is the longest way to a node, without any queue.
    """

    session: str
    number: int
    player: str
    nodes: tuple[str, ...]
    links: tuple[str, ...]
    delay_ns: int
    downstream: Match
    upstream: Match

    def towards(self, direction: Direction) -> Match:
        """What leads to its class in one direction."""
        return self.downstream if direction is DOWNSTREAM else self.upstream


def filters_of_session(plan: NetworkPlan, number: int, placed: Placed) -> FlowFilters:
    """A session's packets: between its two hosts, on its UDP ports at the node.

    Those of a session that may move are so at any node: no other session has its ports.
    """
    ports = ((placed.first_port, placed.first_port + PORTS_PER_SESSION - 1),)
    node_ip = NODES_PREFIX if placed.moves else plan.address(placed.node).ip
    return _filters(
        plan, placed.name, number, placed.session.player, (placed.node,), node_ip, (), ports, udp=True
    )


def filters_of_order(plan: NetworkPlan, number: int, order: ChannelOrder) -> FlowFilters:
    """What a channel carries that was ordered through the northbound API.

    Raises:
        ValueError: The network has no such device or server; says so.
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
    return _filters(
        plan,
        order.session,
        number,
        order.device,
        nodes,
        str(prefix),
        order.device_ports,
        order.server_ports,
        rank=_rank(order, prefix),
    )


def _rank(order: ChannelOrder, prefix: IPv4Network) -> int:
    """How late an order's filter is looked at: a flow's first, an assignment's last.

    Whatever two orders may both match is the session's, because an assignment is for all that a device
    sends and receives, and stands beside its sessions.
    """
    if order.device_ports or order.server_ports or prefix.prefixlen == 32:
        return 0
    return 1 if order.lifetime_ns is not None else 2


def _filters(
    plan: NetworkPlan,
    session: str,
    number: int,
    player: str,
    nodes: tuple[str, ...],
    server: str,
    at_device: Ports,
    at_server: Ports,
    *,
    udp: bool = False,
    rank: int = 0,
) -> FlowFilters:
    player_ip = plan.address(player).ip
    order = FIRST_SESSION_ORDER + number + rank * _ORDERS_A_RANK
    match = partial(Match, order=order, minor=FIRST_CHANNEL + number, udp=udp)
    links = dict.fromkeys(link for node in nodes for link in links_between(plan, player, node))
    return FlowFilters(
        session=session,
        number=number,
        player=player,
        nodes=nodes,
        links=tuple(links),
        delay_ns=max(
            max(delay_ns(plan.network, node, player), delay_ns(plan.network, player, node)) for node in nodes
        ),
        downstream=match(
            source=server, destination=player_ip, source_ports=at_server, destination_ports=at_device
        ),
        upstream=match(
            source=player_ip, destination=server, source_ports=at_device, destination_ports=at_server
        ),
    )
