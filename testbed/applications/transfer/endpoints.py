"""Bulk from one node to another over all planes: the programs at both ends, with a socket for each plane.

A packet carries one block, its number first; the answer is that number, on the same plane. What is decided
about blocks and planes stands in `testbed.applications.transfer.striping`.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from testbed.applications.transfer.model import Transfer
from testbed.applications.transfer.striping import PROBE, Delivery, Output, PlaneChanged, Striper
from testbed.host.clock import Clock
from testbed.host.datagrams import NUMBER, Datagrams
from testbed.host.loop import Loop
from testbed.record.streams import ReceivedLog, SentLog

Say = Callable[..., None]
"""Tells the driver something: a kind, and fields."""
Way = tuple[str, str]
"""The addresses of the source and of the destination in one plane."""


def _socket(clock: Clock, here: str, there: str, port: int) -> Datagrams:
    datagrams = Datagrams(clock, here, port)
    datagrams.hold_much()
    datagrams.connect(there, port)
    return datagrams


class TransferSource:
    """Sends blocks from `starts` until `ends`, and then again what was lost of them.

    Says `plane` when it gives one up or finds it alive: its number from 1, `alive`, `after_ns`.
    """

    def __init__(
        self, loop: Loop, transfer: Transfer, ways: Sequence[Way], port: int, log: SentLog, say: Say
    ) -> None:
        self._loop, self._transfer, self._log, self._say = loop, transfer, log, say
        self._planes = [_socket(loop.clock, here, there, port) for here, there in ways]
        self._striper = Striper(
            len(ways), transfer.window_blocks, int(transfer.timeout_ns), int(transfer.retry_ns)
        )
        self._payload = bytearray(transfer.block_bytes)
        self._probe = NUMBER.pack(PROBE)
        self._armed_for_ns: int | None = None

    def start(self) -> None:
        """Set out to send from the transfer's start."""
        for plane, datagrams in enumerate(self._planes):
            self._loop.on_readable(datagrams, partial(self._hear, plane))
        self._loop.at(self._transfer.starts_at_ns, self._begin)
        self._loop.at(self._transfer.ends_at_ns, self._striper.finish)

    def _begin(self) -> None:
        self._carry_out(self._striper.begin(self._loop.clock.now_ns()))

    def _hear(self, plane: int) -> None:
        for number, _, _ in self._planes[plane].waiting_numbers():
            self._carry_out(self._striper.acknowledged(plane, number, self._loop.clock.now_ns()))

    def _wake(self) -> None:
        self._armed_for_ns = None
        self._carry_out(self._striper.wake(self._loop.clock.now_ns()))

    def _carry_out(self, outputs: Sequence[Output]) -> None:
        for output in outputs:
            if isinstance(output, PlaneChanged):
                self._tell(output)
            elif output.number == PROBE:
                self._planes[output.plane].send_one(self._probe)
            else:
                NUMBER.pack_into(self._payload, 0, output.number)
                if not output.again:
                    self._log.write(output.number, len(self._payload), self._loop.clock.now_ns())
                self._planes[output.plane].send_one(self._payload)
        self._arm()

    def _tell(self, change: PlaneChanged) -> None:
        self._say(
            "plane",
            at_ns=self._loop.clock.now_ns(),
            plane=change.plane + 1,
            alive=change.alive,
            after_ns=change.after_ns,
            blocks=change.blocks,
        )

    def _arm(self) -> None:
        """Have a timer for the striper. Most acknowledgements only put it off, so one timer serves many."""
        due_ns = self._striper.wake_at_ns
        if due_ns is not None and (self._armed_for_ns is None or due_ns < self._armed_for_ns):
            self._armed_for_ns = due_ns
            self._loop.at(due_ns, self._wake)

    @property
    def outcome(self) -> dict[str, Any]:
        """What is said at the end."""
        return {"blocks": self._striper.blocks, "blocks_sent_again": self._striper.sent_again}

    def close(self) -> None:
        """Close sockets and log."""
        for datagrams in self._planes:
            datagrams.close()
        self._log.close()


class TransferSink:
    """Answers every block, keeps each once, and says `rate` of what came in each `sample`.

    What arrives after the transfer's end is delivered, and belongs to no rate.
    """

    def __init__(
        self, loop: Loop, transfer: Transfer, ways: Sequence[Way], port: int, log: ReceivedLog, say: Say
    ) -> None:
        self._loop, self._transfer, self._log, self._say = loop, transfer, log, say
        self._planes = [_socket(loop.clock, there, here, port) for here, there in ways]
        self._delivery = Delivery()
        self._sampled_bytes = self._in_time_bytes = 0

    def start(self) -> None:
        """Set out to receive, and to sample while the transfer lasts."""
        for plane, datagrams in enumerate(self._planes):
            self._loop.on_readable(datagrams, partial(self._take, plane))
        self._sample_after(self._transfer.starts_at_ns)

    def _take(self, plane: int) -> None:
        datagrams = self._planes[plane]
        for number, size_bytes, at_ns in datagrams.waiting_numbers():
            datagrams.send_one(NUMBER.pack(number))
            if number == PROBE or not self._delivery.take(number, at_ns):
                continue
            self._log.write(number, at_ns)
            if at_ns <= self._transfer.ends_at_ns:
                self._in_time_bytes += size_bytes

    def _sample_after(self, from_ns: int) -> None:
        """Sample the time from an instant on; the last sample ends with the transfer, and may be shorter."""
        to_ns = min(from_ns + self._transfer.sample_ns, self._transfer.ends_at_ns)
        if to_ns > from_ns:
            self._loop.at(to_ns, lambda: self._sample(from_ns, to_ns))

    def _sample(self, from_ns: int, to_ns: int) -> None:
        new_bytes = self._in_time_bytes - self._sampled_bytes
        self._sampled_bytes = self._in_time_bytes
        rate_bps = new_bytes * 8 * 10**9 // (to_ns - from_ns)
        self._say("rate", at_ns=to_ns, throughput_bps=rate_bps)
        self._sample_after(to_ns)

    @property
    def outcome(self) -> dict[str, Any]:
        """What is said at the end: the bytes that came in time, and the longest waits for more."""
        return {
            "blocks": self._delivery.blocks,
            "in_time_bytes": self._in_time_bytes,
            "outage_ns": self._delivery.outage_ns,
            "stalled_ns": self._delivery.stalled_ns,
        }

    def close(self) -> None:
        """Close sockets and log."""
        for datagrams in self._planes:
            datagrams.close()
        self._log.close()
