"""One end of a workload that a package brings: what its programs are given to work with.

    STREAMS = (Stream(PACKET),)

    def at_source(parameters: Parameters, end: End) -> list[Part]:
        return [PacketSource(end, packets(parameters, end))]

    def at_destination(parameters: Parameters, end: End) -> list[Part]:
        return [PacketSink(end)]

A part has `start` and `close`; all parts of an end share one loop, in one process on their host. Instants are
nanoseconds since the start of the scenario.
"""

from dataclasses import dataclass
from pathlib import Path
from random import Random

from testbed.errors import InvariantError
from testbed.host import ports
from testbed.host.datagrams import Datagrams
from testbed.host.loop import Loop
from testbed.host.process import Part
from testbed.model.base import Direction
from testbed.model.workload import Stream, StreamMeasure
from testbed.record.streams import ReceivedLog, SentLog

PORTS_PER_WORKLOAD = ports.WORKLOADS.each
"""UDP ports that both ends may use, from `End.first_port` on."""
PACKET, MESSAGE = StreamMeasure.PACKET, StreamMeasure.MESSAGE

__all__ = ["MESSAGE", "PACKET", "PORTS_PER_WORKLOAD", "End", "Part", "Stream"]


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """A workload as the program at one of its ends sees it.

    `loop` calls at instants and when a socket can be read; `loop.clock` tells the time. `address` is that of
    this end, `other_address` that of the other one.
    """

    loop: Loop
    name: str
    starts_at_ns: int
    ends_at_ns: int
    address: str
    other_address: str
    first_port: int
    seed: int
    streams: tuple[Stream, ...]
    direction: Direction
    logs: Path

    def random(self, purpose: str) -> Random:
        """A generator that follows from the scenario's seed, the workload's name and a purpose.

        Both ends get the same numbers for the same purpose, so that what one of them draws need not be sent.
        """
        return Random(f"{self.seed}/{self.name}/{purpose}")

    def datagrams(self, port: int = 0) -> Datagrams:
        """A UDP socket on our port number `port`, 0 to 7, connected to the same port of the other end.

        Raises:
            KernelError: It is taken already.
        """
        if not 0 <= port < PORTS_PER_WORKLOAD:
            raise InvariantError(
                f"workload {self.name}: port {port}; there are 0 to {PORTS_PER_WORKLOAD - 1}"
            )
        datagrams = Datagrams(self.loop.clock, self.address, self.first_port + port)
        datagrams.connect(self.other_address, self.first_port + port)
        return datagrams

    def sent(self, measure: StreamMeasure = PACKET, *, back: bool = False) -> SentLog:
        """The log of what is sent in a stream; only the end that sends it has one.

        Raises:
            InvariantError: It is not among the kind's STREAMS.
        """
        return SentLog(self.logs, session=self.name, measure=measure, direction=self._way(measure, back))

    def received(self, measure: StreamMeasure = PACKET, *, back: bool = False) -> ReceivedLog:
        """The log of what is received in a stream; only the end that receives it has one.

        Raises:
            InvariantError: It is not among the kind's STREAMS.
        """
        return ReceivedLog(self.logs, session=self.name, measure=measure, direction=self._way(measure, back))

    def _way(self, measure: StreamMeasure, back: bool) -> Direction:
        if Stream(measure, back) not in self.streams:
            raise InvariantError(
                f"workload {self.name} records {Stream(measure, back)}, which is not in STREAMS"
            )
        return self.direction.reverse if back else self.direction
