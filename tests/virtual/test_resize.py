"""Resizing a channel in place loses and reorders nothing, at 200 resizes under a flow of constant rate.

The flow, 200 Mbit/s, meets 100 Mbit/s for 5 ms and 1 Gbit/s for 5 ms in turn. In the slow phase the queue
grows by 100 Mbit/s. What arrives t after its start waits t more, as long as it leaves before the phase ends;
so the longest wait is 2.5 ms, half the phase, and the queue is empty again soon after the phase.
"""

from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from mechanism import results_of

FLOW_BPS, SLOW_BPS = 200_000_000, 100_000_000
PERIOD_NS = 5_000_000
RESIZES = 200
MICROSECONDS_20_NS = 20_000


def resized(output_dir: Path, how: str) -> dict[str, Any]:
    results = results_of("resize.py", output_dir, how)
    assert results["node1"] > 17_000, "the sender sent too little to tell"
    return results


@pytest.fixture(scope="module")
def in_place(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return resized(tmp_path_factory.mktemp("in_place"), "in_place")


def test_nothing_is_lost(in_place: dict[str, Any]) -> None:
    sent = in_place["node1"]
    assert len(in_place["home1"]["numbers"]) == sent
    assert in_place["counters"]["channel_packets"] == sent, "all of it went through the channel"
    assert in_place["counters"]["class_drops"] == in_place["counters"]["qdisc_drops"] == 0


def test_nothing_is_reordered(in_place: dict[str, Any]) -> None:
    assert in_place["home1"]["numbers"] == list(range(in_place["node1"]))


def test_every_resize_takes_effect_at_once_and_keeps_the_queue(in_place: dict[str, Any]) -> None:
    charged_bytes = in_place["counters"]["charged_bytes"]
    interval_ns = charged_bytes * 8 * 10**9 // FLOW_BPS
    frame_at_slow_ns = charged_bytes * 8 * 10**9 // SLOW_BPS
    arrived = in_place["home1"]
    empty_ns = min(arrived["delays_ns"])
    waits_ns: dict[int, list[int]] = defaultdict(list)
    for number, delay_ns in zip(arrived["numbers"], arrived["delays_ns"], strict=True):
        waits_ns[number * interval_ns // PERIOD_NS].append(delay_ns - empty_ns)
    # The first phase spends the burst that the idle channel had saved.
    longest_ns = [max(waits_ns[phase]) for phase in range(2, RESIZES, 2)]
    assert len(longest_ns) == RESIZES // 2 - 1
    assert min(longest_ns) > PERIOD_NS // 2 - frame_at_slow_ns
    assert max(longest_ns) < PERIOD_NS // 2 + frame_at_slow_ns
    for phase in range(1, RESIZES, 2):
        assert min(waits_ns[phase]) < MICROSECONDS_20_NS, "a fast phase empties the queue"


def test_deleting_and_adding_the_class_loses_its_queue_and_no_class_counts_it(tmp_path: Path) -> None:
    results = resized(tmp_path, "delete_and_add")
    lost = results["node1"] - len(results["home1"]["numbers"])
    # Of the 44 frames that a slow phase leaves behind, those still waiting at its end go with the class.
    assert lost > RESIZES // 2 * 30
    assert results["counters"]["class_drops"] == 0
    assert all(earlier < later for earlier, later in pairwise(results["home1"]["numbers"]))
    # Only the whole HTB's own sum tells that something went, not from which class.
    assert results["counters"]["qdisc_drops"] == lost
