"""A loss lasts from its fault to the first answer, its parts add up, and one without end stays in sight."""

from pathlib import Path

from fake_network import FakeEvents
from hypothesis import given
from hypothesis import strategies as st

from testbed.driver.recoveries import Recoveries
from testbed.record.samples import LOST, StreamName, join

PARTS = ("detection_ns", "decision_ns", "transfer_ns", "restart_ns", "first_request_ns")


def recoveries() -> tuple[Recoveries, FakeEvents]:
    events = FakeEvents()
    return Recoveries(events, lambda job: job.rstrip("0123456789")), events  # type: ignore[arg-type]


@given(st.lists(st.integers(0, 10**9), min_size=5, max_size=5), st.integers(0, 10**12))
def test_the_five_parts_add_up(parts: list[int], fault_ns: int) -> None:
    losses, events = recoveries()
    at = [fault_ns]
    for part in parts:
        at.append(at[-1] + part)
    losses.lost("job1", at[0])
    losses.detected("job1", at[1])
    losses.ready("job1", "node", 2, ordered_ns=at[2], moved_ns=at[3], ready_ns=at[4])
    losses.served("job1", 2, at[5], at[5])
    [event] = events.written
    assert [event[part] for part in PARTS] == parts
    assert event["recovery_ns"] == sum(parts)


def test_an_answer_of_another_epoch_ends_no_loss() -> None:
    losses, events = recoveries()
    losses.lost("job1", 0)
    losses.served("job1", 1, 1, 1)
    losses.detected("job1", 10)
    losses.served("job1", 1, 11, 11)
    losses.ready("job1", "node", 2, ordered_ns=12, moved_ns=13, ready_ns=14)
    losses.served("job1", 1, 15, 15)
    assert events.written == []
    losses.served("job1", 2, 16, 16)
    assert events.kinds() == ["job.recover"]


def test_a_second_failure_on_the_way_prolongs_the_loss_that_there_is() -> None:
    losses, events = recoveries()
    losses.lost("job1", 0)
    losses.detected("job1", 30)
    losses.lost("job1", 35)
    losses.detected("job1", 60)
    losses.ready("job1", "third", 3, ordered_ns=61, moved_ns=70, ready_ns=80)
    losses.served("job1", 3, 85, 85)
    [event] = events.written
    assert (event["recovery_ns"], event["detection_ns"]) == (85, 60)


def test_streams_have_a_row_for_each_loss_and_no_arrival_where_it_lasts(tmp_path: Path) -> None:
    losses, _ = recoveries()
    for number, at_ns in ((1, 5), (2, 3)):
        losses.lost(f"job{number}", at_ns)
    losses.detected("job1", 10)
    losses.ready("job1", "node", 2, ordered_ns=11, moved_ns=12, ready_ns=13)
    losses.served("job1", 2, 14, 14)
    losses.write(tmp_path)
    stream = join(tmp_path, StreamName("job", "recovery", "across"))
    assert stream.sent_at_ns.tolist() == [3, 5]
    assert stream.received_at_ns.tolist() == [LOST, 14]


def test_a_node_mended_before_anybody_noticed_has_lost_nothing(tmp_path: Path) -> None:
    losses, _ = recoveries()
    losses.lost("job1", 0)
    losses.spared("job1")
    losses.write(tmp_path)
    assert [*tmp_path.iterdir()] == []


def test_a_node_mended_after_it_was_given_up_has_lost_its_jobs(tmp_path: Path) -> None:
    losses, _ = recoveries()
    losses.lost("job1", 0)
    losses.detected("job1", 30)
    losses.spared("job1")
    losses.write(tmp_path)
    assert join(tmp_path, StreamName("job", "recovery", "across")).received_at_ns.tolist() == [LOST]
