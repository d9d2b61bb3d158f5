"""What transfers need of their network: nodes that exist, packets that fit, answers that come in time."""

from collections.abc import Iterator, Sequence

from testbed.applications.application import Named, PacketLoad, Rules
from testbed.applications.script import Script
from testbed.applications.transfer.model import Transfer, Transfers
from testbed.model.network import Network, Role
from testbed.plan.paths import delay_ns, payload_bytes
from testbed.scenario.common_rules import within
from testbed.scenario.rates import Finding
from testbed.scenario.tree import Keys
from testbed.text import instead
from testbed.units import DURATION, SIZE


class TransferRules(Rules):
    """Of the key `transfers`."""

    def findings(self, script: Script, network: Network) -> Iterator[Finding]:
        """What is wrong with each transfer."""
        for name, transfer in Transfers.of(script).transfers.items():
            at: Keys = ("transfers", name)
            yield from _findings(at, transfer, network)
            yield from within((*at, "ends"), transfer.ends_at_ns, script)

    def names(self, script: Script) -> Iterator[Named]:
        """Those of the transfers."""
        for name in Transfers.of(script).transfers:
            yield Named(("transfers", name), name, "the transfer")

    def having(self, measure: str, script: Script) -> tuple[str, Sequence[str]] | None:
        """The transfers."""
        if measure not in ("block", "transfer"):
            return None
        return "transfer", [*Transfers.of(script).transfers]

    def processes(self, script: Script) -> int:
        """A source and a sink each."""
        return 2 * len(Transfers.of(script).transfers)

    def packet_load(self, script: Script, network: Network) -> Iterator[PacketLoad]:
        """As fast as the ports of the source are; each block is acknowledged."""
        for name, transfer in Transfers.of(script).transfers.items():
            ports_bps = sum(
                egress.rate_bps or 0
                for there, egress in network.neighbours(transfer.source)
                if network.station(there).role is Role.PLANE
            )
            packets_per_s = 2 * ports_bps / 8 / transfer.block_bytes
            yield PacketLoad(name, transfer.starts_at_ns, transfer.ends_at_ns, packets_per_s)


def _findings(at: Keys, transfer: Transfer, network: Network) -> Iterator[Finding]:
    nodes = [node.name for node in network.having(Role.COMPUTE)]
    ends = {"source": transfer.source, "destination": transfer.destination}
    for key, node in ends.items():
        if node not in nodes:
            yield (*at, key), f"{node!r} is no compute node of {network.name}; {instead(node, nodes)}"
    if transfer.source == transfer.destination:
        yield (*at, "destination"), f"is {transfer.source!r}, the source itself; a transfer joins two nodes"
    elif {*ends.values()} <= {*nodes}:
        try:
            carried_bytes = payload_bytes(network, transfer.source, transfer.destination)
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


PART = TransferRules()
