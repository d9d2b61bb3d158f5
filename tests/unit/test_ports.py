"""The ports of everything that may run on one host do not meet, however much of it a scenario may have."""

from itertools import pairwise

from testbed.applications.experts.rules import MOST_RANKS
from testbed.applications.inference.rules import MOST_SERVICES
from testbed.host import ports
from testbed.scenario.compose import MAX_NODES
from testbed.scenario.failure_rules import MOST_GROUPS
from testbed.scenario.repeat import MOST_SESSIONS
from testbed.scenario.workloads import MOST_WORKLOADS

MOST_FLOWS = MAX_NODES // 5
"""A flow has five values at least, and a file at most so many."""
MOST_TRANSFERS = MAX_NODES // 8
"""And a transfer, with the two nodes that it names, eight."""
EPHEMERAL = 32_768
"""The first port that Linux gives to clients."""
TABLE = {name: value for name, value in vars(ports).items() if isinstance(value, ports.Ports)}


def test_no_two_kinds_of_work_share_a_port() -> None:
    ranges = sorted(TABLE.items(), key=lambda item: item[1].first)
    for (name, one), (other, then) in pairwise(ranges):
        assert one.end <= then.first, f"{name} and {other}"
    assert ranges[-1][1].end <= 65_536


def test_what_the_rules_allow_has_ports() -> None:
    most = {
        "SERVICES": MOST_SERVICES,
        "RANKS": MOST_RANKS,
        "WORKLOADS": MOST_WORKLOADS,
        "FLOWS": MOST_FLOWS,
        "TRANSFERS": MOST_TRANSFERS,
        "REQUESTS": MOST_GROUPS,
        "SESSIONS": MOST_SESSIONS,
    }
    assert {name: TABLE[name].count for name in most} == most
    assert {each.count for name, each in TABLE.items() if name not in most} == {1}


def test_the_kernel_gives_no_client_a_port_that_something_listens_at_later() -> None:
    shared = {name for name, each in TABLE.items() if each.end > EPHEMERAL and each.protocol != "udp"}
    assert shared == {"FLOWS", "STATE"}, "see the docstring of the module"
