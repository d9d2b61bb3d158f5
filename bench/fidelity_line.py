"""What `fidelity.py` runs inside the embedded kernel: a PON, traffic on it, and what came out.

    fidelity_line.py OUTPUT

Reads the cases from OUTPUT/cases.json and writes what was measured to OUTPUT/measured.json, in the same
order. Nothing is judged here.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testbed.host.clock import Clock, use_exact_timers
from testbed.host.control import Control
from testbed.host.datagrams import HEADERS_BYTES, Datagrams
from testbed.model.access import Access, Subscription
from testbed.model.base import DOWNSTREAM, UPSTREAM, Direction
from testbed.model.pon import Pon
from testbed.net.emulation import Emulation
from testbed.net.mininet_links import ShapedIntf
from testbed.net.namespaces import unshare
from testbed.net.olt import Olt
from testbed.net.shaper import PonShaper
from testbed.plan.make import make_plan
from testbed.plan.network_plan import NetworkPlan
from testbed.plan.pon_ports import tos_of
from testbed.pon import encapsulated_bytes, framing
from topologies import elastic_access

CASES_FILE, MEASURED_FILE = "cases.json", "measured.json"
NODE, PORT = "node", 5000
ETHERNET_BYTES, FCS_BYTES = 14, 4
PROBES = 1000
PROBE_INTERVAL_NS = 1_000_125
"""The phase in a frame of 125 us moves on by 125 ns a probe, so a thousand visit all of it once."""
PROBE_BYTES = 100
"""Of the Ethernet frame, without FCS."""
CHUNK_NS = 125_000
TBIT_BPS = 10**12


@dataclass(frozen=True)
class Line:
    """A PON in operation: its OLT grants, its hosts may send."""

    emulation: Emulation
    plan: NetworkPlan
    pon: Pon
    upstream: PonShaper

    def frame_ns(self) -> int:
        """The length of its upstream frames."""
        return self._port().framing.frame_ns

    def next_frame_at_ns(self, after_ns: int) -> int:
        """The start of the first upstream frame from an instant of CLOCK_MONOTONIC on."""
        port = self._port()
        frames = -(-(after_ns - port.epoch_ns) // port.framing.frame_ns)
        return port.epoch_ns + frames * port.framing.frame_ns

    def _port(self) -> Any:
        return self.plan.pon_port(UPSTREAM).pon_port


def access_of(queue_bytes: int) -> Access:
    """Homes that may use the whole line, best effort."""
    offer = Subscription(rate_bps=TBIT_BPS, committed_bps=0, queue_bytes=queue_bytes)
    return Access(downstream=offer, upstream=offer)


@contextmanager
def running(case: dict[str, Any]) -> Iterator[Line]:
    """The network of a case with its OLT; everything is gone on leaving."""
    parameters = elastic_access.Parameters.model_validate(
        {
            "pon": case["standard"],
            "onus": case.get("onus", 1),
            "split": 128,
            "fibre_m": case.get("fibre_m", 0),
            "metro_m": 0,
            "mtu_bytes": 9000,
            "nodes": {NODE: {"delay_ns": 0, "rate_bps": TBIT_BPS}},
        }
    )
    pon = Pon.model_validate(case.get("pon", {}))
    plan = make_plan(elastic_access.network(parameters), access_of(case.get("queue_bytes", 4_000_000)), pon)
    with Emulation(plan) as emulation:
        ours, theirs = Control.pair()
        pid = emulation.fork("olt", lambda: _olt(theirs, emulation, plan))
        theirs.close()
        try:
            if ours.hear() != {"kind": "ready"}:
                raise SystemExit("the OLT did not come up")
            ours.say("go")
            yield Line(emulation, plan, pon, emulation.upstream_line())
            ours.say("stop")
            done = ours.hear()
            if done is None or done["remarks"]:
                raise SystemExit(f"the OLT said {done}")
        finally:
            ours.close()
            os.waitpid(pid, 0)


def _olt(control: Control, emulation: Emulation, plan: NetworkPlan) -> None:
    port = plan.pon_port(UPSTREAM).pon_port
    assert plan.pon is not None
    assert port is not None
    Olt(control, plan.pon, port, emulation.upstream_line()).run()


def started(line: Line, programs: dict[str, list[Callable[[], None]]]) -> list[int]:
    """Programs on hosts, with exact timers; their process ids."""

    def exact(program: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            use_exact_timers()
            program()

        return run

    return [line.emulation.fork(host, exact(each)) for host, several in programs.items() for each in several]


def finished(pids: list[int]) -> None:
    """Wait for programs; one that failed fails this one."""
    for pid in pids:
        if status := os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]):
            raise SystemExit(f"a program on a host ended with status {status}")


def clock_from_now(after_ns: int = 5_000_000) -> Clock:
    """A clock that begins shortly, when the OLT has settled."""
    return Clock(time.clock_gettime_ns(time.CLOCK_REALTIME) + after_ns)


def sender(
    line: Line, clock: Clock, home: str, direction: Direction, tcont: str | None, port: int = PORT
) -> Datagrams:
    """A socket from a home to a port of the node, or back, marked for a class of traffic."""
    here, there = (home, NODE) if direction is UPSTREAM else (NODE, home)
    datagrams = Datagrams(clock, line.plan.address(here).ip, 0)
    datagrams.mark(tos_of(line.pon, tcont) if tcont else 0)
    datagrams.connect(line.plan.address(there).ip, port)
    return datagrams


def idle_delay(case: dict[str, Any]) -> dict[str, Any]:
    """Probes over an idle line, in all phases of a frame: the delays of all of them, in ns."""
    with running(case) as line:
        # Made when the OLT runs already: whoever holds the writing end keeps the reader waiting.
        told, tell = os.pipe()
        clock = clock_from_now()

        def send() -> None:
            datagrams = sender(line, clock, "home1", UPSTREAM, case.get("tcont"))
            payload_bytes = PROBE_BYTES - ETHERNET_BYTES - HEADERS_BYTES
            for number in range(PROBES):
                clock.sleep_until(number * PROBE_INTERVAL_NS)
                datagrams.send([clock.now_ns().to_bytes(8).ljust(payload_bytes, b"\0")])

        def receive() -> None:
            datagrams = Datagrams(clock, line.plan.address(NODE).ip, PORT)
            clock.sleep_until(PROBES * PROBE_INTERVAL_NS + 10_000_000)
            delays_ns = [at_ns - int.from_bytes(data[:8]) for data, at_ns in datagrams.waiting()]
            with os.fdopen(tell, "w") as answer:
                json.dump(delays_ns, answer)

        pids = started(line, {NODE: [receive], "home1": [send]})
        os.close(tell)
        with os.fdopen(told) as answer:
            delays_ns = json.load(answer)
        finished(pids)
    return {"delays_ns": delays_ns}


def saturate(
    line: Line, clock: Clock, load: dict[str, Any], until_ns: int, port: int = PORT
) -> Callable[[], None]:
    """A program that offers frames of one size at a rate, counted as carried by the PON."""
    direction = Direction(load["direction"])
    frame_bytes = load["frame_bytes"] - FCS_BYTES
    carried_bytes = encapsulated_bytes(framing(line.plan.pon.standard, direction), frame_bytes)  # type: ignore[union-attr]

    def program() -> None:
        datagrams = sender(line, clock, load["home"], direction, load.get("tcont"), port)
        payload = bytes(frame_bytes - ETHERNET_BYTES - HEADERS_BYTES)
        sent, at_ns = 0, load.get("starts_at_ns", 0)
        begun_ns, chunk_ns = at_ns, chunk_of(load["rate_bps"], carried_bytes)
        while at_ns < until_ns:
            clock.sleep_until(at_ns)
            due = load["rate_bps"] * (at_ns - begun_ns + chunk_ns) // (8 * 10**9 * carried_bytes)
            if due > sent:
                datagrams.send([payload] * (due - sent))
                sent = due
            at_ns += chunk_ns

    return program


def chunk_of(rate_bps: int, carried_bytes: int) -> int:
    """How often to send: in every frame, and at low rates as rarely as eight packets are due, within 1 ms."""
    eight_ns = 8 * carried_bytes * 8 * 10**9 // rate_bps
    return min(max(eight_ns // CHUNK_NS * CHUNK_NS, CHUNK_NS), 8 * CHUNK_NS)


def packets_past(line: Line, direction: Direction) -> int:
    """How many packets have come out of the PON's line in a direction, by its far end's counter."""
    port = line.plan.pon_port(direction)
    far: ShapedIntf = line.emulation.mininet.get(port.peer_station).nameToIntf[port.peer_name]
    return far.state().received_packets


def sleep_until_monotonic(at_ns: int) -> None:
    """Wait for an instant of CLOCK_MONOTONIC."""
    time.sleep(max(at_ns - time.clock_gettime_ns(time.CLOCK_MONOTONIC), 0) / 1e9)


def discard(line: Line, clock: Clock, host: str, until_ns: int, port: int = PORT) -> Callable[[], None]:
    """A program that owns the port and reads nothing: what does not fit its socket is discarded there."""

    def program() -> None:
        datagrams = Datagrams(clock, line.plan.address(host).ip, port)
        clock.sleep_until(until_ns)
        datagrams.close()

    return program


def throughput(case: dict[str, Any]) -> dict[str, Any]:
    """Packets that pass the line in a whole number of frames, and what every T-CONT has sent in them."""
    direction = Direction(case["loads"][0]["direction"]) if case["loads"] else UPSTREAM
    with running(case) as line:
        clock = clock_from_now()
        epoch_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC) - clock.now_ns()
        frame_ns = line.frame_ns()
        begin_ns = line.next_frame_at_ns(epoch_ns + case["settle_ns"])
        if direction is DOWNSTREAM:
            begin_ns = -(-begin_ns // frame_ns) * frame_ns
        end_ns = begin_ns + case["frames"] * frame_ns
        until_ns = end_ns - epoch_ns + CHUNK_NS
        programs: dict[str, list[Callable[[], None]]] = {}
        for load in case["loads"]:
            host = load["home"] if direction is UPSTREAM else NODE
            programs.setdefault(host, []).append(saturate(line, clock, load, until_ns))
        sink = case["loads"][0]["home"] if direction is DOWNSTREAM else NODE
        pids = started(line, {sink: [discard(line, clock, sink, until_ns)]}) + started(line, programs)
        counts = []
        for at_ns in (begin_ns, end_ns):
            sleep_until_monotonic(at_ns)
            counts.append((packets_past(line, direction), used_bytes(line)))
        finished(pids)
    (packets_before, before), (packets_after, after) = counts
    return {
        "packets": packets_after - packets_before,
        "for_ns": end_ns - begin_ns,
        "used_bytes": {alloc_id: (used - before[alloc_id]) % 2**32 for alloc_id, used in after.items()},
    }


def used_bytes(line: Line) -> dict[int, int]:
    """What every T-CONT has sent, with all headers and padding, by Alloc-ID; wraps at 2^32."""
    return {report.minor: report.used_bytes for report in line.upstream.exchange().reports}


def restoration(case: dict[str, Any]) -> dict[str, Any]:
    """When the packets of one load have arrived, while the others saturate the line; ns since it began."""
    own, *others = case["loads"]
    elsewhere = PORT + 1
    with running(case) as line:
        # Made when the OLT runs already: whoever holds the writing end keeps the reader waiting.
        told, tell = os.pipe()
        clock = clock_from_now()
        until_ns = case["until_ns"]

        def receive() -> None:
            datagrams = Datagrams(clock, line.plan.address(NODE).ip, PORT)
            arrivals_ns = []
            for at_ns in range(0, until_ns, 2_000_000):
                clock.sleep_until(at_ns)
                arrivals_ns += [arrived_ns - own["starts_at_ns"] for _, arrived_ns in datagrams.waiting()]
            with os.fdopen(tell, "w") as answer:
                json.dump(arrivals_ns, answer)

        programs = {NODE: [receive, discard(line, clock, NODE, until_ns, elsewhere)]}
        programs.setdefault(own["home"], []).append(saturate(line, clock, own, until_ns))
        for load in others:
            programs.setdefault(load["home"], []).append(saturate(line, clock, load, until_ns, elsewhere))
        pids = started(line, programs)
        os.close(tell)
        with os.fdopen(told) as answer:
            arrivals_ns = json.load(answer)
        finished(pids)
    return {"arrivals_ns": arrivals_ns}


MEASURES = {"idle_delay": idle_delay, "throughput": throughput, "restoration": restoration}


def main(output: Path) -> None:
    """Measure every case, write down all."""
    unshare()
    # A kernel just booted is still settling its own timers.
    time.sleep(2)
    cases = json.loads((output / CASES_FILE).read_text(encoding="utf-8"))
    measured = [MEASURES[case["measure"]](case) for case in cases]
    (output / MEASURED_FILE).write_text(json.dumps(measured), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
