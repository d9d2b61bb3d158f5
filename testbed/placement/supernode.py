"""The article's `SuperNodeTaskScheduler`: its five methods as a front for the pure scheduler.

It keeps the present state and a queue, and decides nothing itself. What differs from the article's listing: a
task that no node can take stays queued, and so does one whose node failed when it had no backup.
"""

from collections.abc import Iterable, Mapping

from testbed.model.scenario import Placement
from testbed.placement.delays import Delays
from testbed.placement.failover import Evicted, Outcome, fail_node
from testbed.placement.job import DuplicateJobError, JobRequest, UnknownJobError
from testbed.placement.scheduler import Completed, Placed, Refused, complete, place
from testbed.placement.state import Node, Phase, PlacementState


class SuperNodeTaskScheduler:
    """Queues tasks, gives them nodes and backups, and moves them when a node fails."""

    def __init__(
        self, compute_nodes: Iterable[Node], delays: Delays, policy: Placement | None = None, seed: int = 1
    ) -> None:
        self.state = PlacementState(nodes=tuple(compute_nodes), policy=policy or Placement(), seed=seed)
        self._delays = delays
        self._queue: dict[str, JobRequest] = {}

    def add_task(
        self,
        task_id: str,
        task_weight: int = 1,
        partners: Mapping[str, float] | None = None,
        backup: bool = True,
    ) -> None:
        """Queue a task that talks to its `partners`, each with its share of the traffic.

        Raises:
            BadJobError: The weight is not a whole number from 1 up, or the traffic is no usable number.
            DuplicateJobError: The name is queued, running or used up.
        """
        if task_id in self._queue or task_id in self.state.tasks:
            raise DuplicateJobError(f"task {task_id} is known already; a new task needs a new name")
        self._queue[task_id] = JobRequest(
            name=task_id, weight=task_weight, partners=partners or {}, backup=backup
        )

    def select_optimal_node(self, task_id: str) -> str | None:
        """The node that a queued task would get now, None if there is none. Nothing is reserved.

        Raises:
            UnknownJobError: No such task is queued.
        """
        if task_id not in self._queue:
            raise UnknownJobError(f"task {task_id} is not queued")
        result = place(self.state, self._queue[task_id], self._delays)[1]
        return result.node if isinstance(result, Placed) else None

    def assign_task(self) -> list[Placed | Refused]:
        """Try every queued task once, in order; what is refused stays queued and says why."""
        results: list[Placed | Refused] = []
        for name, job in list(self._queue.items()):
            self.state, result = place(self.state, job, self._delays)
            if isinstance(result, Placed):
                del self._queue[name]
            results.append(result)
        return results

    def complete_task(self, task_id: str) -> Completed:
        """Free what a running task holds; the article has no such method, and its nodes only fill.

        Raises:
            UnknownJobError: No such task runs or has run.
        """
        self.state, result = complete(self.state, task_id)
        return result

    def handle_node_failure(self, failed_node_id: str) -> list[Outcome]:
        """Move a failed node's tasks to their backups and plan new ones; tasks without one are queued again.

        Raises:
            UnknownNodeError: There is no such node.
        """
        self.state, outcomes = fail_node(self.state, failed_node_id, self._delays)
        for each in outcomes:
            if isinstance(each, Evicted):
                self._queue[each.job] = self.state.tasks[each.job].job
        return outcomes

    def get_scheduler_status(self) -> dict[str, object]:
        """Counts of nodes and tasks, and the names of failed nodes, under the article's keys."""
        occupancy = self.state.occupancy()
        healthy = [node for node in self.state.nodes if node.healthy]
        return {
            "total_nodes": len(self.state.nodes),
            "available_nodes": sum(occupancy[node.name].total < node.capacity for node in healthy),
            "pending_tasks": len(self._queue),
            "running_tasks": len(self.state.in_phase(Phase.RUNNING)),
            "failed_nodes": [node.name for node in self.state.nodes if not node.healthy],
        }
