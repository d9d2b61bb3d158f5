"""Runs inside the embedded kernel: `striped.py OUTPUT PLANES [CUT…]`, a transfer over a fabric that breaks.

CUT are planes, counted from 1, that carry nothing from 20 ms to 30 ms. Writes `striped.json`: the instants at
which blocks arrived, what was said of planes, and what both ends say at the end.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from testbed.applications.transfer.endpoints import TransferSink, TransferSource
from testbed.applications.transfer.model import Transfer
from testbed.host.clock import Clock, use_exact_timers
from testbed.host.loop import Loop
from testbed.model.base import ACROSS
from testbed.net.emulation import Emulation
from testbed.net.namespaces import unshare
from testbed.plan.fabric import plane_ip
from testbed.plan.make import make_plan
from testbed.record.samples import StreamName, join
from testbed.record.streams import ReceivedLog, SentLog
from topologies import supernode

MS = 1_000_000
RATE_BPS = 100_000_000_000
CUT_AT_NS, MENDED_AT_NS = 20 * MS, 30 * MS
TRANSFER = Transfer.model_validate(
    {
        "source": "npu1",
        "destination": "npu3",
        "starts": "10 ms",
        "ends": "40 ms",
        "window_blocks": 8,
        "timeout": "500 us",
        "retry": "1 ms",
        "sample": "1 ms",
    }
)


def main(output: Path, planes: int, cut: list[int]) -> None:
    use_exact_timers()
    unshare()
    plan = make_plan(
        supernode.network(supernode.Parameters(nodes=4, per_chassis=2, planes=planes, rate_bps=RATE_BPS))
    )
    broken = [
        interface.name
        for interface in plan.interfaces
        if {interface.station, interface.peer_station} & {f"plane{plane}" for plane in cut}
    ]
    said: list[dict[str, Any]] = []

    def say(kind: str, **fields: Any) -> None:
        if kind == "plane":
            said.append(fields)

    log = {"session": "bulk", "measure": "block", "direction": ACROSS}
    with Emulation(plan) as emulation:
        loop = Loop(Clock(-(-(time.clock_gettime_ns(time.CLOCK_REALTIME) + 2 * 10**9) // 10**9) * 10**9))
        ips = [
            tuple(plane_ip(plane, plan.address(node).ip) for node in ("npu1", "npu3"))
            for plane in range(planes)
        ]
        with emulation.inside("npu1"):
            source = TransferSource(loop, TRANSFER, ips, 5000, SentLog(output, **log), say)
        with emulation.inside("npu3"):
            sink = TransferSink(loop, TRANSFER, ips, 5000, ReceivedLog(output, **log), say)
        emulation.prepare_faults(broken)
        for part in (source, sink):
            part.start()
        loop.at(CUT_AT_NS, lambda: emulation.cut(broken))
        loop.at(MENDED_AT_NS, lambda: emulation.mend(broken))
        loop.at(200 * MS, loop.stop)
        loop.run()
        for part in (source, sink):
            part.close()
        lost = sum(emulation.dropped(name) for name in broken)
    blocks = join(output, StreamName("bulk", "block", ACROSS))
    result = {
        "arrived_at_ns": blocks.received_at_ns.tolist(),
        "longest_delay_ns": int((blocks.received_at_ns - blocks.sent_at_ns).max()),
        "planes": said,
        "source": source.outcome,
        "sink": sink.outcome,
        "packets_lost": lost,
    }
    (output / "striped.json").write_text(json.dumps(result))


main(Path(sys.argv[1]), int(sys.argv[2]), [int(plane) for plane in sys.argv[3:]])
