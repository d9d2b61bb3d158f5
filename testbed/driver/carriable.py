"""Which orders a network can never carry, however empty it is. Pure.

The northbound API refuses them when they come.
"""

from collections.abc import Callable
from itertools import cycle, islice

from testbed.applications.script import Script
from testbed.channel import ChannelState, Decision, RequestChannel, decide
from testbed.driver.bottlenecks import shared_links
from testbed.driver.flow_filters import filters_of_order
from testbed.host.orders import ChannelOrder, Impossible
from testbed.model.network import Role
from testbed.plan.network_plan import NetworkPlan

MOST_CHANNELS = 64
"""Ordered channels that there may be at once: the PON's upstream line is divided with so many in mind."""


def devices_with_channels(scenario: Script, plan: NetworkPlan, *, ordered: bool) -> list[str]:
    """The devices that may have channels, as often as each may have one; with `ordered` by the API too."""
    devices = [session.player for session in scenario.sessions.values() if session.channel is not None]
    if ordered:
        homes = cycle(station.name for station in plan.network.having(Role.HOME))
        devices += islice(homes, MOST_CHANNELS)
    return devices


def never_carried(scenario: Script, plan: NetworkPlan) -> Callable[[ChannelOrder], Impossible | None]:
    """Finds why the network of a scenario can never carry an order; None if there is no such reason.

    The channel controller decides, as it would if there were no other channel.
    """
    devices = devices_with_channels(scenario, plan, ordered=True)
    empty = ChannelState(links=shared_links(plan, scenario.access, devices), provisioning_ns=0)

    def why(order: ChannelOrder) -> Impossible | None:
        try:
            filters = filters_of_order(plan, 0, order)
        except ValueError as error:
            return Impossible(reason=str(error), by_profile=False)
        request = RequestChannel(
            session=order.session, channel=order.channel, links=filters.links, delay_ns=filters.delay_ns
        )
        _state, outputs = decide(empty, request, 0)
        for output in outputs:
            if isinstance(output, Decision) and output.kind == "channel.refuse":
                return Impossible(reason=str(output.fields["reason"]), by_profile=True)
        return None

    return why
