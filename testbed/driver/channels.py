"""Runs the controller of channels: events in, decisions recorded, orders given to a southbound side."""

from collections.abc import Callable
from itertools import groupby

from testbed.channel import (
    ChannelState,
    Close,
    Decision,
    Event,
    Extend,
    Link,
    Open,
    Output,
    Release,
    RequestChannel,
    Resize,
    SceneDemand,
    Tick,
    decide,
    policy_called,
)
from testbed.driver.due import Due
from testbed.driver.flow_filters import FlowFilters
from testbed.driver.observer import Observer
from testbed.driver.southbound import Southbound
from testbed.host.loop import Loop
from testbed.model.base import DOWNSTREAM, UPSTREAM, Direction
from testbed.model.channel import ChannelRequest
from testbed.model.channel import Channels as Settings
from testbed.record.event import Event as Recordable
from testbed.record.events import ClassClosed, ClassOpened, ClassResized, of_decision
from testbed.record.logs import EventLog

_EMPTY_CHECK_NS = 1_000_000
"""How often a closed channel's queue is looked at before it is removed."""
_DIRECTIONS = (DOWNSTREAM, UPSTREAM)


class Channels:
    """The channels of a run: the controller's state, and what was carried out of it.

    `on_decision` is called with every decision of the controller, after it was recorded and carried out.
    """

    def __init__(
        self,
        southbound: Southbound,
        links: tuple[Link, ...],
        settings: Settings,
        loop: Loop,
        events: EventLog,
    ) -> None:
        self._southbound, self._loop, self._events = southbound, loop, events
        self._state = ChannelState(links=links, provisioning_ns=settings.provisioning_ns)
        self._filters: dict[str, FlowFilters] = {}
        self._observed: set[str] = set()
        self._rates_bps: dict[tuple[str, Direction], int] = {}
        self._closing: set[str] = set()
        self._when_closed: dict[str, Callable[[], None]] = {}
        self._wake_at_ns: int | None = None
        self._observer = Observer(southbound, loop, settings.sample_ns, self.tell)
        self.on_decision: Callable[[Recordable], None] = lambda _decision: None

    def request(
        self, filters: FlowFilters, channel: ChannelRequest, demand: SceneDemand | None = None
    ) -> None:
        """Ask for a channel for some packets; with a demand it opens at the rate that this needs."""
        self._filters[filters.session] = filters
        if policy_called(channel.policy).uses_counters:
            self._observed.add(filters.session)
        self.tell(
            RequestChannel(
                session=filters.session,
                channel=channel,
                links=filters.links,
                demand=demand,
                delay_ns=filters.delay_ns,
            )
        )

    def has(self, session: str) -> bool:
        """Whether a session has asked for a channel and not released it."""
        return session in self._filters

    def extend(self, session: str, lifetime_ns: int) -> None:
        """Have a channel live until so long after its opening."""
        self.tell(Extend(session=session, lifetime_ns=lifetime_ns))

    def release(self, session: str, reason: str, then: Callable[[], None]) -> None:
        """Give a channel back; `then` is called when it is empty and gone."""
        self.tell(Release(session=session, reason=reason))
        if session in self._closing:
            self._when_closed[session] = then
        else:
            del self._filters[session]
            then()

    def rate_bps(self, session: str, direction: Direction) -> int | None:
        """What a session's channel is given now; None without a channel, or before it is open."""
        return self._rates_bps.get((session, direction))

    def number(self, session: str) -> int:
        """The number of the channel of a session that has asked for one."""
        return self._filters[session].number

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
            case Open(session=session, direction=direction, rate_bps=rate_bps):
                self._southbound.open(self._filters[session], direction, rate_bps, output.queue_bytes)
                self._rates_bps[session, direction] = rate_bps
                self._acted(ClassOpened(session=session, direction=direction, rate_bps=rate_bps))
                if session in self._observed:
                    self._observer.opened(session, direction)
            case Close():
                self._close(output.session)

    def _resize(self, outputs: list[Output], now_ns: int) -> list[Recordable]:
        """Carry out neighbouring resizes in one request a direction, in their order; the decisions."""
        decisions = [self._decided(output, now_ns) for output in outputs if isinstance(output, Decision)]
        for direction in _DIRECTIONS:
            rates_bps = [
                (output.session, output.to_bps)
                for output in outputs
                if isinstance(output, Resize) and output.direction is direction
            ]
            if not rates_bps:
                continue
            self._southbound.resize(direction, rates_bps)
            for session, rate_bps in rates_bps:
                self._rates_bps[session, direction] = rate_bps
                self._acted(ClassResized(session=session, direction=direction, rate_bps=rate_bps))
        return decisions

    def _close(self, session: str) -> None:
        """Close a channel, and remove it when it is empty."""
        self._observer.closed(session)
        self._observed.discard(session)
        closing = [(direction, self._rates_bps.pop((session, direction))) for direction in _DIRECTIONS]
        self._southbound.close(session)
        self._closing.add(session)
        self._remove_when_empty(session, closing)

    def _remove_when_empty(self, session: str, closing: list[tuple[Direction, int]]) -> None:
        left = []
        for direction, rate_bps in closing:
            if self._southbound.remove_if_empty(session, direction):
                self._acted(ClassClosed(session=session, direction=direction, rate_bps=rate_bps))
            else:
                left.append((direction, rate_bps))
        if left:
            again_ns = self._loop.clock.now_ns() + _EMPTY_CHECK_NS
            self._loop.at(again_ns, lambda: self._remove_when_empty(session, left))
            return
        self._closing.remove(session)
        then = self._when_closed.pop(session, None)
        if then is not None:
            del self._filters[session]
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
