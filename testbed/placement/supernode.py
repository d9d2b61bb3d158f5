"""The article's `SuperNodeTaskScheduler`: its five methods as a front for the scheduler.

It decides nothing itself. What differs from the article's listing: a task that no node can take stays queued,
and so does one whose node failed when it had no backup; there is a way to complete a task; what cannot be is
an error.
"""

from collections.abc import Iterable, Mapping

from testbed.model.placement import Placement
from testbed.placement.delays import Delays
from testbed.placement.fleet import Node
from testbed.placement.job_request import DuplicateJobError, JobRequest, UnknownJobError, Wanted
from testbed.placement.outcomes import Evicted, JobPlacement, Outcome
from testbed.placement.scheduler import Scheduler
from testbed.placement.task import Phase


class SuperNodeTaskScheduler:
    """Queues tasks, gives them nodes and backups, and moves them when a node fails."""

    def __init__(
        self, compute_nodes: Iterable[Node], delays: Delays, policy: Placement | None = None, seed: int = 1
    ) -> None:
        self.scheduler = Scheduler(compute_nodes, delays, policy, seed=seed)
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
        if task_id in self._queue or task_id in self.scheduler.tasks:
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
        return self.scheduler.would_choose(self._queue[task_id])

    def assign_task(self) -> list[Outcome]:
        """Try every queued task once, in order; what is refused stays queued and says why."""
        results = self.scheduler.settle([Wanted((job,)) for job in self._queue.values()])
        for each in results:
            if isinstance(each, JobPlacement):
                del self._queue[each.job]
        return results

    def complete_task(self, task_id: str) -> list[Outcome]:
        """Free what a running task holds; the article has no such method, and its nodes only fill.

        Raises:
            UnknownJobError: No such task runs or has run.
        """
        return self.scheduler.complete(task_id)

    def handle_node_failure(self, failed_node_id: str) -> list[Outcome]:
        """Move a failed node's tasks to their backups and plan new ones; tasks without one are queued again.

        Raises:
            UnknownNodeError: There is no such node.
        """
        outcomes = self.scheduler.fail(failed_node_id)
        for each in outcomes:
            if isinstance(each, Evicted):
                self._queue[each.job] = self.scheduler.tasks[each.job].job
        return outcomes

    def get_scheduler_status(self) -> dict[str, object]:
        """Counts of nodes and tasks, and the names of failed nodes, under the article's keys."""
        fleet = self.scheduler.fleet
        numbers = range(len(fleet))
        return {
            "total_nodes": len(fleet),
            "available_nodes": sum(
                bool(fleet.healthy[number]) and fleet.used[number] < fleet.capacity[number]
                for number in numbers
            ),
            "pending_tasks": len(self._queue),
            "running_tasks": len(self.scheduler.in_phase(Phase.RUNNING)),
            "failed_nodes": [fleet.names[number] for number in numbers if not fleet.healthy[number]],
        }
