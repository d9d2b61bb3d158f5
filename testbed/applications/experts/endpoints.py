"""The ranks of a mixture-of-experts model on their nodes: one program for all, with sockets on each node.

A packet has nothing but the number of its exchange and phase: who is to send what is drawn by seed, so a
rank only counts. Delays are those of the kernel's receive stamps.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from testbed.applications.experts.exchange import Exchange, Message, Phase
from testbed.applications.experts.model import Experts
from testbed.applications.experts.routing import Matrix
from testbed.host.datagrams import NUMBER, Datagrams
from testbed.host.loop import Loop
from testbed.model.base import ACROSS
from testbed.record.streams import ReceivedLog, SentLog
from testbed.text import counted

GIVEN_UP_NS = 100_000_000
"""An exchange in which nothing has arrived for so long beyond the distance has lost something: no queue
holds a packet longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How ranks reach each other, on whatever nodes they are.

    `addresses` has a node's address in each plane, or its only one; `inside` is to be on a node, to make
    sockets there. Ranks have a port each from `first_port` on; one packet carries `packet_bytes`. No two
    nodes are further apart than `farthest_ns`.
    """

    addresses: Callable[[str], Sequence[str]]
    inside: Callable[[str], AbstractContextManager[None]]
    first_port: int
    packet_bytes: int
    farthest_ns: int = 0


@dataclass(slots=True)
class _Rank:
    """Where a rank is: its node, that node's addresses, and the sockets there."""

    node: str
    addresses: Sequence[str]
    sockets: list[Datagrams]


class _Log:
    """Both ends of a stream of exchanges, which one program knows."""

    def __init__(self, logs: Path, session: str, measure: str) -> None:
        self._sent = SentLog(logs, session=session, measure=measure, direction=ACROSS)
        self._received = ReceivedLog(logs, session=session, measure=measure, direction=ACROSS)

    def begun(self, seq: int, size_bytes: int, at_ns: int) -> None:
        self._sent.write(seq, size_bytes, at_ns)

    def over(self, seq: int, at_ns: int) -> None:
        self._received.write(seq, at_ns)

    def close(self) -> None:
        self._sent.close()
        self._received.close()


class ExpertRanks:
    """Exchanges layer after layer in every step, from `starts` to `ends`.

    Says `exchange` with its `exchange_ns` after each. One that lost a packet is given up and counted among
    the `remarks`; its rows are those of something lost. Told `move`, a `rank` goes on at another `node`.
    """

    def __init__(
        self,
        loop: Loop,
        name: str,
        experts: Experts,
        nodes: Sequence[str],
        reach: Reach,
        matrices: Callable[[], Matrix],
        logs: Path,
        say: Callable[..., None],
    ) -> None:
        self._loop, self._experts, self._reach = loop, experts, reach
        self._matrices, self._say = matrices, say
        self._given_up_after_ns = GIVEN_UP_NS + reach.farthest_ns
        self._ranks = [self._at(rank, node) for rank, node in enumerate(nodes)]
        self._payload = bytearray(reach.packet_bytes)
        self._view = memoryview(self._payload)
        self._logs = {measure: _Log(logs, name, measure) for measure in ("dispatch", "combine", "exchange")}
        self._exchange: Exchange | None = None
        self._number = self._begun_ns = self._heard_ns = 0
        self._dispatched_ns: int | None = None
        self._exchanges_ns = self._completed = self._given_up = self._missing_packets = 0

    def _at(self, rank: int, node: str) -> _Rank:
        """A rank on a node, with its sockets open."""
        addresses, sockets = self._reach.addresses(node), list[Datagrams]()
        with self._reach.inside(node):
            for address in addresses:
                datagrams = Datagrams(self._loop.clock, address, self._reach.first_port + rank)
                datagrams.hold_much()
                self._loop.on_readable(datagrams, partial(self._take, rank, datagrams))
                sockets.append(datagrams)
        return _Rank(node, addresses, sockets)

    def told(self, message: dict[str, Any]) -> None:
        """Move a rank if the driver says so; what was on its way to its old place is lost."""
        if message["kind"] == "move":
            rank = message["rank"]
            for datagrams in self._ranks[rank].sockets:
                self._loop.forget(datagrams)
                datagrams.close()
            self._ranks[rank] = self._at(rank, message["node"])

    def start(self) -> None:
        """Set out to exchange from the first step on."""
        self._loop.at(self._experts.starts_at_ns, self._begin)

    def _begin(self) -> None:
        """Begin the next exchange."""
        nodes = [rank.node for rank in self._ranks]
        exchange = Exchange(self._experts, self._matrices(), nodes, self._reach.packet_bytes)
        self._exchange, self._dispatched_ns = exchange, None
        self._begun_ns = self._heard_ns = self._loop.clock.now_ns()
        dispatch_bytes, combine_bytes = (exchange.phase_bytes(phase) for phase in Phase)
        self._logs["dispatch"].begun(self._number, dispatch_bytes, self._begun_ns)
        self._logs["exchange"].begun(self._number, dispatch_bytes + combine_bytes, self._begun_ns)
        self._send(exchange.begin())
        self._watch()
        self._proceed()

    def _send(self, messages: Sequence[Message]) -> None:
        for message in messages:
            NUMBER.pack_into(self._payload, 0, self._number * len(Phase) + message.phase)
            sockets, there = self._ranks[message.source].sockets, self._ranks[message.destination]
            port = self._reach.first_port + message.destination
            sizes_bytes = message.packet_sizes(self._reach.packet_bytes)
            for index, size_bytes in enumerate(sizes_bytes, message.source + message.destination):
                plane = index % len(sockets)
                sockets[plane].send_to(self._view[:size_bytes], there.addresses[plane], port)

    def _take(self, rank: int, datagrams: Datagrams) -> None:
        for number, _, at_ns in datagrams.waiting_numbers():
            exchange, (of, phase) = self._exchange, divmod(number, len(Phase))
            if exchange is None or of != self._number:
                continue  # It was held up on the way until its exchange was given up.
            self._heard_ns = at_ns
            self._send(exchange.arrived(Phase(phase), rank, at_ns))
            self._proceed()

    def _proceed(self) -> None:
        """Write down what is over, and go on when all of it is."""
        exchange = self._exchange
        assert exchange is not None
        if self._dispatched_ns is None and exchange.is_over(Phase.DISPATCH):
            self._dispatched_ns = exchange.last_ns(Phase.DISPATCH, self._begun_ns)
            self._logs["dispatch"].over(self._number, self._dispatched_ns)
            self._logs["combine"].begun(
                self._number, exchange.phase_bytes(Phase.COMBINE), self._dispatched_ns
            )
        if self._dispatched_ns is None or not exchange.is_over(Phase.COMBINE):
            return
        back_ns = exchange.last_ns(Phase.COMBINE, self._dispatched_ns)
        self._logs["combine"].over(self._number, back_ns)
        self._logs["exchange"].over(self._number, back_ns)
        self._completed += 1
        self._exchanges_ns += back_ns - self._begun_ns
        self._say("exchange", exchange_ns=back_ns - self._begun_ns)
        self._next()

    def _next(self) -> None:
        """The next layer at once, or the next step at its instant; steps that were missed are left out."""
        self._exchange = None
        self._number += 1
        now_ns, starts_ns, interval_ns = self._loop.clock.now_ns(), *self._times_ns()
        if self._number % self._experts.layers == 0:
            due_ns = starts_ns + -(-(now_ns - starts_ns) // interval_ns) * interval_ns
        else:
            due_ns = now_ns
        if due_ns < self._experts.ends_at_ns:
            self._loop.at(due_ns, self._begin)

    def _times_ns(self) -> tuple[int, int]:
        return int(self._experts.starts_at_ns), int(self._experts.interval_ns)

    def _watch(self) -> None:
        """Give this exchange up once nothing of it has come for too long."""
        number = self._number

        def look() -> None:
            exchange = self._exchange
            if exchange is None or self._number != number:
                return
            if self._loop.clock.now_ns() < self._heard_ns + self._given_up_after_ns:
                self._loop.at(self._heard_ns + self._given_up_after_ns, look)
                return
            self._given_up += 1
            self._missing_packets += exchange.missing_packets
            self._next()

        self._loop.at(self._heard_ns + self._given_up_after_ns, look)

    @property
    def outcome(self) -> dict[str, Any]:
        """What is said at the end; `exchange_ns` is the mean, None without a complete exchange."""
        mean_ns = self._exchanges_ns // self._completed if self._completed else None
        return {
            "steps": self._number // self._experts.layers,
            "exchange_ns": mean_ns,
            "given_up": self._given_up,
        }

    @property
    def remarks(self) -> list[str]:
        """What makes the numbers worth a second look."""
        if not self._given_up:
            return []
        return [
            f"{counted(self._given_up, 'exchange')} given up, with "
            f"{counted(self._missing_packets, 'packet')} that never came: a queue was full, or something is "
            "broken"
        ]

    def close(self) -> None:
        """Close sockets and logs."""
        for datagrams in (each for rank in self._ranks for each in rank.sockets):
            datagrams.close()
        for log in self._logs.values():
            log.close()
