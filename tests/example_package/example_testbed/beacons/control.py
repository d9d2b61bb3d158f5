"""Beacons in a run: a program at each end, and what came of them."""

from collections.abc import Sequence
from functools import partial

from example_testbed.beacons.endpoints import Receiver, Sender
from example_testbed.beacons.events import BeaconEnded
from example_testbed.beacons.model import Beacon, Beacons
from testbed.driver.children import Child
from testbed.driver.run_context import Process, RunContext
from testbed.host.datagrams import Datagrams
from testbed.host.process import Part
from testbed.model.base import ACROSS
from testbed.record.streams import ReceivedLog, SentLog

FIRST_PORT = 47_000


class RunningBeacons:
    """All beacons of a run."""

    def __init__(self, run: RunContext) -> None:
        self._run, self._beacons = run, Beacons.of(run.scenario).beacons
        self._ends: dict[str, tuple[Child, Child]] = {}

    def start(self) -> None:
        """Start a receiver and a sender for each."""
        for index, (name, beacon) in enumerate(self._beacons.items()):
            receiver = partial(self._receiver, name, beacon, FIRST_PORT + index)
            sender = partial(self._sender, name, beacon, FIRST_PORT + index)
            self._ends[name] = (
                self._run.start(f"{name} receiver", beacon.destination, receiver),
                self._run.start(f"{name} sender", beacon.source, sender),
            )
        self._run.children.go(*(child for ends in self._ends.values() for child in ends))

    def _receiver(self, name: str, beacon: Beacon, port: int, process: Process) -> Sequence[Part]:
        log = ReceivedLog(self._run.folder, session=name, measure="beacon", direction=ACROSS)
        datagrams = Datagrams(self._run.clock, self._run.plan.address(beacon.destination).ip, port)
        return [Receiver(process.loop, datagrams, log)]

    def _sender(self, name: str, beacon: Beacon, port: int, process: Process) -> Sequence[Part]:
        log = SentLog(self._run.folder, session=name, measure="beacon", direction=ACROSS)
        datagrams = Datagrams(self._run.clock, self._run.plan.address(beacon.source).ip, port)
        datagrams.connect(self._run.plan.address(beacon.destination).ip, port)
        return [Sender(process.loop, beacon, datagrams, log)]

    def stop(self) -> None:
        """Stop both ends of each, and record its end."""
        for name, (receiver, sender) in self._ends.items():
            self._run.stop(sender)
            done = self._run.stop(receiver)
            self._run.event(
                BeaconEnded(beacon=name, received=done["received"], silence_ns=done["silence_ns"])
            )


PART = RunningBeacons
