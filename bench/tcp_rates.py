"""What one TCP connection carries over a shaped link: this testbed beside stock Mininet, in one boot.

    .venv/bin/python bench/tcp_rates.py [--json]

The link's rate is charged for whole Ethernet frames without their FCS, as Linux counts them, and for the
overhead that was declared. Of such a frame of 1514 bytes, 1448 are TCP payload: 14 Ethernet, 20 IPv4,
20 TCP and 12 of its timestamps are not. So a link at `rate` carries rate * 1448 / (1514 + overhead).
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from testbed.applications.flows.model import Flow
from testbed.errors import TestbedError
from testbed.host.clock import Clock, use_exact_timers
from testbed.host.loop import Loop
from testbed.model.network import Egress, Network, Role, Station, Wire
from testbed.net.emulation import Emulation
from testbed.net.namespaces import enter, namespace_path
from testbed.plan.make import make_plan
from testbed.units import RATE
from testbed.venue.kernel import require
from testbed.venue.virtual import OUTPUT_IN_GUEST, Boot, boot
from testbed.workload.bulk import TcpSink, TcpSource

PAYLOAD_BYTES, FRAME_BYTES = 1448, 1514
DELAY_NS = 100_000
QUEUE_BYTES = 8_000_000
"""More than the receiver's window, which is half its buffer: TCP fills the link and loses nothing."""
RECEIVE_BUFFER_BYTES = 8_000_000
"""From the start, not tuned: the kernel's tuning goes by how long reading takes, here no time at all."""
WARM_UP_NS = 50_000_000
SHORTEST_NS = 200_000_000
LEAST_BITS = 800_000_000
"""Measured over at least this much, because the sink reads in steps of 32 kB."""
PORT = 5001
RESULTS_FILE = "rates.json"


@dataclass(frozen=True, slots=True)
class Case:
    """One link to measure: who shapes it ("testbed" or "mininet"), to which rate, with which overhead."""

    shaper: str
    rate_bps: int
    overhead_bytes: int = 0

    @classmethod
    def parse(cls, text: str) -> "Case":
        """Read `SHAPER:RATE_BPS:OVERHEAD_BYTES`."""
        shaper, rate_bps, overhead_bytes = text.split(":")
        return cls(shaper, int(rate_bps), int(overhead_bytes))

    def __str__(self) -> str:
        return f"{self.shaper}:{self.rate_bps}:{self.overhead_bytes}"

    @property
    def expected_bps(self) -> int:
        """The payload's share of the rate."""
        return self.rate_bps * PAYLOAD_BYTES // (FRAME_BYTES + self.overhead_bytes)


RATES_BPS = (10**9, 10 * 10**9, 25 * 10**9, 50 * 10**9)
CASES = tuple(Case(shaper, rate_bps) for rate_bps in RATES_BPS for shaper in ("testbed", "mininet"))


@contextmanager
def our_link(case: Case) -> Iterator[Any]:
    """Two hosts, near and far, of the testbed."""
    egress = Egress(
        delay_ns=DELAY_NS,
        rate_bps=case.rate_bps,
        queue_bytes=QUEUE_BYTES,
        overhead_bytes=case.overhead_bytes,
    )
    network = Network(
        name="link",
        stations=(
            Station(name="near", role=Role.COMPUTE),
            Station(name="between", role=Role.METRO),
            Station(name="far", role=Role.COMPUTE),
        ),
        wires=(
            Wire(a="near", b="between", a_egress=egress),
            Wire(a="far", b="between", a_egress=Egress(delay_ns=DELAY_NS)),
        ),
    )
    with Emulation(make_plan(network)) as emulation:
        yield emulation.mininet


@contextmanager
def mininet_link(case: Case) -> Iterator[Any]:
    """Two hosts, near and far, of stock Mininet; it takes the rate in Mbit/s."""
    from mininet.link import TCLink
    from mininet.net import Mininet

    network = Mininet(link=TCLink, controller=None)
    near, far = network.addHost("near"), network.addHost("far")
    network.addLink(near, far, bw=case.rate_bps / 1e6, delay=f"{DELAY_NS // 1000}us")
    try:
        network.start()
        yield network
    finally:
        network.stop()


LINKS = {"testbed": our_link, "mininet": mininet_link}


def measure(case: Case) -> int:
    """The payload rate that one connection got from near to far, in bit/s."""
    for_ns = max(SHORTEST_NS, LEAST_BITS * 10**9 // case.rate_bps)
    ends_at_ns = WARM_UP_NS + for_ns
    with LINKS[case.shaper](case) as network:
        near, far = network.get("near"), network.get("far")
        clock = Clock(time.clock_gettime_ns(time.CLOCK_REALTIME) + 1_000_000)
        told, tell = os.pipe()
        flow = Flow(protocol="tcp", source="near", destination="far", starts_at_ns=0, ends_at_ns=ends_at_ns)

        def receive() -> None:
            sizes = f"4096 {RECEIVE_BUFFER_BYTES} {RECEIVE_BUFFER_BYTES}"
            Path("/proc/sys/net/ipv4/tcp_rmem").write_text(sizes)
            loop, counts = Loop(clock), []
            sink = TcpSink(loop, flow, far.IP(), PORT)
            loop.at(WARM_UP_NS, lambda: counts.append(sink.received_bytes))
            loop.at(ends_at_ns, lambda: counts.append(sink.received_bytes))
            loop.at(ends_at_ns, loop.stop)
            loop.run()
            os.write(tell, str((counts[1] - counts[0]) * 8 * 10**9 // for_ns).encode())

        def send() -> None:
            loop = Loop(clock)
            TcpSource(loop, flow, near.IP(), far.IP(), PORT).start()
            loop.at(ends_at_ns, loop.stop)
            loop.run()

        for pid in (_fork(far.pid, receive), _fork(near.pid, send)):
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            if status:
                raise SystemExit(f"{case}: a program on a host ended with status {status}")
        os.close(tell)
        with os.fdopen(told) as answer:
            return int(answer.read())


def _fork(namespace_of: int, program: Callable[[], None]) -> int:
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            use_exact_timers()
            enter(namespace_path(namespace_of))
            program()
            status = 0
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            os._exit(status)
    return pid


def inside(output: Path, cases: list[Case]) -> None:
    """What runs in the embedded kernel: measure every case, write down all."""
    rows = [
        {**asdict(case), "expected_bps": case.expected_bps, "measured_bps": measure(case)} for case in cases
    ]
    (output / RESULTS_FILE).write_text(json.dumps(rows), encoding="utf-8")


def measured_in_kernel(cases: tuple[Case, ...], output: Path) -> tuple[list[dict[str, Any]], float]:
    """Boot, measure; the rows, and the wall time.

    Raises:
        TestbedError: No kernel, or it failed.
        SystemExit: A measurement failed; says so with the console.
    """
    command = (sys.executable, str(Path(__file__).resolve()), "--inside", OUTPUT_IN_GUEST, *map(str, cases))
    request = Boot(command=command, output_dir=output, seed=1, wall_limit_s=600, stall_limit_s=600)
    outcome = boot(require(), request, on_progress=lambda _progress: None)
    if outcome.exit_status:
        raise SystemExit(outcome.console_path.read_text(encoding="utf-8", errors="replace"))
    return json.loads((output / RESULTS_FILE).read_text(encoding="utf-8")), outcome.wall_s


def print_table(rows: list[dict[str, Any]]) -> None:
    """Ours and Mininet's, one below the other."""
    print(f"{'shaper':<8} {'configured':>13} {'expected':>16} {'measured':>16} {'error':>9}")
    for row in rows:
        error = row["measured_bps"] / row["expected_bps"] - 1
        print(
            f"{row['shaper']:<8} {RATE.format(row['rate_bps']):>13} {row['expected_bps'] / 1e9:>9.4f} Gbit/s"
            f" {row['measured_bps'] / 1e9:>9.4f} Gbit/s {error:>+9.2%}"
        )
    print(
        f"expected = configured x {PAYLOAD_BYTES}/{FRAME_BYTES}, the payload's share of a frame;"
        " Mininet ignores a bw above 1000 Mbit/s"
    )


def main() -> int:
    """The command line; see the top of the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    parser.add_argument("--inside", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        output, *cases = options.inside
        inside(Path(output), [Case.parse(case) for case in cases])
        return 0
    try:
        with tempfile.TemporaryDirectory(prefix="tcp-rates-") as output:
            rows, wall_s = measured_in_kernel(CASES, Path(output))
    except TestbedError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    if options.json:
        print(json.dumps({"benchmark": "tcp_rates", "wall_s": round(wall_s, 3), "rows": rows}, indent=2))
    else:
        print_table(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
