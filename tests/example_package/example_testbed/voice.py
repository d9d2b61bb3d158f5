"""Speech: spurts of packets at a fixed interval, with pauses between them, one way.

A packet is measured from its sending to its arrival, and a spurt, as a message, from the sending of its first
packet to the arrival of its last one.
"""

from collections.abc import Iterator

from testbed.model.base import Duration, Size, Value
from testbed.workload.end import MESSAGE, PACKET, End, Part, Stream
from testbed.workload.numbered import Packet, PacketSink, PacketSource

STREAMS = (Stream(PACKET), Stream(MESSAGE))


class Parameters(Value):
    """The packets, and the mean lengths of spurts and pauses, which are exponentially distributed."""

    interval_ns: Duration = 20_000_000
    """From packet to packet of a spurt."""
    packet_bytes: Size = 200
    """Of one IP packet."""
    spurt_ns: Duration = 400_000_000
    """The mean length of a spurt."""
    pause_ns: Duration = 600_000_000
    """The mean length of a pause."""


def spurts(parameters: Parameters, end: End) -> Iterator[tuple[int, int]]:
    """The first instant of each spurt, and its packets. Both ends draw the same."""
    random, at_ns = end.random("spurts"), end.starts_at_ns
    while at_ns < end.ends_at_ns:
        drawn = 1 + int(random.expovariate(parameters.interval_ns / parameters.spurt_ns))
        count = min(drawn, -(-(end.ends_at_ns - at_ns) // parameters.interval_ns))
        yield at_ns, count
        at_ns += count * parameters.interval_ns + int(random.expovariate(1 / parameters.pause_ns))


def at_source(parameters: Parameters, end: End) -> list[Part]:
    """Who speaks."""
    spoken = [*spurts(parameters, end)]
    packets = (
        Packet(at_ns + number * parameters.interval_ns, parameters.packet_bytes)
        for at_ns, count in spoken
        for number in range(count)
    )
    return [Speaker(end, packets, [count for _, count in spoken])]


def at_destination(parameters: Parameters, end: End) -> list[Part]:
    """Who listens."""
    return [Listener(end, [count for _, count in spurts(parameters, end)])]


class Speaker(PacketSource):
    """Logs a spurt with its first packet."""

    def __init__(self, end: End, packets: Iterator[Packet], counts: list[int]) -> None:
        super().__init__(end, packets, on_sent=self._sent)
        self._messages, self._counts = end.sent(MESSAGE), counts
        self._firsts = {sum(counts[:spurt]): spurt for spurt in range(len(counts))}

    def _sent(self, number: int, at_ns: int) -> None:
        if number in self._firsts:
            spurt = self._firsts[number]
            self._messages.write(spurt, self._counts[spurt], at_ns)

    def close(self) -> None:
        """Close the logs."""
        super().close()
        self._messages.close()


class Listener(PacketSink):
    """Logs a spurt when all its packets are there."""

    def __init__(self, end: End, counts: list[int]) -> None:
        super().__init__(end, on_received=self._received)
        self._messages = end.received(MESSAGE)
        self._spurt_of = [spurt for spurt, count in enumerate(counts) for _ in range(count)]
        self._missing = counts

    def _received(self, number: int, at_ns: int) -> None:
        spurt = self._spurt_of[number]
        self._missing[spurt] -= 1
        if not self._missing[spurt]:
            self._messages.write(spurt, at_ns)

    def close(self) -> None:
        """Take what has arrived, and close the logs."""
        super().close()
        self._messages.close()
