"""Carries out on the running network what the channel controller decides, and writes down both."""

from collections.abc import Callable

from testbed.channel import (
    ChannelState,
    Close,
    Decision,
    Demand,
    Event,
    Open,
    Output,
    Packets,
    Release,
    Request,
    Resize,
    Tick,
    decide,
    demand_of_scene,
)
from testbed.driver.assignment import Assignment
from testbed.driver.classes import class_of_channel, home_of, match_of_channel
from testbed.driver.links import links_between, shared_links
from testbed.driver.protocols import Placed, RunningNetwork
from testbed.errors import InvariantError
from testbed.model.base import DOWNSTREAM, UPSTREAM, Direction
from testbed.model.scenario import Scene, Script
from testbed.plan.network_plan import Match, ShapedClass
from testbed.plan.pon import channel_tcont
from testbed.program.loop import Loop
from testbed.record.logs import EventLog

_DIRECTIONS = (DOWNSTREAM, UPSTREAM)
_HEADERS_BYTES = 42
"""Ethernet, IPv4 and UDP, as tc counts them."""
VIDEO_PAYLOAD_BYTES = 1400
_EMPTY_CHECK_NS = 1_000_000


class Channels:
    """The channels of a run: the controller's state, and the classes that realise it."""

    def __init__(
        self,
        network: RunningNetwork,
        scenario: Script,
        loop: Loop,
        events: EventLog,
        assignment: Assignment,
    ) -> None:
        self._network, self._loop, self._events = network, loop, events
        self._assignment = assignment
        players = [session.player for session in scenario.sessions.values()]
        self._state = ChannelState(links=shared_links(network.plan, scenario.access, players))
        overhead_bytes = network.plan.pon_port(DOWNSTREAM).classes[0].overhead_bytes
        self._packets = Packets(
            payload_bytes=VIDEO_PAYLOAD_BYTES, overhead_bytes=_HEADERS_BYTES + overhead_bytes
        )
        self._placed: dict[str, tuple[int, Placed]] = {}
        self._open: dict[tuple[str, Direction], tuple[ShapedClass, Match]] = {}
        self._demand: dict[tuple[str, Direction], int] = {}
        self._wake_at_ns: int | None = None

    def request(self, index: int, placed: Placed) -> None:
        """Ask for the channel of a session that wants one; it opens at the rate of the first scene."""
        channel = placed.session.channel
        if channel is None:
            return
        self._placed[placed.name] = (index, placed)
        demand = demand_of_scene(placed.name, placed.session, placed.session.scenes[0], self._packets)
        self._note(demand)
        links = links_between(self._network.plan, placed.session.player, placed.node)
        self._decide(Request(session=placed.name, channel=channel, links=links, demand=demand))

    def enter_scene(self, placed: Placed, scene: Scene) -> None:
        """Have the channel follow a session into a scene; on return the classes have their rates."""
        demand = demand_of_scene(placed.name, placed.session, scene, self._packets)
        self._note(demand)
        if placed.name in self._placed:
            self._decide(demand)

    def release(self, placed: Placed, reason: str, then: Callable[[], None]) -> None:
        """Give a session's channel back; `then` is called when its classes are empty and gone."""
        self._demand = {key: bps for key, bps in self._demand.items() if key[0] != placed.name}
        if placed.name not in self._placed:
            then()
            return
        closing = [(d, *self._open[placed.name, d]) for d in _DIRECTIONS if (placed.name, d) in self._open]
        self._decide(Release(session=placed.name, reason=reason))
        del self._placed[placed.name]
        self._remove_when_empty(placed.name, closing, then)

    def rate_bps(self, session: str, direction: Direction) -> int | None:
        """What a session's channel is given now; None without a channel."""
        shaped = self._open.get((session, direction))
        return shaped[0].rate_bps if shaped else None

    def demand_bps(self, session: str, direction: Direction) -> int | None:
        """What the session's present scene sends on average; None outside a scene."""
        return self._demand.get((session, direction))

    def _note(self, demand: Demand) -> None:
        for direction in _DIRECTIONS:
            self._demand[demand.session, direction] = demand.towards(direction).mean_bps

    def _decide(self, event: Event) -> None:
        # At a signal the clock may stand a moment before an instant the controller has seen: never behind it.
        now_ns = max(self._loop.clock.now_ns(), self._state.at_ns)
        self._state, outputs = decide(self._state, event, now_ns)
        for output in outputs:
            self._carry_out(output, now_ns)
        self._sleep()

    def _sleep(self) -> None:
        wake_at_ns = self._state.wake_at_ns
        if wake_at_ns is not None and wake_at_ns != self._wake_at_ns:
            self._wake_at_ns = wake_at_ns
            self._loop.at(wake_at_ns, self._tick)

    def _tick(self) -> None:
        self._wake_at_ns = None
        self._decide(Tick())

    def _carry_out(self, output: Output, now_ns: int) -> None:
        match output:
            case Decision():
                self._events.write(output.kind, now_ns, **output.fields)
            case Open():
                index, placed = self._placed[output.session]
                shaped = self._class(output.session, output.rate_bps, output.queue_bytes)
                where = match_of_channel(
                    self._network.plan, index, output.direction, placed.session.player, placed.node
                )
                self._network.open(output.direction, shaped, where)
                self._assign(output.session, output.direction, shaped)
                self._open[output.session, output.direction] = (shaped, where)
                self._acted("net.open", output.session, output.direction, output.rate_bps)
            case Resize():
                old, where = self._open[output.session, output.direction]
                if old.queue_bytes is None:
                    raise InvariantError(f"the class of {output.session} {output.direction} has no queue")
                shaped = self._class(output.session, output.to_bps, old.queue_bytes)
                self._network.resize(output.direction, shaped)
                self._assign(output.session, output.direction, shaped)
                self._open[output.session, output.direction] = (shaped, where)
                self._acted("net.resize", output.session, output.direction, output.to_bps)
            case Close():
                for direction in _DIRECTIONS:
                    _, where = self._open.pop((output.session, direction))
                    self._network.unmatch(direction, where)

    def _assign(self, session: str, direction: Direction, shaped: ShapedClass) -> None:
        """Upstream a class is a T-CONT, and its rate is the OLT's affair."""
        if direction is UPSTREAM:
            home = home_of(self._network.plan, self._placed[session][1].session.player)
            self._assignment.set(channel_tcont(shaped.minor, home, shaped.rate_bps))

    def _class(self, session: str, rate_bps: int, queue_bytes: int) -> ShapedClass:
        index, _ = self._placed[session]
        return class_of_channel(self._network.plan, index, session, rate_bps, queue_bytes)

    def _remove_when_empty(
        self, session: str, closing: list[tuple[Direction, ShapedClass, Match]], then: Callable[[], None]
    ) -> None:
        left = []
        for direction, shaped, where in closing:
            if self._network.counters(direction)[shaped.minor].backlog_bytes:
                left.append((direction, shaped, where))
            else:
                if direction is UPSTREAM:
                    self._assignment.forget(shaped.minor)
                self._network.remove(direction, shaped)
                self._acted("net.close", session, direction, shaped.rate_bps)
        if left:
            again_ns = self._loop.clock.now_ns() + _EMPTY_CHECK_NS
            self._loop.at(again_ns, lambda: self._remove_when_empty(session, left, then))
        else:
            then()

    def _acted(self, kind: str, session: str, direction: Direction, rate_bps: int) -> None:
        self._events.write(
            kind, self._loop.clock.now_ns(), session=session, direction=direction, rate_bps=rate_bps
        )
