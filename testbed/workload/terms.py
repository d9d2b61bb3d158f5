"""How long a node and its monitor wait for each other, by the way between them. Pure.

A heartbeat is on its way for `delay_ns` at least and `variation_ns` longer at most, and so is its answer.
With that, a node whose heartbeats arrive is never given up and never stops by itself, however far it is:

- It is given up when nothing has come for `missed` heartbeats, or for two heartbeats and all of the variation
  if that is longer: a heartbeat may always be late by what the queues can add, and one more may be lost.
- It may serve for as long after *sending* a heartbeat that is answered, and for the delay of the way there
  besides: by then that heartbeat has arrived, so that its lease is over at the latest when it is given up.
- On a way on which the answers take so long that such a lease could end between two of them, it is longer.
  Its end may then come after the giving up. By so much, the fence, the order to another node is held back.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Way:
    """How long packets of a host take to another one."""

    delay_ns: int = 0
    variation_ns: int = 0

    @property
    def longest_ns(self) -> int:
        """With all queues full."""
        return self.delay_ns + self.variation_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Between one node and the monitor: when it is given up, how long it serves, and when others may.

    `comes_ns` is how long its first heartbeat takes at most, `round_trip_ns` how far it is there and back.
    """

    silence_ns: int
    lease_ns: int
    fence_ns: int
    comes_ns: int
    round_trip_ns: int


def terms(heartbeat_ns: int, missed: int, there: Way, back: Way) -> Terms:
    """The terms of a node from which it is so far to its monitor, and back."""
    silence_ns = max(missed * heartbeat_ns, 2 * heartbeat_ns + there.variation_ns)
    # From a heartbeat to the slowest answer to the next one, with one to spare, or as many as may be missed.
    needed_ns = max(missed - 1, 2) * heartbeat_ns + there.longest_ns + back.longest_ns
    lease_ns = max(silence_ns + there.delay_ns, needed_ns)
    return Terms(
        silence_ns=silence_ns,
        lease_ns=lease_ns,
        fence_ns=lease_ns - silence_ns - there.delay_ns,
        comes_ns=there.longest_ns,
        round_trip_ns=there.delay_ns + back.delay_ns,
    )
