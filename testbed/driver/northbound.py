"""Orders of the northbound API filters out, and the API told what becomes of the channels."""

import heapq
from collections.abc import Callable, Iterable
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from testbed.driver.carriable import MOST_CHANNELS
from testbed.driver.channels import Channels
from testbed.driver.classes import PORTS_PER_SESSION
from testbed.driver.flow_filters import filters_of_order
from testbed.driver.protocols import Placed, RunningNetwork
from testbed.driver.tc_southbound import TcSouthbound
from testbed.errors import InvariantError
from testbed.host.clock import Clock
from testbed.host.orders import (
    ChannelOrder,
    ExtendOrder,
    News,
    Stage,
    WithdrawOrder,
    news_to_message,
    order_from_message,
)
from testbed.model.base import DOWNSTREAM, UPSTREAM
from testbed.record.event import Event
from testbed.record.events import (
    ChannelActivated,
    ChannelAdmitted,
    ChannelExpired,
    ChannelOrdered,
    ChannelPreempted,
    ChannelRefused,
    ChannelReleased,
)
from testbed.record.logs import EventLog

_Staged = (
    ChannelAdmitted | ChannelActivated | ChannelRefused | ChannelReleased | ChannelExpired | ChannelPreempted
)
_STAGES: dict[type[_Staged], Stage] = {
    ChannelAdmitted: Stage.ADMITTED,
    ChannelActivated: Stage.ACTIVE,
    ChannelRefused: Stage.REFUSED,
    ChannelReleased: Stage.RELEASED,
    ChannelExpired: Stage.EXPIRED,
    ChannelPreempted: Stage.PREEMPTED,
}
Say = Callable[[dict[str, Any]], None]
"""Tells the other end of a line something."""

_OVER = (Stage.REFUSED, Stage.EXPIRED, Stage.PREEMPTED)


class Northbound:
    """The network's end of the API: orders come in, and news goes to whoever ordered.

    Channels get the numbers from `first_number` on. An order for the packets of a session that is under
    way, one of `sessions`, goes by that session's name in what is recorded.
    """

    def __init__(
        self,
        network: RunningNetwork,
        channels: Channels,
        southbound: TcSouthbound,
        events: EventLog,
        clock: Clock,
        *,
        first_number: int,
        sessions: Callable[[], Iterable[Placed]],
    ) -> None:
        self._network, self._channels, self._events, self._clock = network, channels, events, clock
        self._southbound = southbound
        self._sessions = sessions
        self._free = list(range(first_number, first_number + MOST_CHANNELS))
        self._names: dict[str, str] = {}
        self._orders: dict[str, str] = {}
        self._tellers: dict[str, Say] = {}
        channels.on_decision = self._decided

    def order(self, message: dict[str, Any], say: Say) -> None:
        """Carry out one message of an API that hears by `say`.

        Raises:
            InvariantError: It is of a kind that is not known.
        """
        match message["kind"]:
            case "classes":
                say({"kind": "classes", "at_ns": self._clock.now_ns(), "classes": self._classes()})
            case "channel" | "extend" | "withdraw":
                order = order_from_message(message)
                if isinstance(order, ChannelOrder):
                    self._open(order, say)
                elif order.session in self._names:
                    self._change(order)
            case unknown:
                raise InvariantError(f"the northbound API said {unknown!r}, which the network does not know")

    def _open(self, order: ChannelOrder, say: Say) -> None:
        name = self._name_of(order)
        self._event(
            ChannelOrdered(session=name, order=order.session, device=order.device, profile=order.profile)
        )
        if not self._free:
            self._refuse(
                order, name, f"there are {MOST_CHANNELS} ordered channels, the most there may be", say
            )
            return
        try:
            filters = filters_of_order(self._network.plan, self._free[0], replace(order, session=name))
        except ValueError as error:
            self._refuse(order, name, str(error), say)
            return
        heapq.heappop(self._free)
        self._names[order.session], self._orders[name] = name, order.session
        self._tellers[order.session] = say
        self._channels.request(filters, order.channel.model_copy(update={"lifetime_ns": order.lifetime_ns}))

    def _refuse(self, order: ChannelOrder, name: str, reason: str, say: Say) -> None:
        self._event(ChannelRefused(session=name, reason=reason))
        say(news_to_message(News(session=order.session, stage=Stage.REFUSED, reason=reason)))

    def _change(self, order: ExtendOrder | WithdrawOrder) -> None:
        name = self._names[order.session]
        if isinstance(order, ExtendOrder):
            self._channels.extend(name, order.lifetime_ns)
        else:
            self._release(name, "withdrawn through the northbound API")

    def _name_of(self, order: ChannelOrder) -> str:
        """The session whose packets are ordered for, if there is one that has no channel yet."""
        for placed in self._sessions():
            node = IPv4Address(self._network.plan.address(placed.node).ip)
            first, last = placed.first_port, placed.first_port + PORTS_PER_SESSION - 1
            if (
                placed.session.player == order.device
                and node in IPv4Network(order.server)
                and all(low <= first and last <= high for low, high in order.server_ports)
                and not self._channels.has(placed.name)
            ):
                return placed.name
        return order.session

    def _decided(self, decision: Event) -> None:
        if not isinstance(decision, _Staged) or decision.session not in self._orders:
            return
        name, stage = decision.session, _STAGES[type(decision)]
        session = self._orders[name]
        self._tellers[session](news_to_message(News(session=session, stage=stage, reason=decision.reason)))
        if stage in _OVER:
            self._release(name, "its channel is over")

    def _release(self, name: str, reason: str) -> None:
        number = self._channels.number(name)
        session = self._orders[name]

        def over() -> None:
            heapq.heappush(self._free, number)

        self._channels.release(name, reason, over)
        del self._names[session], self._orders[name], self._tellers[session]

    def _classes(self) -> list[dict[str, Any]]:
        """What the kernel says of every class of a channel."""
        counters = {direction: self._network.counters(direction) for direction in (DOWNSTREAM, UPSTREAM)}
        classes = []
        for session, direction, shaped in self._southbound.opened():
            counted = counters[direction][shaped.minor]
            classes.append(
                {
                    "session": self._orders.get(session, session),
                    "name": session,
                    "direction": direction,
                    "class": f"{shaped.minor:x}",
                    "rate_bps": counted.rate_bps,
                    "granted_bps": shaped.rate_bps,
                    "sent_bytes": counted.sent_bytes,
                    "backlog_bytes": counted.backlog_bytes,
                    "dropped_packets": counted.dropped_packets,
                }
            )
        return classes

    def _event(self, event: Event) -> None:
        self._events.write(event, self._clock.now_ns())
