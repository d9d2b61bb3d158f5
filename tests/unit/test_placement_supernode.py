"""The article's interface on the pure scheduler, through the article's own example and its defects."""

import pytest

from testbed.placement import DuplicateJobError, JobPlacement, Node, Promoted, Refused, UnknownJobError
from testbed.placement.delays import PairDelays
from testbed.placement.supernode import SuperNodeTaskScheduler

NAMES = [f"node_{i}" for i in range(10)]
MESH = PairDelays(
    {(a, b): 100 + 10 * (j - i) for i, a in enumerate(NAMES) for j, b in enumerate(NAMES) if i < j}
)


def scheduler(nodes: int = 10, capacity: int = 10) -> SuperNodeTaskScheduler:
    return SuperNodeTaskScheduler([Node(name=name, capacity=capacity) for name in NAMES[:nodes]], MESH)


def test_the_articles_example_places_all_five_tasks_and_loses_none_to_a_failure() -> None:
    front = scheduler()
    for i in range(5):
        front.add_task(f"task_{i}", task_weight=3)
    assert all(isinstance(each, JobPlacement) for each in front.assign_task())
    busy = front.scheduler.tasks["task_2"].node
    assert busy is not None
    assert any(isinstance(each, Promoted) for each in front.handle_node_failure(busy))
    status = front.get_scheduler_status()
    assert (status["pending_tasks"], status["running_tasks"]) == (0, 5)
    assert (status["total_nodes"], status["failed_nodes"]) == (10, [busy])
    assert busy not in {task.node for task in front.scheduler.tasks.values()}
    assert busy not in {task.backup for task in front.scheduler.tasks.values()}


def test_a_task_that_does_not_fit_stays_queued_until_there_is_room() -> None:
    front = scheduler(nodes=2, capacity=3)
    front.add_task("first", task_weight=3)
    front.add_task("second", task_weight=3)
    assert front.select_optimal_node("second") in NAMES
    assert [type(each) for each in front.assign_task()] == [JobPlacement, Refused]
    assert front.select_optimal_node("second") is None
    assert front.get_scheduler_status()["pending_tasks"] == 1
    front.complete_task("first")
    assert [type(each) for each in front.assign_task()] == [JobPlacement]


def test_a_task_without_a_backup_is_queued_again_when_its_node_fails() -> None:
    front = scheduler(nodes=2)
    front.add_task("alone", backup=False)
    front.assign_task()
    node = front.scheduler.tasks["alone"].node
    assert node is not None
    front.handle_node_failure(node)
    assert front.get_scheduler_status()["pending_tasks"] == 1
    front.assign_task()
    assert front.scheduler.tasks["alone"].node not in (None, node)


def test_a_name_is_used_once_and_only_a_queued_task_is_looked_at() -> None:
    front = scheduler()
    front.add_task("a")
    with pytest.raises(DuplicateJobError):
        front.add_task("a")
    front.assign_task()
    with pytest.raises(DuplicateJobError):
        front.add_task("a")
    with pytest.raises(UnknownJobError, match="not queued"):
        front.select_optimal_node("a")
