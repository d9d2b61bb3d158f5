"""What the northbound API and the driver say to each other: orders one way, news of channels the other.

They travel as JSON objects, one a message, over whatever line joins the two processes.
"""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from testbed.model.channel import ChannelRequest
from testbed.plan.network_plan import Ports


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelOrder:
    """A channel is wanted for the packets between a device and a server.

    `device` is the name of an emulated host, `server` an IPv4 address or prefix. `session` names the
    channel in all that follows. `lifetime_ns` counts from its opening; None is without end.
    """

    session: str
    device: str
    server: str
    device_ports: Ports
    server_ports: Ports
    profile: str
    channel: ChannelRequest
    lifetime_ns: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendOrder:
    """A channel is to live until so long after its opening."""

    session: str
    lifetime_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawOrder:
    """A channel is wanted no more."""

    session: str


Order = ChannelOrder | ExtendOrder | WithdrawOrder
_ORDERS: dict[str, type[Order]] = {
    "channel": ChannelOrder,
    "extend": ExtendOrder,
    "withdraw": WithdrawOrder,
}
_KINDS = {order: kind for kind, order in _ORDERS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Impossible:
    """Why the network can never carry an order; `by_profile` if it would carry a smaller channel."""

    reason: str
    by_profile: bool


class Stage(StrEnum):
    """How far a channel has come in its life."""

    REFUSED = "refused"
    ADMITTED = "admitted"
    ACTIVE = "active"
    RELEASED = "released"
    EXPIRED = "expired"
    PREEMPTED = "preempted"


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """A channel has come to a stage, for a reason in words."""

    session: str
    stage: Stage
    reason: str


def order_to_message(order: Order) -> dict[str, Any]:
    """An order as a JSON object, its kind under "kind"."""
    fields = asdict(order)
    if isinstance(order, ChannelOrder):
        fields["channel"] = order.channel.model_dump(mode="json", by_alias=True)
    return {"kind": _KINDS[type(order)], **fields}


def order_from_message(message: dict[str, Any]) -> Order:
    """The order of a message; what it holds is checked.

    Raises:
        ValueError: It is none, or breaks the rules of a channel.
    """
    fields = {key: value for key, value in message.items() if key != "kind"}
    if "channel" in fields:
        fields["channel"] = ChannelRequest.model_validate(fields["channel"], context={"from_text": True})
    for key in ("device_ports", "server_ports"):
        if key in fields:
            fields[key] = tuple((first, last) for first, last in fields[key])
    return _ORDERS[message["kind"]](**fields)


def news_to_message(news: News) -> dict[str, Any]:
    """News as a JSON object."""
    return {"kind": "news", **asdict(news)}


def news_from_message(message: dict[str, Any]) -> News:
    """The news of a message."""
    return News(session=message["session"], stage=Stage(message["stage"]), reason=message["reason"])
