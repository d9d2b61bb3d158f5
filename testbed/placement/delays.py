"""How far stations are from one another: one-way delays, known or measured, on one scale for all jobs."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Delays:
    """One-way delays in nanoseconds between pairs of stations: the same both ways, and 0 to itself.

    A pair may be given in either order; one that is not given is unknown, not 0. `longest_ns` is the
    longest of all: the end of the scale on which every job's delays are scored.

    Raises:
        ValueError: A delay is negative, not 0 to itself, or two delays of one pair contradict each other.
    """

    between_ns: Mapping[tuple[str, str], int]
    longest_ns: int = field(init=False)

    def __post_init__(self) -> None:
        # Found once: every score of every job divides by it.
        object.__setattr__(self, "longest_ns", max(self.between_ns.values(), default=0))
        for (a, b), delay_ns in self.between_ns.items():
            if delay_ns < 0:
                raise ValueError(f"the delay from {a} to {b} is {delay_ns} ns; a delay is at least 0 ns")
            if a == b and delay_ns != 0:
                raise ValueError(f"the delay from {a} to itself is {delay_ns} ns, not 0")
            back_ns = self.between_ns.get((b, a), delay_ns)
            if back_ns != delay_ns:
                raise ValueError(
                    f"{a} to {b} takes {delay_ns} ns and back {back_ns} ns; give one delay for both"
                )

    def with_measured(self, a: str, b: str, delay_ns: int) -> "Delays":
        """The same delays with another one between two stations."""
        return Delays({**self.between_ns, (a, b): delay_ns, (b, a): delay_ns})

    def get(self, a: str, b: str) -> int | None:
        """The one-way delay between two stations in nanoseconds, None if it is not known."""
        if a == b:
            return 0
        delay_ns = self.between_ns.get((a, b))
        return self.between_ns.get((b, a)) if delay_ns is None else delay_ns
