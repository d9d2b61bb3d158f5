"""What transfers and experts must agree on with their network: nodes that exist, packets that fit."""

from collections.abc import Iterator

from testbed.applications.script import Script
from testbed.applications.transfer.model import Transfer
from testbed.model.network import Network, Role
from testbed.plan.paths import delay_ns, mtu_bytes
from testbed.scenario.common_rules import fits_a_node, within
from testbed.scenario.rates import Finding
from testbed.scenario.tree import Keys
from testbed.units import DURATION, SIZE
from testbed.words import instead

MOST_RANKS = 2_000
"""Of all models of a scenario: each rank has a port of its own."""
_HEADERS_BYTES = 28
"""IPv4 and UDP."""


def fabric_work_rules(script: Script, network: Network) -> Iterator[Finding]:
    """Findings about the keys `transfers` and `experts`."""
    for name, transfer in script.transfers.items():
        yield from _transfer_rules(("transfers", name), transfer, network)
        yield from within(("transfers", name, "ends"), transfer.ends_at_ns, script)
    for name, experts in script.experts.items():
        yield from fits_a_node(("experts", name, "job"), experts.job, network)
        yield from within(("experts", name, "ends"), experts.ends_at_ns, script)
    if (ranks := sum(each.ranks for each in script.experts.values())) > MOST_RANKS:
        yield ("experts",), f"have {ranks:,} ranks in all; at most {MOST_RANKS:,} are carried"


def _transfer_rules(at: Keys, transfer: Transfer, network: Network) -> Iterator[Finding]:
    nodes = [node.name for node in network.having(Role.COMPUTE)]
    ends = {"source": transfer.source, "destination": transfer.destination}
    for key, node in ends.items():
        if node not in nodes:
            yield (*at, key), f"{node!r} is no compute node of {network.name}; {instead(node, nodes)}"
    if transfer.source == transfer.destination:
        yield (*at, "destination"), f"is {transfer.source!r}, the source itself; a transfer joins two nodes"
    elif {*ends.values()} <= {*nodes}:
        try:
            carried_bytes = mtu_bytes(network, transfer.source, transfer.destination) - _HEADERS_BYTES
        except ValueError as error:
            yield (*at, "destination"), f"{error}: hosts do not forward; wire the two to a switch or a fabric"
            return
        yield from _timeout_rules(at, transfer, network)
        if transfer.block_bytes > carried_bytes:
            yield (
                (*at, "block"),
                f"{SIZE.format(transfer.block_bytes)} is more than one packet from {transfer.source} to "
                f"{transfer.destination} carries; the most is {SIZE.format(carried_bytes)}",
            )


def _timeout_rules(at: Keys, transfer: Transfer, network: Network) -> Iterator[Finding]:
    """Whether an answer can come before the plane, or the one way over wires, is given up for want of it."""
    source, destination = transfer.source, transfer.destination
    round_trip_ns = delay_ns(network, source, destination) + delay_ns(network, destination, source)
    if transfer.timeout_ns <= round_trip_ns:
        yield (
            (*at, "timeout"),
            f"{DURATION.format(transfer.timeout_ns)} is not longer than the round trip from {source} to "
            f"{destination}, {DURATION.format(round_trip_ns)}: every plane would be given up; "
            f"write more than {DURATION.format(round_trip_ns)}",
        )
