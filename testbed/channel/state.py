"""What the channel controller remembers: links, channels in the order of admission, and their needs."""

from dataclasses import dataclass, replace

from testbed.channel.demand import Need
from testbed.errors import InvariantError
from testbed.model.base import Direction
from testbed.model.channel import ChannelRequest
from testbed.units import RATE


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
    """A need that was signalled, and when a lower one took its place; None while it is the present one."""

    need: Need
    ended_at_ns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One direction of a channel: what it was granted, over which links, and what it wanted of late.

    `wants` falls strictly in rate: the first still counts because it ended less than the hold time ago,
    the last is the present need. So the channel follows the maximum of the needs over the hold time.
    """

    session: str
    direction: Direction
    links: tuple[str, ...]
    committed_bps: int
    hold_ns: int
    wants: tuple[Want, ...]
    rate_bps: int

    @property
    def need(self) -> Need:
        """What counts now."""
        return self.wants[0].need

    @property
    def wake_at_ns(self) -> int | None:
        """When what counts will fall, if nothing happens until then."""
        ended_at_ns = self.wants[0].ended_at_ns
        return None if ended_at_ns is None else ended_at_ns + self.hold_ns

    def wanting(self, need: Need, now_ns: int) -> "Lane":
        """With a new present need; earlier ones count on only where they are higher."""
        *held, present = self.wants
        earlier = (*held, replace(present, ended_at_ns=now_ns))
        higher = tuple(want for want in earlier if want.need.rate_bps > need.rate_bps)
        return replace(self, wants=(*higher, Want(need=need)))

    def at(self, now_ns: int) -> "Lane":
        """Without the needs that have been lower for the whole hold time."""
        wants = self.wants
        while wants[0].ended_at_ns is not None and wants[0].ended_at_ns + self.hold_ns <= now_ns:
            wants = wants[1:]
        return replace(self, wants=wants)


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """An admitted channel: the request that it answers, and one lane for each direction."""

    session: str
    request: ChannelRequest
    lanes: tuple[Lane, Lane]

    def towards(self, direction: Direction) -> Lane:
        """The lane in one direction."""
        return next(lane for lane in self.lanes if lane.direction is direction)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelState:
    """All there is to know: `channels` in the order of admission, sessions refused, the last instant seen."""

    links: tuple[Link, ...]
    channels: tuple[Channel, ...] = ()
    refused: frozenset[str] = frozenset()
    at_ns: int = 0

    def __post_init__(self) -> None:
        names = [(link.name, link.direction) for link in self.links]
        if len(set(names)) < len(names):
            raise ValueError("two links have the same name and direction; channels could not tell them apart")

    @property
    def wake_at_ns(self) -> int | None:
        """When a Tick is due, None if only an event can change anything."""
        due = [lane.wake_at_ns for channel in self.channels for lane in channel.lanes]
        return min((at_ns for at_ns in due if at_ns is not None), default=None)

    def channel(self, session: str) -> Channel:
        """The channel of a session.

        Raises:
            InvariantError: It has none; a caller that was refused or has released must know that.
        """
        for channel in self.channels:
            if channel.session == session:
                return channel
        raise InvariantError(
            f"session {session} has no channel; there are {[c.session for c in self.channels]}"
        )

    def has(self, session: str) -> bool:
        """Whether the session has a channel."""
        return any(channel.session == session for channel in self.channels)

    def lanes(self, direction: Direction) -> tuple[Lane, ...]:
        """All lanes of one direction in the order of admission."""
        return tuple(channel.towards(direction) for channel in self.channels)

    def path(self, names: tuple[str, ...], direction: Direction) -> tuple[Link, ...]:
        """The links of these names in one direction; a name may be known in one direction only."""
        unknown = sorted(set(names) - {link.name for link in self.links})
        if unknown:
            raise InvariantError(
                f"no link is called {', '.join(unknown)}; there are {[k.name for k in self.links]}"
            )
        return tuple(link for link in self.links if link.name in names and link.direction is direction)
