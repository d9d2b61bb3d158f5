"""Who may serve, and who is given up: the lease of a node and the watch over nodes. Pure.

A node may serve until `lease_ns` after the *sending* of its last heartbeat that was answered. The monitor
gives it up `silence_ns` after the *arrival* of the last heartbeat that came. Every one that was answered has
arrived, and none arrives sooner than the distance allows; so the lease is over, at the latest, `fence_ns`
after the giving up (see `terms`), whatever is lost and however long anything takes. Two clocks need to agree
on how long a second is, not on the time of day.

A lease that is over does not come back. The node drops what it ran and numbers its next life, its `boot`, one
higher; the monitor never again hears one that it gave up, and whatever was said to it is void.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from testbed.workload.terms import Terms


@dataclass(slots=True)
class Lease:
    """One boot of a node: until when it may serve. No heartbeat answered is no lease."""

    boot: int
    lease_ns: int
    until_ns: int | None = None
    _began_ns: int | None = None
    _sent_ns: dict[int, int] = field(default_factory=dict)
    _number: int = 0

    def beat(self, now_ns: int) -> int:
        """A heartbeat is sent; its number. Those too old to renew anything are forgotten."""
        self._sent_ns = {
            number: at_ns for number, at_ns in self._sent_ns.items() if at_ns + self.lease_ns > now_ns
        }
        self._number += 1
        self._sent_ns[self._number] = now_ns
        if self._began_ns is None:
            self._began_ns = now_ns
        return self._number

    def answered(self, boot: int, number: int) -> None:
        """An answer has come; one to another boot, or to a heartbeat long past, renews nothing."""
        sent_ns = self._sent_ns.get(number)
        if boot == self.boot and sent_ns is not None:
            self.until_ns = max(self.until_ns or 0, sent_ns + self.lease_ns)

    def may_serve(self, now_ns: int) -> bool:
        """Whether the lease holds at an instant; at its very end it does no more."""
        return self.until_ns is not None and now_ns < self.until_ns

    def is_over(self, now_ns: int) -> bool:
        """Whether this boot has had its time: its lease has ended, or none ever came of its heartbeats."""
        end_ns = self.until_ns
        if end_ns is None and self._began_ns is not None:
            end_ns = self._began_ns + self.lease_ns
        return end_ns is not None and now_ns >= end_ns


@dataclass(slots=True)
class _Watched:
    boot: int
    heard_ns: int
    given_up: bool = False


class Watch:
    """What the monitor knows of every node, by name; each starts with boot 1, not heard yet.

    By `begins_ns` every node has sent a heartbeat. One that never comes is given up as long after its arrival
    as one that has gone.
    """

    def __init__(self, nodes: Mapping[str, Terms], begins_ns: int) -> None:
        self._terms = nodes
        self._nodes = {
            node: _Watched(boot=0, heard_ns=begins_ns + terms.comes_ns) for node, terms in nodes.items()
        }

    def heard(self, node: str, boot: int, now_ns: int) -> tuple[bool, bool]:
        """A heartbeat has arrived: whether the node fails by that, and whether it is back by that.

        A boot not seen before, of a node not given up, is both: what it ran before is gone.
        """
        watched = self._nodes[node]
        if boot < watched.boot or (boot == watched.boot and watched.given_up):
            return False, False
        restarted = boot > watched.boot and watched.boot > 0 and not watched.given_up
        returns = watched.given_up or restarted
        self._nodes[node] = _Watched(boot=boot, heard_ns=now_ns)
        return restarted, returns

    def answers(self, node: str, boot: int) -> bool:
        """Whether a heartbeat of a boot is to be answered: it is the present one, and not given up."""
        watched = self._nodes[node]
        return boot == watched.boot and not watched.given_up

    def due_ns(self, node: str) -> int | None:
        """When a node will be given up if nothing comes; None if it is already."""
        watched = self._nodes[node]
        return None if watched.given_up else watched.heard_ns + self._terms[node].silence_ns

    def expire(self, node: str, now_ns: int) -> bool:
        """Give a node up if its time has come; whether it has just been."""
        due_ns = self.due_ns(node)
        if due_ns is None or now_ns < due_ns:
            return False
        self._nodes[node].given_up = True
        return True

    def silent_ns(self, node: str, now_ns: int) -> int:
        """How long nothing has come from a node."""
        return now_ns - self._nodes[node].heard_ns

    def boot(self, node: str) -> int | None:
        """The boot to which orders are given; None while the node is given up or was never heard."""
        watched = self._nodes[node]
        return None if watched.given_up or watched.boot == 0 else watched.boot
