"""The channels of scenario sessions: asked for before they start, told of their scenes, given back."""

from collections.abc import Callable

from testbed.applications.game.channel_demand import Packets, demand_of_scene
from testbed.applications.game.model import Scene
from testbed.channel import SceneDemand, policy_called
from testbed.driver.channels import Channels
from testbed.driver.flow_filters import filters_of_session
from testbed.driver.protocols import Placed
from testbed.model.base import DOWNSTREAM, UPSTREAM, Direction
from testbed.model.video import VIDEO_PAYLOAD_BYTES
from testbed.plan.network_plan import NetworkPlan

_HEADERS_BYTES = 42
"""Ethernet, IPv4 and UDP, as tc counts them."""


class Scenes:
    """What every session sends at present, and what its channel is told of it."""

    def __init__(self, plan: NetworkPlan, channels: Channels) -> None:
        self._plan, self._channels = plan, channels
        overhead_bytes = plan.pon_port(DOWNSTREAM).classes[0].overhead_bytes
        self._packets = Packets(
            payload_bytes=VIDEO_PAYLOAD_BYTES, overhead_bytes=_HEADERS_BYTES + overhead_bytes
        )
        self._demand: dict[tuple[str, Direction], int] = {}

    def request(self, index: int, placed: Placed) -> None:
        """Ask for a session's channel, if it wants one; signalled, it opens at what the first scene needs."""
        channel = placed.session.channel
        if channel is None:
            return
        demand = self._note(placed, placed.session.scenes[0])
        signalled = policy_called(channel.policy).uses_scenes
        filters = filters_of_session(self._plan, index, placed)
        self._channels.request(filters, channel, demand if signalled else None)

    def enter(self, placed: Placed, scene: Scene) -> None:
        """Have a session enter a scene; on return a channel that follows signals has its rates."""
        demand = self._note(placed, scene)
        channel = placed.session.channel
        if channel is not None and policy_called(channel.policy).uses_scenes:
            self._channels.tell(demand)

    def release(self, placed: Placed, reason: str, then: Callable[[], None]) -> None:
        """Give a session's channel back; `then` is called when its classes are empty and gone."""
        self._demand = {key: bps for key, bps in self._demand.items() if key[0] != placed.name}
        if placed.session.channel is not None:
            self._channels.release(placed.name, reason, then)
        else:
            then()

    def demand_bps(self, session: str, direction: Direction) -> int | None:
        """What the session's present scene sends on average; None outside a scene."""
        return self._demand.get((session, direction))

    def _note(self, placed: Placed, scene: Scene) -> SceneDemand:
        demand = demand_of_scene(placed.name, placed.session, scene, self._packets)
        for direction in (DOWNSTREAM, UPSTREAM):
            self._demand[placed.name, direction] = demand.towards(direction).mean_bps
        return demand
