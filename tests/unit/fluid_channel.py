"""One channel and its load as a fluid, exactly: what waits, how long, and what the controller does about it.

Time goes in steps. Amounts are in bits times 10⁹, so that a rate in bit/s times a time in ns is one. A load
is what arrives in each step. Nothing is dropped.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from testbed.channel import (
    ChannelState,
    ClassCounters,
    CounterReadings,
    Event,
    Link,
    RequestChannel,
    Resize,
    Tick,
    decide,
)
from testbed.model.base import DOWNSTREAM, Direction
from testbed.model.channel import ChannelRange, ChannelRequest, ResizePolicy

MS = 1_000_000
BIT_NS = 10**9
BYTE_NS = 8 * BIT_NS
M, G = 10**6, 10**9
IDLE = ClassCounters(interval_ns=1, sent_bytes=0, backlog_bytes=0)

Load = Callable[[int], int]
"""What arrives in the step that begins at an instant, in bits times 10⁹."""


@dataclass
class Fluid:
    """A channel alone on a wide link, under a policy, sampled every `sample_ns`."""

    policy: ResizePolicy
    committed_bps: int = 100 * M
    peak_bps: int = 25 * G
    serialisation_ns: int = 1 * MS
    hold_ns: int = 500 * MS
    sample_ns: int = 5 * MS
    step_ns: int = 100_000
    now_ns: int = 0
    waiting: int = 0
    arrived: list[int] = field(default_factory=lambda: [0])
    served: list[int] = field(default_factory=lambda: [0])
    resizes: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        # Not checked: small numbers show a rounding that the rates of real classes would hide.
        bounds = ChannelRange.model_construct(
            committed_bps=self.committed_bps, peak_bps=self.peak_bps, queue_bytes=1
        )
        channel = ChannelRequest(
            policy=self.policy,
            downstream=bounds,
            upstream=bounds,
            serialisation_ns=self.serialisation_ns,
            hold_ns=self.hold_ns,
        )
        links = tuple(Link(name="pon", direction=each, capacity_bps=50 * G) for each in Direction)
        self.state = ChannelState(links=links)
        self._tell(RequestChannel(session="game", channel=channel, links=("pon",)))
        self._sampled_at_ns, self._counted_bytes = 0, 0

    @property
    def rate_bps(self) -> int:
        """What the channel has downstream."""
        return self.state.channel("game").towards(DOWNSTREAM).rate_bps

    def run(self, load: Load, until_ns: int) -> "Fluid":
        """Let the load flow until an instant."""
        while self.now_ns < until_ns:
            amount = load(self.now_ns)
            served = min(self.waiting + amount, self.rate_bps * self.step_ns)
            self.waiting += amount - served
            self.arrived.append(self.arrived[-1] + amount)
            self.served.append(self.served[-1] + served)
            self.now_ns += self.step_ns
            if self.now_ns % self.sample_ns == 0:
                self._sample()
            if self.state.wake_at_ns is not None and self.state.wake_at_ns <= self.now_ns:
                self._tell(Tick())
        return self

    def waits_ns(self) -> list[tuple[int, int]]:
        """For every step in which something arrived: its beginning, and how long until all that was gone.

        What has not left by the end counts as if it left then.
        """
        waits, gone = [], 0
        for step in range(1, len(self.arrived)):
            if self.arrived[step] == self.arrived[step - 1]:
                continue
            while gone + 1 < len(self.served) and self.served[gone] < self.arrived[step]:
                gone += 1
            waits.append(((step - 1) * self.step_ns, max(0, gone - step) * self.step_ns))
        return waits

    def rises(self) -> list[tuple[int, int]]:
        """When the rate grew, and to what."""
        before = [self.committed_bps, *(rate_bps for _, rate_bps in self.resizes)]
        return [each for last_bps, each in zip(before, self.resizes, strict=False) if each[1] > last_bps]

    def _sample(self) -> None:
        sent_bytes = self.served[-1] // BYTE_NS
        interval_ns = self.now_ns - self._sampled_at_ns
        down = ClassCounters(
            interval_ns=interval_ns,
            sent_bytes=sent_bytes - self._counted_bytes,
            backlog_bytes=self.waiting // BYTE_NS,
        )
        self._sampled_at_ns, self._counted_bytes = self.now_ns, sent_bytes
        self._tell(CounterReadings(counted={"game": (down, IDLE)}))

    def _tell(self, event: Event) -> None:
        self.state, outputs = decide(self.state, event, self.now_ns)
        self.resizes += [
            (self.now_ns, each.to_bps)
            for each in outputs
            if isinstance(each, Resize) and each.direction is DOWNSTREAM
        ]


def constant(rate_bps: int, step_ns: int = 100_000) -> Load:
    """The same amount in every step."""
    return lambda _: rate_bps * step_ns


def frames(rate_bps: int, per_second: int = 60, phase_ns: int = 0, step_ns: int = 100_000) -> Load:
    """Frames that come whole, in one step each, at this mean rate."""
    frame = rate_bps * BIT_NS // per_second

    def load(at_ns: int) -> int:
        before = (at_ns - phase_ns) * per_second // BIT_NS
        return frame * ((at_ns + step_ns - phase_ns) * per_second // BIT_NS - before)

    return load


def scenes(*timeline: tuple[int, Load]) -> Load:
    """One load after another: each until an instant, the last one for ever."""

    def load(at_ns: int) -> int:
        return next((each for until_ns, each in timeline if at_ns < until_ns), timeline[-1][1])(at_ns)

    return load


def repeated(loads: Iterable[tuple[int, Load]]) -> Load:
    """Loads in turn, each for so long, over and over."""
    kept = [*loads]
    period_ns = sum(for_ns for for_ns, _ in kept)

    def load(at_ns: int) -> int:
        within_ns = at_ns % period_ns
        for for_ns, each in kept:
            if within_ns < for_ns:
                return each(at_ns)
            within_ns -= for_ns
        raise AssertionError("an instant within a period is within one of its loads")

    return load
