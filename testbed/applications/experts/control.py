"""Models of experts in a run: their ranks are placed beside those that they talk to, and run there."""

from collections.abc import Sequence
from functools import partial
from itertools import accumulate
from typing import Any

from testbed.applications.experts.endpoints import ExpertRanks, Reach
from testbed.applications.experts.events import ExpertsEnded, ExpertsRefused
from testbed.applications.experts.exchange import MOST_PACKET_BYTES
from testbed.applications.experts.model import ExpertModels, Experts
from testbed.applications.experts.routing import exchange_matrices, traffic
from testbed.applications.messages import ExchangeMeasured
from testbed.driver.children import Child
from testbed.driver.due import Due
from testbed.driver.jobs import Answer
from testbed.driver.run_context import Process, RunContext
from testbed.host import ports
from testbed.host.process import Part
from testbed.model.network import Network, Role
from testbed.placement import JobRequest
from testbed.plan.fabric import addresses_towards
from testbed.plan.paths import farthest_ns, payload_bytes

_LEAD_NS = 500_000_000
_DRAIN_NS = 500_000_000


def rank_requests(name: str, experts: Experts, traffic_bytes: Sequence[Sequence[int]]) -> list[JobRequest]:
    """The jobs of a model's ranks, NAME1, NAME2, …, each with its traffic with those before it.

    They are placed in this order: of those that come later it is not known where they will be.
    """
    names = experts.jobs_of(name)
    return [
        JobRequest(
            name=own,
            weight=experts.job.weight,
            kind=experts.job.kind,
            priority=experts.job.priority,
            partners={
                other: float(size) for other, size in zip(names[:rank], sizes_bytes, strict=False) if size
            },
            backup=bool(experts.job.backup),
        )
        for rank, (own, sizes_bytes) in enumerate(zip(names, traffic_bytes, strict=True))
    ]


class RunningExperts:
    """All models of a run."""

    def __init__(self, run: RunContext) -> None:
        self._run, self._models = run, ExpertModels.of(run.scenario).experts
        before = accumulate((each.ranks for each in self._models.values()), initial=0)
        self._first_ranks = dict(zip(self._models, before, strict=False))
        self._running: dict[str, tuple[Child, list[str]]] = {}

    def start(self) -> None:
        """Set timers to place and to stop each model."""
        for name, experts in self._models.items():
            self._run.loop.at(experts.starts_at_ns - _LEAD_NS, partial(self._open, name, experts))
            self._run.loop.at(experts.ends_at_ns + _DRAIN_NS, partial(self._close, name), Due.END)

    def stop(self) -> None:
        """Stop whatever still runs."""
        for name in [*self._running]:
            self._close(name)

    def _open(self, name: str, experts: Experts) -> None:
        """Ask for nodes for all ranks at once."""
        requests = rank_requests(name, experts, traffic(experts, self._run.scenario.seed, name))
        moves = [partial(self._move, name, rank) for rank in range(len(requests))]
        self._run.jobs.ask(requests, experts.ends_at_ns, partial(self._begin, name), moves)

    def _begin(self, name: str, answer: Answer) -> None:
        """Start the ranks on their nodes; a model of which one finds no node does not run."""
        if not answer.nodes:
            self._run.event(ExpertsRefused(experts=name, reason=answer.reason))
            return
        ranks = [*answer.nodes]
        parts = partial(self._parts, name, ranks)
        child = self._run.start(f"{name} ranks", ranks[0], parts, partial(self._measured, name))
        self._running[name] = child, ranks
        self._run.children.go(child)

    def _parts(self, name: str, nodes: Sequence[str], process: Process) -> Sequence[Part]:
        """All ranks of a model."""
        experts, plan = self._models[name], self._run.plan
        matrices = exchange_matrices(experts, self._run.scenario.seed, name)
        reach = Reach(
            addresses=lambda node: addresses_towards(plan, node, nodes),
            inside=self._run.network.inside,
            first_port=ports.RANKS.of(self._first_ranks[name]),
            packet_bytes=_packet_bytes(plan.network, nodes),
            farthest_ns=_farthest_ns(plan.network),
        )
        return [
            ExpertRanks(
                process.loop,
                name,
                experts,
                nodes,
                reach,
                lambda: next(matrices),
                self._run.folder,
                process.say,
            )
        ]

    def _move(self, name: str, rank: int, node: str | None, _epoch: int) -> None:
        """A rank has another node. While it has none, exchanges miss what it would send, and are given up."""
        if node is not None and name in self._running:
            child, ranks = self._running[name]
            ranks[rank] = node
            self._run.children.tell(child, "move", rank=rank, node=node)

    def _measured(self, name: str, _child: Child, message: dict[str, Any]) -> None:
        self._run.bus.publish(ExchangeMeasured(name, message["exchange_ns"]))

    def _close(self, name: str) -> None:
        if name not in self._running:
            return
        child, ranks = self._running.pop(name)
        done = self._run.stop(child)
        self._run.event(
            ExpertsEnded(
                experts=name,
                steps=done["steps"],
                exchange_ns=done["exchange_ns"],
                given_up=done["given_up"],
                nodes=ranks,
            )
        )
        for job in self._models[name].jobs_of(name):
            self._run.jobs.complete(job)


def _farthest_ns(network: Network) -> int:
    """The largest distance between two nodes: a rank may move to any of them."""
    nodes = [station.name for station in network.having(Role.COMPUTE)]
    return max(farthest_ns(network, node, nodes) for node in nodes)


def _packet_bytes(network: Network, nodes: Sequence[str]) -> int:
    """The largest payload that any two of these nodes can send each other in one packet."""
    first, *others = dict.fromkeys(nodes)
    return min((MOST_PACKET_BYTES, *(payload_bytes(network, first, other) for other in others)))


PART = RunningExperts
