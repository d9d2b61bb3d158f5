"""Which tc class carries a session: its channel's while it has one, its home's otherwise. Pure."""

from testbed.host import ports
from testbed.model.base import DOWNSTREAM
from testbed.plan.network_plan import NetworkPlan, ShapedClass
from testbed.plan.shaping import FIRST_CHANNEL, LINE, channel_class
from testbed.pon.provision import FIRST_HOME

PORTS_PER_SESSION = ports.SESSIONS.each


def first_port(index: int) -> int:
    """The first of the four UDP ports of the session number `index`."""
    return ports.SESSIONS.of(index)


def class_of_channel(
    plan: NetworkPlan, number: int, name: str, rate_bps: int, queue_bytes: int
) -> ShapedClass:
    """The class of a channel at a rate; upstream, where a PON has T-CONTs in its place, too."""
    # What a frame costs on the PON is the same both ways, and downstream there are always classes.
    line = next(shaped for shaped in plan.pon_port(DOWNSTREAM).classes if shaped.minor == LINE)
    return channel_class(line, number, rate_bps, queue_bytes, name)


def home_of(plan: NetworkPlan, player: str) -> int:
    """The number of the home in which a player is: the third part of its address."""
    return int(plan.address(player).ip.split(".")[2])


def minor_of_home(plan: NetworkPlan, player: str) -> int:
    """The class, or the T-CONT, of the home in which a player is."""
    return FIRST_HOME + home_of(plan, player)


def minor_of_channel(number: int) -> int:
    """The class of the channel with this number."""
    return FIRST_CHANNEL + number
