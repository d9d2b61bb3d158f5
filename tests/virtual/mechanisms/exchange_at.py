"""Runs inside the embedded kernel: `exchange_at.py OUTPUT NODE NODE`, exchanges of two ranks on these nodes.

Every token needs both ranks, so each sends the other all of its tokens. Writes `exchange.json`: what each
exchange took, in ns, as its program says, and how many were given up.
"""

import json
import sys
import time
from pathlib import Path

from testbed.applications.experts.endpoints import ExpertRanks, Reach
from testbed.applications.experts.model import Experts
from testbed.applications.experts.routing import exchange_matrices
from testbed.host.clock import Clock, use_exact_timers
from testbed.host.loop import Loop
from testbed.net.emulation import Emulation
from testbed.net.namespaces import unshare
from testbed.plan.fabric import plane_ip
from testbed.plan.make import make_plan
from topologies import supernode

MODEL = Experts.model_validate(
    {
        "ranks": 2,
        "job": {"weight": 1},
        "experts": 2,
        "top": 2,
        "tokens": 8,
        "layers": 2,
        "starts": "10 ms",
        "ends": "60 ms",
        "interval": "10 ms",
    }
)
FABRIC = supernode.Parameters(nodes=4, per_chassis=2, rate_bps=100_000_000_000)


def main(output: Path, nodes: list[str]) -> None:
    use_exact_timers()
    unshare()
    plan, took_ns = make_plan(supernode.network(FABRIC)), list[int]()
    with Emulation(plan) as emulation:
        loop = Loop(Clock(-(-(time.clock_gettime_ns(time.CLOCK_REALTIME) + 2 * 10**9) // 10**9) * 10**9))
        matrices = exchange_matrices(MODEL, 1, "moe")
        ranks = ExpertRanks(
            loop,
            "moe",
            MODEL,
            nodes,
            Reach(
                addresses=lambda node: (plane_ip(0, plan.address(node).ip),),
                inside=emulation.inside,
                first_port=20_000,
                packet_bytes=60_000,
            ),
            lambda: next(matrices),
            output,
            lambda _kind, exchange_ns: took_ns.append(exchange_ns),
        )
        ranks.start()
        loop.at(10**9, loop.stop)
        loop.run()
        ranks.close()
    (output / "exchange.json").write_text(json.dumps({"took_ns": took_ns, **ranks.outcome}))


main(Path(sys.argv[1]), sys.argv[2:])
