"""The ports of everything that may run on one host do not meet, however much of it a scenario may have."""

from itertools import pairwise

from testbed.cli import fabric_programs, northbound, serving_programs, workload_programs
from testbed.driver import classes, flows
from testbed.scenario.compose import MAX_NODES
from testbed.scenario.fabric_work_rules import MOST_RANKS
from testbed.scenario.repeat import MOST_SESSIONS
from testbed.scenario.workloads import MOST_WORKLOADS
from testbed.workload import health_wire, survey
from testbed.workload.end import PORTS_PER_WORKLOAD

MOST_FLOWS = MAX_NODES // 5
"""A flow has five values at least, and a file at most so many."""
MOST_TRANSFERS = MAX_NODES // 8
"""And a transfer, with the two nodes that it names, eight."""


def test_no_two_kinds_of_work_share_a_port() -> None:
    spans = sorted(
        {
            "api": (northbound.PORT, 1),
            "services": (serving_programs.FIRST_PORT, 2000),
            "ranks": (fabric_programs.FIRST_RANK_PORT, MOST_RANKS),
            "workloads": (workload_programs.FIRST_PORT, MOST_WORKLOADS * PORTS_PER_WORKLOAD),
            "flows": (flows._FIRST_FLOW_PORT, MOST_FLOWS),
            "transfers": (fabric_programs.FIRST_TRANSFER_PORT, MOST_TRANSFERS),
            "health": (health_wire.MONITOR_PORT, 4),
            "requests": (health_wire.FIRST_CLIENT_PORT, 1000),
            "survey": (survey.PORT, 1),
            "sessions": (classes.FIRST_PORT, MOST_SESSIONS * classes.PORTS_PER_SESSION),
        }.items(),
        key=lambda item: item[1],
    )
    for (name, (first, count)), (other, (then, _)) in pairwise(spans):
        assert first + count <= then, f"{name} and {other}"
    assert spans[-1][1][0] + spans[-1][1][1] <= 65_536
