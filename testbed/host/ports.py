"""The ports of everything that runs on emulated hosts, in one table: no two ranges meet.

The kernel gives clients ports from 32,768 on. Ranges above that are of UDP, of which no program lets the
kernel choose a port, but for two of TCP: the end of FLOWS listens before any client connects, and STATE as
soon as the agent of its node runs.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Ports:
    """A range of ports: each of `count` has `each` of them, one after another."""

    first: int
    count: int
    protocol: Literal["tcp", "udp", "both"] = "udp"
    each: int = 1

    def of(self, index: int) -> int:
        """The first port of the one with this number, counted from 0."""
        assert 0 <= index < self.count, "the rules for scenarios allow no more"
        return self.first + self.each * index

    @property
    def end(self) -> int:
        """The first port after the range."""
        return self.first + self.each * self.count


API = Ports(8080, 1, "tcp")
SERVICES = Ports(9000, 2000, "tcp")
RANKS = Ports(12_000, 2000)
WORKLOADS = Ports(20_000, 1000, each=8)
FLOWS = Ports(30_000, 4000, "both")
TRANSFERS = Ports(35_000, 2500)
MONITOR = Ports(38_000, 1)
AGENT = Ports(38_001, 1)
STATE = Ports(38_003, 1, "tcp")
REQUESTS = Ports(38_100, 1000)
"""Of those who send requests to a group of jobs."""
SURVEY = Ports(39_990, 1)
SESSIONS = Ports(40_000, 1000, each=4)
