"""What the channel controller remembers: links, channels in the order of admission, and their needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from testbed.channel.policy import Need
from testbed.errors import InvariantError
from testbed.model.base import DOWNSTREAM, UPSTREAM, Direction
from testbed.model.channel import ChannelRequest
from testbed.units import RATE

DIRECTIONS = (DOWNSTREAM, UPSTREAM)
"""The order of a channel's two lanes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One direction of something that channels share: a PON's line, the metro, the uplink of a node.

    `committed_bps` is promised to subscriptions, whatever channels there are; channels share the rest.
    """

    name: str
    direction: Direction
    capacity_bps: int
    committed_bps: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.committed_bps <= self.capacity_bps:
            raise ValueError(
                f"link {self.name} {self.direction} is oversold before any channel: "
                f"{RATE.format(self.committed_bps)} is committed of {RATE.format(self.capacity_bps)}"
            )

    @property
    def channels_bps(self) -> int:
        """What channels can have together."""
        return self.capacity_bps - self.committed_bps


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """A need, and when a lower one took its place; None while it is the present one."""

    need: Need
    ended_at_ns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One direction of a channel: what it has, over which links, and what it wanted of late.

    `wants` falls strictly in rate: the first still counts because it ended less than the hold time ago,
    the last is the present need. So the channel follows the maximum of the needs over the hold time.
    Until it is open it takes its committed rate, whatever it wants.
    """

    session: str
    direction: Direction
    links: tuple[str, ...]
    committed_bps: int
    weight: int
    hold_ns: int
    wants: tuple[Want, ...]
    rate_bps: int
    is_open: bool

    @property
    def need(self) -> Need:
        """What counts now."""
        return self.wants[0].need

    @property
    def surplus_bps(self) -> int:
        """What it can use above its committed rate."""
        return self.wants[0].need.rate_bps - self.committed_bps if self.is_open else 0

    @property
    def wake_at_ns(self) -> int | None:
        """When what counts will fall, if nothing happens until then."""
        ended_at_ns = self.wants[0].ended_at_ns
        return None if ended_at_ns is None else ended_at_ns + self.hold_ns

    def wanting(self, need: Need, now_ns: int) -> "Lane":
        """With a new present need; earlier ones count on only where they are higher."""
        *held, present = self.wants
        earlier = (*held, Want(need=present.need, ended_at_ns=now_ns))
        higher = tuple(want for want in earlier if want.need.rate_bps > need.rate_bps)
        return self._with((*higher, Want(need=need)), self.rate_bps, self.is_open).at(now_ns)

    def at(self, now_ns: int) -> "Lane":
        """Without the needs that have been lower for the whole hold time."""
        wants = self.wants
        while wants[0].ended_at_ns is not None and wants[0].ended_at_ns + self.hold_ns <= now_ns:
            wants = wants[1:]
        return self if wants is self.wants else self._with(wants, self.rate_bps, self.is_open)

    def opened(self, now_ns: int) -> "Lane":
        """Open, with the needs that count now."""
        return self._with(self.at(now_ns).wants, self.rate_bps, True)

    def resized(self, rate_bps: int) -> "Lane":
        """With another rate."""
        return self._with(self.wants, rate_bps, self.is_open)

    def _with(self, wants: tuple[Want, ...], rate_bps: int, is_open: bool) -> "Lane":
        # What `dataclasses.replace` does, at a fifth of its cost: an event may change thousands.
        return Lane(
            session=self.session,
            direction=self.direction,
            links=self.links,
            committed_bps=self.committed_bps,
            weight=self.weight,
            hold_ns=self.hold_ns,
            wants=wants,
            rate_bps=rate_bps,
            is_open=is_open,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """An admitted channel: the request that it answers, one lane for each direction, and its times.

    It is due to open at `opens_at_ns`, and active once `opened_at_ns` is set; its lifetime counts from there.
    """

    session: str
    request: ChannelRequest
    lanes: tuple[Lane, Lane]
    opens_at_ns: int
    opened_at_ns: int | None = None
    lifetime_ns: int | None = None

    def towards(self, direction: Direction) -> Lane:
        """The lane in one direction."""
        return self.lanes[0] if direction is DOWNSTREAM else self.lanes[1]

    def with_lanes(self, down: Lane, up: Lane) -> "Channel":
        """With other lanes."""
        return Channel(
            session=self.session,
            request=self.request,
            lanes=(down, up),
            opens_at_ns=self.opens_at_ns,
            opened_at_ns=self.opened_at_ns,
            lifetime_ns=self.lifetime_ns,
        )

    @property
    def expires_at_ns(self) -> int | None:
        """When its lifetime ends; None if it has none, or has not begun."""
        if self.opened_at_ns is None or self.lifetime_ns is None:
            return None
        return self.opened_at_ns + self.lifetime_ns

    @property
    def wake_at_ns(self) -> int | None:
        """When something about it is due: its opening, its end, or a shrink."""
        if self.opened_at_ns is None:
            return self.opens_at_ns
        due = (self.expires_at_ns, self.lanes[0].wake_at_ns, self.lanes[1].wake_at_ns)
        return min((at_ns for at_ns in due if at_ns is not None), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelState:
    """All there is to know.

    `holders` are the channels by session, in the order of admission; `refused` the sessions that know, or
    need not know, that they have none: refused, pre-empted or expired. `promised_bps` sums the committed
    rates over each link, `due_at_ns` says when something about a channel is due, `memories` what its
    policy remembers in each direction. `at_ns` is the last instant seen.
    """

    links: tuple[Link, ...]
    provisioning_ns: int = 0
    holders: Mapping[str, Channel] = field(default_factory=dict)
    refused: frozenset[str] = frozenset()
    promised_bps: Mapping[tuple[str, Direction], int] = field(default_factory=dict)
    due_at_ns: Mapping[str, int] = field(default_factory=dict)
    memories: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    at_ns: int = 0

    def __post_init__(self) -> None:
        names = [(link.name, link.direction) for link in self.links]
        if len(set(names)) < len(names):
            raise ValueError("two links have the same name and direction; channels could not tell them apart")

    @property
    def channels(self) -> tuple[Channel, ...]:
        """All channels, in the order of admission."""
        return tuple(self.holders.values())

    @property
    def wake_at_ns(self) -> int | None:
        """When a Tick is due, None if only an event can change anything."""
        return min(self.due_at_ns.values(), default=None)

    def channel(self, session: str) -> Channel:
        """The channel of a session.

        Raises:
            InvariantError: It has none; a caller that was refused or has released must know that.
        """
        if session not in self.holders:
            raise unknown_session(session, self.holders)
        return self.holders[session]

    def has(self, session: str) -> bool:
        """Whether the session has a channel."""
        return session in self.holders

    def lanes(self, direction: Direction) -> tuple[Lane, ...]:
        """All lanes of one direction in the order of admission."""
        return tuple(channel.towards(direction) for channel in self.holders.values())

    def path(self, names: tuple[str, ...], direction: Direction) -> tuple[Link, ...]:
        """The links of these names in one direction; a name may be known in one direction only."""
        unknown = sorted(set(names) - {link.name for link in self.links})
        if unknown:
            raise InvariantError(
                f"no link is called {', '.join(unknown)}; there are {[k.name for k in self.links]}"
            )
        return tuple(link for link in self.links if link.name in names and link.direction is direction)


def unknown_session(session: str, holders: Mapping[str, Channel]) -> InvariantError:
    """What to raise when a session without a channel speaks as if it had one."""
    some = [*holders][:8]
    more = f" and {len(holders) - len(some)} more" if len(holders) > len(some) else ""
    return InvariantError(f"session {session} has no channel; there are {some}{more}")
