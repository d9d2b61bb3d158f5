"""A frame takes its time on a graphics processor, as often as there are sharers, or is left out."""

from testbed.workload.rendering import Gpu

MS = 1_000_000


def test_a_frame_takes_as_many_times_as_long_as_there_are_sharers() -> None:
    gpu = Gpu(4 * MS, frames_per_second=60)
    assert gpu.takes_ns(due_ns=0, now_ns=0) == 4 * MS
    gpu.sharers = 3
    assert gpu.takes_ns(due_ns=0, now_ns=0) == 12 * MS


def test_a_frame_that_could_not_begin_before_the_next_one_is_left_out() -> None:
    gpu = Gpu(4 * MS, frames_per_second=50)
    assert gpu.takes_ns(due_ns=0, now_ns=20 * MS - 1) == 4 * MS
    assert gpu.takes_ns(due_ns=0, now_ns=20 * MS) is None
    assert gpu.left_out == 1
