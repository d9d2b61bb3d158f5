"""Carries out what the channel controller decides: classes and filters on both ends of the PON."""

from collections.abc import Callable, Iterable
from itertools import groupby

from testbed.channel import (
    ChannelState,
    Close,
    Decision,
    Demand,
    Event,
    Extend,
    Link,
    Open,
    Output,
    Release,
    Request,
    Resize,
    Tick,
    decide,
    policy_called,
)
from testbed.driver.assignment import Assignment
from testbed.driver.carried import Carried
from testbed.driver.classes import class_of_channel, home_of, minor_of_channel
from testbed.driver.due import Due
from testbed.driver.observer import Observer
from testbed.driver.protocols import RunningNetwork
from testbed.errors import InvariantError
from testbed.host.loop import Loop
from testbed.model.base import DOWNSTREAM, UPSTREAM, Direction
from testbed.model.channel import ChannelRequest
from testbed.model.channel import Channels as Settings
from testbed.plan.network_plan import ShapedClass
from testbed.plan.pon import channel_tcont
from testbed.record.event import Event as Recordable
from testbed.record.events import ClassClosed, ClassOpened, ClassResized, of_decision
from testbed.record.logs import EventLog

_EMPTY_CHECK_NS = 1_000_000
"""How often a closed channel's queue is looked at before its class is removed."""
_DIRECTIONS = (DOWNSTREAM, UPSTREAM)


class Channels:
    """The channels of a run: the controller's state, and the classes that realise it.

    `on_decision` is told every decision of the controller, after it was written down and carried out.
    """

    def __init__(
        self,
        network: RunningNetwork,
        links: tuple[Link, ...],
        settings: Settings,
        loop: Loop,
        events: EventLog,
        assignment: Assignment,
    ) -> None:
        self._network, self._loop, self._events = network, loop, events
        self._assignment = assignment
        self._state = ChannelState(links=links, provisioning_ns=settings.provisioning_ns)
        self._carried: dict[str, Carried] = {}
        self._observed: set[str] = set()
        self._open: dict[tuple[str, Direction], ShapedClass] = {}
        self._closing: set[str] = set()
        self._when_closed: dict[str, Callable[[], None]] = {}
        self._wake_at_ns: int | None = None
        self._observer = Observer(network, loop, settings.sample_ns, self.tell)
        self.on_decision: Callable[[Recordable], None] = lambda _decision: None

    def request(self, carried: Carried, channel: ChannelRequest, demand: Demand | None = None) -> None:
        """Ask for a channel for some packets; with a demand it opens at the rate that this needs."""
        self._carried[carried.session] = carried
        if policy_called(channel.policy).hears_counters:
            self._observed.add(carried.session)
        self.tell(
            Request(
                session=carried.session,
                channel=channel,
                links=carried.links,
                demand=demand,
                delay_ns=carried.delay_ns,
            )
        )

    def has(self, session: str) -> bool:
        """Whether a session has asked for a channel and not released it."""
        return session in self._carried

    def extend(self, session: str, lifetime_ns: int) -> None:
        """Have a channel live until so long after its opening."""
        self.tell(Extend(session=session, lifetime_ns=lifetime_ns))

    def release(self, session: str, reason: str, then: Callable[[], None]) -> None:
        """Give a channel back; `then` is called when its classes are empty and gone."""
        self.tell(Release(session=session, reason=reason))
        if session in self._closing:
            self._when_closed[session] = then
        else:
            del self._carried[session]
            then()

    def rate_bps(self, session: str, direction: Direction) -> int | None:
        """What a session's channel is given now; None without a channel, or before it is open."""
        shaped = self._open.get((session, direction))
        return shaped.rate_bps if shaped else None

    def number(self, session: str) -> int:
        """The number of the channel of a session that has asked for one."""
        return self._carried[session].number

    def minor(self, session: str) -> int:
        """The class of the channel of a session that has asked for one."""
        return minor_of_channel(self.number(session))

    def opened(self) -> Iterable[tuple[str, Direction, ShapedClass]]:
        """Every class of a channel, with its session and direction."""
        return [(session, direction, shaped) for (session, direction), shaped in self._open.items()]

    def tell(self, event: Event) -> None:
        """Have the controller decide about an event, and carry out what it decides."""
        # At a signal the clock may stand a moment before an instant the controller has seen: never behind it.
        now_ns = max(self._loop.clock.now_ns(), self._state.at_ns)
        self._state, outputs = decide(self._state, event, now_ns)
        decisions = []
        for is_resize, alike in groupby(outputs, _is_resize):
            if is_resize:
                decisions += self._resize([*alike], now_ns)
                continue
            for output in alike:
                if isinstance(output, Decision):
                    decisions.append(self._decided(output, now_ns))
                else:
                    self._carry_out(output)
        self._sleep()
        for decision in decisions:
            self.on_decision(decision)

    def _sleep(self) -> None:
        wake_at_ns = self._state.wake_at_ns
        if wake_at_ns is not None and wake_at_ns != self._wake_at_ns:
            self._wake_at_ns = wake_at_ns
            self._loop.at(wake_at_ns, self._tick, Due.END)

    def _tick(self) -> None:
        self._wake_at_ns = None
        self.tell(Tick())

    def _carry_out(self, output: Output) -> None:
        match output:
            case Open():
                carried = self._carried[output.session]
                shaped = self._class(output.session, output.rate_bps, output.queue_bytes)
                self._network.open(output.direction, shaped, [carried.towards(output.direction)])
                self._assign(output.session, output.direction, shaped)
                self._open[output.session, output.direction] = shaped
                self._acted(
                    ClassOpened(session=output.session, direction=output.direction, rate_bps=output.rate_bps)
                )
                if output.session in self._observed:
                    self._observer.opened(output.session, output.direction, shaped.minor)
            case Close():
                self._close(output.session)

    def _resize(self, outputs: list[Output], now_ns: int) -> list[Recordable]:
        """Carry out neighbouring resizes in one request a direction, in their order; the decisions."""
        decisions = [self._decided(output, now_ns) for output in outputs if isinstance(output, Decision)]
        for direction in _DIRECTIONS:
            changed = []
            for output in outputs:
                if isinstance(output, Resize) and output.direction is direction:
                    changed.append((output.session, self._resized(output)))
            if not changed:
                continue
            self._network.resize(direction, *(shaped for _, shaped in changed))
            for session, shaped in changed:
                self._assign(session, direction, shaped)
                self._acted(ClassResized(session=session, direction=direction, rate_bps=shaped.rate_bps))
        return decisions

    def _resized(self, output: Resize) -> ShapedClass:
        old = self._open[output.session, output.direction]
        if old.queue_bytes is None:
            raise InvariantError(f"the class of {output.session} {output.direction} has no queue")
        shaped = self._class(output.session, output.to_bps, old.queue_bytes)
        self._open[output.session, output.direction] = shaped
        return shaped

    def _assign(self, session: str, direction: Direction, shaped: ShapedClass) -> None:
        """Upstream a class is a T-CONT, and its rate is the OLT's affair."""
        if direction is UPSTREAM:
            home = home_of(self._network.plan, self._carried[session].player)
            self._assignment.set(channel_tcont(shaped.minor, home, shaped.rate_bps))

    def _class(self, session: str, rate_bps: int, queue_bytes: int) -> ShapedClass:
        number = self._carried[session].number
        return class_of_channel(self._network.plan, number, session, rate_bps, queue_bytes)

    def _close(self, session: str) -> None:
        """Send a channel's packets back to its home's class, and remove its own when they are empty."""
        self._observer.closed(session)
        self._observed.discard(session)
        closing = []
        for direction in _DIRECTIONS:
            shaped = self._open.pop((session, direction))
            self._network.unmatch(direction, self._carried[session].towards(direction).order)
            closing.append((direction, shaped))
        self._closing.add(session)
        self._remove_when_empty(session, closing)

    def _remove_when_empty(self, session: str, closing: list[tuple[Direction, ShapedClass]]) -> None:
        left = []
        for direction, shaped in closing:
            if self._network.counters(direction)[shaped.minor].backlog_bytes:
                left.append((direction, shaped))
            else:
                if direction is UPSTREAM:
                    self._assignment.forget(shaped.minor)
                self._network.remove(direction, shaped)
                self._acted(ClassClosed(session=session, direction=direction, rate_bps=shaped.rate_bps))
        if left:
            again_ns = self._loop.clock.now_ns() + _EMPTY_CHECK_NS
            self._loop.at(again_ns, lambda: self._remove_when_empty(session, left))
            return
        self._closing.remove(session)
        then = self._when_closed.pop(session, None)
        if then is not None:
            del self._carried[session]
            then()

    def _decided(self, decision: Decision, now_ns: int) -> Recordable:
        event = of_decision(decision)
        self._events.write(event, now_ns)
        return event

    def _acted(self, event: Recordable) -> None:
        self._events.write(event, self._loop.clock.now_ns())


def _is_resize(output: Output) -> bool:
    """Whether an output is a resize or the decision for one."""
    return isinstance(output, Resize) or (isinstance(output, Decision) and output.kind == "channel.resize")
