"""Puts together the exchanges of experts on the nodes of a fabric."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from itertools import accumulate
from pathlib import Path

from testbed.applications.script import Script
from testbed.host import ports
from testbed.host.clock import Clock
from testbed.host.control import Control
from testbed.host.loop import Loop
from testbed.host.process import Ask, Part, run_program
from testbed.model.network import Role
from testbed.plan.fabric import addresses_towards
from testbed.plan.network_plan import NetworkPlan
from testbed.plan.paths import farthest_ns, mtu_bytes
from testbed.workload.exchange import MOST_PACKET_BYTES
from testbed.workload.experts import ExpertRanks, Reach
from testbed.workload.packets import HEADERS_BYTES
from testbed.workload.token_routing import Matrix, exchange_matrices, traffic

Program = Callable[[], None]


class PlannedFabricWork:
    """The programs of a scenario's fabric work; see `testbed.driver.fabric_protocols.FabricPrograms`."""

    def __init__(
        self, plan: NetworkPlan, scenario: Script, inside: Callable[[str], AbstractContextManager[None]]
    ) -> None:
        self._plan, self._scenario, self._inside = plan, scenario, inside

    def traffic_bytes(self, name: str) -> Matrix:
        """How much two ranks of a model have to say to each other."""
        return traffic(self._scenario.experts[name], self._scenario.seed, name)

    def experts(self, name: str, nodes: Sequence[str], clock: Clock, control: Control, logs: Path) -> Program:
        """All ranks of a model on their nodes."""
        model, matrices = (
            self._scenario.experts[name],
            exchange_matrices(self._scenario.experts[name], self._scenario.seed, name),
        )
        before = accumulate((each.ranks for each in self._scenario.experts.values()), initial=0)
        first_ports = dict(zip(self._scenario.experts, before, strict=False))

        reach = Reach(
            addresses=lambda node: addresses_towards(self._plan, node, nodes),
            inside=self._inside,
            first_port=ports.RANKS.of(first_ports[name]),
            packet_bytes=self._packet_bytes(nodes),
            farthest_ns=self._farthest_ns(),
        )

        def parts(loop: Loop, _ask: Ask) -> Sequence[Part]:
            ranks = ExpertRanks(
                loop,
                name,
                model,
                nodes,
                reach,
                lambda: next(matrices),
                logs,
                control.say,
            )
            return [ranks]

        return lambda: run_program(control, Loop(clock), parts)

    def _farthest_ns(self) -> int:
        """How far any two nodes are apart: a rank may move to whichever of them."""
        network = self._plan.network
        nodes = [station.name for station in network.having(Role.COMPUTE)]
        return max(farthest_ns(network, node, nodes) for node in nodes)

    def _packet_bytes(self, nodes: Sequence[str]) -> int:
        """The largest payload that any two of these nodes can send each other in one packet."""
        first, *others = dict.fromkeys(nodes)
        mtus_bytes = (mtu_bytes(self._plan.network, first, other) - HEADERS_BYTES for other in others)
        return min((MOST_PACKET_BYTES, *mtus_bytes))
