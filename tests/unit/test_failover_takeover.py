"""What nodes are told when a job is placed, moves, gets another backup, or is over."""

from testbed.driver.jobs import NOWHERE, Assigned
from testbed.driver.takeover import orders
from testbed.model.job import Job

JOB = Job(weight=1, state_bytes=1000, restart_ns=20)


def told(before: Assigned, after: Assigned) -> dict[str, dict[str, object]]:
    def sources(node: str | None) -> list[str]:
        return ["store"] if node is None else [node, "store"]

    return {order.node: order.fields for order in orders("job", JOB, before, after, sources)}


def test_a_new_job_starts_at_once_and_its_backup_fetches_its_state_from_it() -> None:
    found = told(NOWHERE, Assigned("a", 1, "b"))
    assert (found["a"]["kind"], found["a"]["restart_ns"], found["a"]["sources"]) == ("serve", 0, [])
    assert (found["b"]["kind"], found["b"]["sources"]) == ("hold", ["a", "store"])


def test_a_backup_that_takes_over_restarts_and_the_new_backup_fetches_from_it() -> None:
    found = told(Assigned("a", 1, "b"), Assigned("b", 2, "c"))
    assert (found["b"]["kind"], found["b"]["epoch"], found["b"]["restart_ns"]) == ("serve", 2, 20)
    assert (found["c"]["kind"], found["c"]["epoch"], found["c"]["sources"]) == ("hold", 2, ["b", "store"])
    assert found["a"] == {"kind": "drop", "job": "job", "epoch": 1}


def test_a_job_that_waited_takes_its_state_from_the_store() -> None:
    found = told(Assigned(None, 1), Assigned("c", 2))
    assert (found["c"]["kind"], found["c"]["sources"], found["c"]["restart_ns"]) == ("serve", ["store"], 20)


def test_another_backup_alone_leaves_the_job_where_it_is() -> None:
    found = told(Assigned("a", 1, "b"), Assigned("a", 1, "c"))
    assert {node: fields["kind"] for node, fields in found.items()} == {"b": "drop", "c": "hold"}


def test_a_job_that_is_over_is_dropped_everywhere() -> None:
    found = told(Assigned("a", 1, "b"), NOWHERE)
    assert {node: fields["kind"] for node, fields in found.items()} == {"a": "drop", "b": "drop"}


def test_what_stays_is_not_told_again() -> None:
    """The control: without a change there is no order."""
    assert told(Assigned("a", 1, "b"), Assigned("a", 1, "b")) == {}
