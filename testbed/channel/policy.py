"""What a policy for resizing channels is: asked when something is known, it says which rate a channel needs.

The controller does the rest, the same for all policies: admission, sharing of full links, and `hold`, for
which a higher need counts on after it fell.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from testbed.channel.interface import ClassCounters, OfferedLoad
from testbed.model.base import Direction


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """The rate that a policy wants, within the channel's committed and peak, and why, for the events."""

    rate_bps: int
    reason: str


class Observation(NamedTuple):
    """What a policy is told about one direction of a channel.

    `needs_bps` are the needs that count now: first that which the channel follows, last the present one, and
    between them, falling, what counts on for less than the hold time. Before the first answer there are none.
    With the application's word there are `scene` and `load`, with counters `counted`; at the admission of a
    channel there may be neither. `memory` is what the policy's last answer kept for this direction, None at
    first.
    """

    direction: Direction
    committed_bps: int
    peak_bps: int
    serialisation_ns: int
    hold_ns: int
    now_ns: int
    rate_bps: int
    needs_bps: tuple[int, ...] = ()
    scene: str | None = None
    load: OfferedLoad | None = None
    counted: ClassCounters | None = None
    memory: Any = None


class Answer(NamedTuple):
    """A need, and what is to be remembered until the next question."""

    need: Need
    memory: Any = None


class ChannelPolicy(Protocol):
    """Pure: the answer follows from what is told, which includes the policy's own memory.

    It is asked at the admission of a channel, at each scene if it `uses_scenes`, and every `channels.sample`
    if it `uses_counters`. After counters a rate that counts already keeps the reason that it has.
    """

    @property
    def uses_scenes(self) -> bool: ...
    @property
    def uses_counters(self) -> bool: ...
    def decide(self, observation: Observation) -> Answer: ...
