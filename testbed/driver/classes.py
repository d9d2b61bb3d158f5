"""Which tc class carries a session: its channel's while it has one, its home's otherwise. Pure."""

from testbed.model.base import DOWNSTREAM, Direction
from testbed.plan.network_plan import Match, NetworkPlan, ShapedClass
from testbed.plan.shaping import FIRST_CHANNEL, FIRST_HOME, FIRST_SESSION_ORDER, LINE, channel_class

FIRST_PORT = 40_000
PORTS_PER_SESSION = 4


def first_port(index: int) -> int:
    """The first of the four UDP ports of the session number `index`."""
    return FIRST_PORT + PORTS_PER_SESSION * index


def class_of_channel(
    plan: NetworkPlan, index: int, name: str, direction: Direction, rate_bps: int, queue_bytes: int
) -> ShapedClass:
    """The class of a session's channel at a rate."""
    line = next(shaped for shaped in plan.pon_port(direction).classes if shaped.minor == LINE)
    return channel_class(line, index, rate_bps, queue_bytes, name)


def match_of_channel(plan: NetworkPlan, index: int, direction: Direction, player: str, node: str) -> Match:
    """The session's packets: between these two hosts, on the session's ports."""
    player_ip, node_ip = plan.address(player).ip, plan.address(node).ip
    downstream = direction is DOWNSTREAM
    return Match(
        order=FIRST_SESSION_ORDER + index,
        minor=FIRST_CHANNEL + index,
        source=node_ip if downstream else player_ip,
        destination=player_ip if downstream else node_ip,
        ports=first_port(index),
        port_is_source=downstream,
    )


def minor_of_home(plan: NetworkPlan, player: str) -> int:
    """The class of the home in which a player is; the third part of its address is the home's number."""
    return FIRST_HOME + int(plan.address(player).ip.split(".")[2])


def minor_of_channel(index: int) -> int:
    """The class of the channel of the session number `index`."""
    return FIRST_CHANNEL + index
