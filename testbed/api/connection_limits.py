"""Who may be connected at once: some of each client's address, and who has to go when there is no room.

A connection that only waits costs its client nothing, and a few hundred of them would keep everybody out. So
a newcomer takes the place of one that has waited, if not just now: that one may have sent a request which
has not been read yet.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

_OVERRUN = 128
"""So many refused connections may linger beside all others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """How many connections there may be, how many from one address, and how long they may take.

    A request has `request_s` to come whole, from the connection's beginning or its first byte. A connection
    that has waited `patience_s` for one may have to give way. Without a further request one is closed after
    `keep_alive_s`; one whose client takes none of its answer after `unread_s`.
    """

    most: int = 512
    most_of_address: int = 256
    request_s: float = 10.0
    patience_s: float = 1.0
    keep_alive_s: int = 5
    unread_s: float = 20.0


class LimitedConnection(Protocol):
    """A connection as the limits see it."""

    waiting_since_s: float

    @property
    def address(self) -> str: ...
    @property
    def is_working(self) -> bool: ...
    def close_for_newcomer(self) -> None: ...


AnyMember = TypeVar("AnyMember", bound=LimitedConnection)


class ClientConnections(Generic[AnyMember]):
    """The connections that there are."""

    def __init__(self, limits: ConnectionLimits) -> None:
        self.limits = limits
        # A dictionary keeps their order, so that of several who have waited as long the first one goes.
        self._members: dict[AnyMember, None] = {}

    def admit(self, newcomer: AnyMember, now_s: float) -> bool:
        """Take a connection in, and let another one go if there is no room; False if nobody can go."""
        rivals = self._rivals(newcomer)
        if rivals is not None:
            longest_s = now_s - self.limits.patience_s
            waiting = [each for each in rivals if not each.is_working and each.waiting_since_s <= longest_s]
            if not waiting:
                return False
            goes = min(waiting, key=lambda each: each.waiting_since_s)
            del self._members[goes]
            goes.close_for_newcomer()
        self._members[newcomer] = None
        return True

    def leave(self, member: AnyMember) -> None:
        """A connection is over; one that was never taken in may leave, too."""
        self._members.pop(member, None)

    def is_overrun(self, connected: int) -> bool:
        """Whether there are so many, with those that were refused, that no more can be answered."""
        return connected > self.limits.most + _OVERRUN

    def _rivals(self, newcomer: AnyMember) -> Iterable[AnyMember] | None:
        """Those of whom one has to go for a newcomer: of its own address, or of those that have most."""
        of_address = Counter(each.address for each in self._members)
        if of_address[newcomer.address] >= self.limits.most_of_address:
            return [each for each in self._members if each.address == newcomer.address]
        if len(self._members) < self.limits.most:
            return None
        most = max(of_address.values())
        return [each for each in self._members if of_address[each.address] == most]
