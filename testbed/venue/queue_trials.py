"""What a host's kernel must have for the queues and the TCP flows of a scenario, as shell commands to try."""

import shlex
import sys
from collections.abc import Iterable, Iterator

from testbed.applications.script import Scenario
from testbed.model.pon import Aqm

_L4S = "fq_codel ce_threshold 1ms ce_threshold_selector 0x1/0x3"
_AQMS = {
    Aqm.FQ_CODEL: ("fq_codel queues (module sch_fq_codel)", "tc qdisc add dev lo root fq_codel"),
    Aqm.CAKE: ("cake queues (module sch_cake)", "tc qdisc add dev lo root cake"),
    Aqm.L4S: (
        "l4s queues (module sch_dualpi2 from Linux 6.17 on, or sch_fq_codel from 5.17 on)",
        f"tc qdisc add dev lo root dualpi2 || tc qdisc add dev lo root {_L4S}",
    ),
}
"""Of each AQM, what to tell if the commands fail, and the commands."""
_ECT1 = (
    "the rewriting of dctcp's ECT(0) to ECT(1) (modules sch_ingress, cls_u32, act_pedit and act_csum); "
    "ecn: ect0 needs none of them",
    "tc qdisc add dev lo clsact && tc filter add dev lo egress protocol ip prio 2 u32 "
    "match ip protocol 6 0xff action pedit munge ip tos set 1 retain 3 pipe action csum ip4h",
)


def trials(scenarios: Iterable[Scenario]) -> dict[str, str]:
    """The shell commands, by what to tell if they fail."""
    return dict(trial for scenario in scenarios for trial in _of_scenario(scenario))


def _of_scenario(scenario: Scenario) -> Iterator[tuple[str, str]]:
    queues = [scenario.access.downstream.aqm, scenario.access.upstream.aqm]
    queues += [aqm for given in scenario.pon.tconts.values() for aqm in (given.aqm, given.downstream.aqm)]
    yield from (_AQMS[aqm] for aqm in queues if aqm is not Aqm.FIFO)
    for flow in scenario.background.values():
        if flow.congestion is not None:
            choose = (
                f"socket.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b'{flow.congestion}')"
            )
            feature = f"the congestion control {flow.congestion} (module tcp_{flow.congestion})"
            yield feature, shlex.join([sys.executable, "-c", f"import socket; {choose}"])
        if flow.is_rewritten_to_ect1:
            yield _ECT1
