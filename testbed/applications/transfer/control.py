"""Transfers in a run: their programs are started before time 0, and what came of each is recorded."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from testbed.applications.transfer.endpoints import TransferSink, TransferSource
from testbed.applications.transfer.events import TransferEnded, TransferPlaneChanged
from testbed.applications.transfer.model import Transfer, Transfers
from testbed.driver.children import Child
from testbed.driver.run_context import Process, RunContext
from testbed.host import ports
from testbed.host.process import Part
from testbed.model.base import ACROSS
from testbed.plan.fabric import addresses_towards
from testbed.record.events import RunWarning
from testbed.record.streams import ReceivedLog, SentLog


class RunningTransfers:
    """All transfers of a run."""

    def __init__(self, run: RunContext) -> None:
        self._run, self._transfers = run, Transfers.of(run.scenario).transfers
        self._ends: dict[str, tuple[Child, Child]] = {}

    def start(self) -> None:
        """Start every sink and source; each sends from its transfer's own instant on."""
        for index, (name, transfer) in enumerate(self._transfers.items()):
            start = partial(self._run.start, on_message=partial(self._record, name))
            port = ports.TRANSFERS.of(index)
            source = partial(self._source, name, transfer, port)
            sink = partial(self._sink, name, transfer, port)
            self._ends[name] = (
                start(f"{name} source", transfer.source, source),
                start(f"{name} sink", transfer.destination, sink),
            )
        self._run.children.go(*(child for ends in self._ends.values() for child in ends))

    def _source(self, name: str, transfer: Transfer, port: int, process: Process) -> Sequence[Part]:
        log = SentLog(self._run.folder, session=name, measure="block", direction=ACROSS)
        return [TransferSource(process.loop, transfer, self._planes(transfer), port, log, process.say)]

    def _sink(self, name: str, transfer: Transfer, port: int, process: Process) -> Sequence[Part]:
        log = ReceivedLog(self._run.folder, session=name, measure="block", direction=ACROSS)
        return [TransferSink(process.loop, transfer, self._planes(transfer), port, log, process.say)]

    def _planes(self, transfer: Transfer) -> list[tuple[str, str]]:
        """The addresses of the source and of the destination in each plane that joins them."""
        source, destination = transfer.source, transfer.destination
        here = addresses_towards(self._run.plan, source, [destination])
        there = addresses_towards(self._run.plan, destination, [source])
        return [*zip(here, there, strict=True)]

    def _record(self, name: str, _child: Child, message: dict[str, Any]) -> None:
        fields = {key: value for key, value in message.items() if key not in ("kind", "at_ns")}
        if message["kind"] == "plane":
            self._run.events.write(TransferPlaneChanged(transfer=name, **fields), message["at_ns"])
            return
        self._run.rates.write(message["at_ns"], session=name, direction=ACROSS, **fields)

    def stop(self) -> None:
        """Stop all programs, and record what came of each transfer."""
        for name, (source, sink) in self._ends.items():
            sent, received = self._run.stop(source), self._run.stop(sink)
            transfer = self._transfers[name]
            if missing := sent["blocks"] - received["blocks"]:
                text = f"transfer {name}: {missing} of {sent['blocks']} blocks never arrived"
                self._run.event(RunWarning(text=text))
            duration_ns = int(transfer.ends_at_ns - transfer.starts_at_ns)
            end = TransferEnded(
                transfer=name,
                received_bytes=received["in_time_bytes"],
                throughput_bps=received["in_time_bytes"] * 8 * 10**9 // duration_ns,
                blocks_sent_again=sent["blocks_sent_again"],
                outage_ns=received["outage_ns"],
                stalled_ns=received["stalled_ns"],
            )
            self._run.event(end)


PART = RunningTransfers
