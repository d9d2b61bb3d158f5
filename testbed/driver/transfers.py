"""Transfers over a fabric: their ends started before time 0, and what becomes of them written down."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from testbed.applications.transfer.model import Transfer
from testbed.driver.children import Child, Children
from testbed.driver.fabric_protocols import FabricPrograms
from testbed.host.clock import Clock
from testbed.model.base import ACROSS
from testbed.record.logs import EventLog, RateLog


class Transfers:
    """All transfers of a run; `stop` stops a program and gives its last message."""

    def __init__(
        self,
        transfers: Mapping[str, Transfer],
        programs: FabricPrograms,
        children: Children,
        clock: Clock,
        events: EventLog,
        rates: RateLog,
        stop: Callable[[Child], dict[str, Any]],
    ) -> None:
        self._transfers, self._programs, self._children = transfers, programs, children
        self._clock, self._events, self._rates, self._stop_program = clock, events, rates, stop
        self._ends: dict[str, tuple[Child, Child]] = {}

    def start(self, logs: Path) -> None:
        """Start every sink and source; each sends from its transfer's own instant on."""
        for name, transfer in self._transfers.items():
            source = partial(self._programs.transfer_source, name, self._clock, logs=logs)
            sink = partial(self._programs.transfer_sink, name, self._clock, logs=logs)
            hear = partial(self._hear, name)
            self._ends[name] = (
                self._children.start(f"{name} source", transfer.source, source, hear),
                self._children.start(f"{name} sink", transfer.destination, sink, hear),
            )
        self._children.go(*(child for ends in self._ends.values() for child in ends))

    def _hear(self, name: str, _child: Child, message: dict[str, Any]) -> None:
        fields = {key: value for key, value in message.items() if key not in ("kind", "at_ns")}
        if message["kind"] == "plane":
            self._events.write("transfer.plane", message["at_ns"], transfer=name, **fields)
            return
        self._rates.write(message["at_ns"], session=name, direction=ACROSS, **fields)

    def stop(self) -> None:
        """Stop them all, and write down what came of each."""
        for name, (source, sink) in self._ends.items():
            sent, received = self._stop_program(source), self._stop_program(sink)
            transfer = self._transfers[name]
            if missing := sent["blocks"] - received["blocks"]:
                text = f"transfer {name}: {missing} of {sent['blocks']} blocks never arrived"
                self._events.write("warning", self._clock.now_ns(), text=text)
            duration_ns = int(transfer.ends_at_ns - transfer.starts_at_ns)
            self._events.write(
                "transfer.end",
                self._clock.now_ns(),
                transfer=name,
                received_bytes=received["in_time_bytes"],
                throughput_bps=received["in_time_bytes"] * 8 * 10**9 // duration_ns,
                blocks_sent_again=sent["blocks_sent_again"],
                outage_ns=received["outage_ns"],
                stalled_ns=received["stalled_ns"],
            )
