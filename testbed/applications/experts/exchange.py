"""One exchange of experts, without a clock or a socket: who sends what to whom, and when it is complete.

all ranks begin ──► every rank sends its tokens to where their experts are
                    a rank that has all of its tokens sends the results back ──► all are back
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from testbed.applications.experts.model import Experts
from testbed.applications.experts.routing import Matrix
from testbed.host.datagrams import NUMBER

MOST_PACKET_BYTES = 60_000
"""The most that one packet carries, where the wires carry as much."""


class Phase(IntEnum):
    """Tokens on their way to experts, or results on their way back."""

    DISPATCH = 0
    COMBINE = 1


@dataclass(frozen=True, slots=True)
class Message:
    """What one rank sends to another in one phase."""

    phase: Phase
    source: int
    destination: int
    size_bytes: int

    def packet_sizes(self, most_bytes: int) -> Iterator[int]:
        """The packets that carry it: as large as may be, and a last one with the rest."""
        whole, rest = divmod(self.size_bytes, most_bytes)
        yield from [most_bytes] * whole
        if rest:
            # Nothing is smaller than the number that tells what it belongs to.
            yield max(rest, NUMBER.size)


class Exchange:
    """The state of one exchange: what to send, what is missing, when the last of each phase arrived.

    A packet carries at most `packet_bytes`.
    Ranks on one node hand their messages over without the network: these are not among those to send.
    """

    def __init__(self, experts: Experts, matrix: Matrix, nodes: Sequence[str], packet_bytes: int) -> None:
        self._sent = {phase: _messages(phase, experts, matrix, nodes) for phase in Phase}
        self._missing = {phase: [0] * experts.ranks for phase in Phase}
        """Packets that each rank still waits for."""
        for phase, messages in self._sent.items():
            for message in (each for of_rank in messages for each in of_rank):
                self._missing[phase][message.destination] += len([*message.packet_sizes(packet_bytes)])
        self._last_ns = dict.fromkeys(Phase, 0)

    def begin(self) -> list[Message]:
        """What is sent at first: all tokens, and the results of ranks that wait for none."""
        tokens = [message for of_rank in self._sent[Phase.DISPATCH] for message in of_rank]
        waiting = self._missing[Phase.DISPATCH]
        idle = [rank for rank, packets in enumerate(waiting) if not packets]
        return tokens + [message for rank in idle for message in self._sent[Phase.COMBINE][rank]]

    def arrived(self, phase: Phase, rank: int, at_ns: int) -> list[Message]:
        """A packet has arrived at a rank; its results, if that was the last of its tokens."""
        self._missing[phase][rank] -= 1
        self._last_ns[phase] = max(self._last_ns[phase], at_ns)
        has_all = phase is Phase.DISPATCH and not self._missing[phase][rank]
        return self._sent[Phase.COMBINE][rank] if has_all else []

    def is_over(self, phase: Phase) -> bool:
        """Whether everything of a phase has arrived."""
        return not any(self._missing[phase])

    @property
    def missing_packets(self) -> int:
        """How many have not arrived, of both phases."""
        return sum(sum(missing) for missing in self._missing.values())

    def last_ns(self, phase: Phase, begun_ns: int) -> int:
        """When the last packet of a phase arrived; when the phase began, if the network carried none."""
        return max(self._last_ns[phase], begun_ns)

    def phase_bytes(self, phase: Phase) -> int:
        """What crosses the network in a phase."""
        return sum(message.size_bytes for of_rank in self._sent[phase] for message in of_rank)


def _messages(phase: Phase, experts: Experts, matrix: Matrix, nodes: Sequence[str]) -> list[list[Message]]:
    """By rank, what it sends over the network in a phase, in the order of the ranks after it."""
    each_bytes = int(experts.dispatch_bytes if phase is Phase.DISPATCH else experts.combine_bytes)
    by_rank: list[list[Message]] = [[] for _ in nodes]
    for here in range(experts.ranks):
        for offset in range(1, experts.ranks):
            there = (here + offset) % experts.ranks
            tokens = matrix[here][there] if phase is Phase.DISPATCH else matrix[there][here]
            if tokens * each_bytes and nodes[here] != nodes[there]:
                by_rank[here].append(Message(phase, here, there, tokens * each_bytes))
    return by_rank
