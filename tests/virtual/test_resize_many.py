"""A channel resized 10,000 times from 100 Mbit/s to 25 Gbit/s loses and reorders nothing, and is exact.

All that the benchmark sees in virtual time, fewer resizes where they only serve as a control.
"""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from venue_boot import embedded_kernel

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))
import resize
from resize_flow import PARAMETERS
from resize_outcome import lost, reached, reordered

from testbed.pon import per_frame_overhead_bytes

FEW = replace(resize.MANY, resizes=500)
COMPARED = replace(resize.COMPARED, resizes=20)
CASES = {
    "udp": resize.MANY,
    "udp in frames": replace(resize.MANY, model="frames"),
    "tcp": replace(resize.MANY, protocol="tcp"),
    "udp, delete and add": replace(FEW, how="delete_and_add"),
    "tcp, delete and add": replace(FEW, how="delete_and_add", protocol="tcp"),
    "udp, Mininet": replace(COMPARED, how="mininet"),
    "udp, tc class change": replace(COMPARED, how="tc_change"),
}
Seen = dict[str, Any]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Seen]:
    """What each case has seen, all in one boot."""
    embedded_kernel()
    output = tmp_path_factory.mktemp("resized")
    return dict(zip(CASES, resize.seen_in_kernel(list(CASES.values()), output)[0], strict=True))


@pytest.mark.parametrize("case", ["udp", "udp in frames"])
def test_ten_thousand_resizes_lose_and_reorder_no_datagram(seen: dict[str, Seen], case: str) -> None:
    flow = seen[case]
    assert len(flow["resized_at_ns"]) == 10_000
    assert min(flow["rates_bps"]) < 101_000_000
    assert max(flow["rates_bps"][1:]) > 24_900_000_000
    assert flow["sent"] > 87_000
    assert flow["channel_packets"] == flow["sent"], "all of it went through the channel"
    assert flow["numbers"] == list(range(flow["sent"]))
    assert lost(flow) == reordered(flow) == 0
    assert flow["class_drops"] == flow["qdisc_drops"] == 0


def test_every_rate_is_reached_within_one_packet_time_at_the_old_rate(seen: dict[str, Seen]) -> None:
    how = reached(seen["udp"])
    assert how.late == []
    assert how.wrong == []
    assert how.met_queue > 5_000
    assert how.resizes_with_gaps > 7_500
    assert how.longest_packets > 0.99, "some had to wait for as long as they may"


def test_in_frames_it_is_the_same_to_within_two_codewords(seen: dict[str, Seen]) -> None:
    how = reached(seen["udp in frames"], resize.CODEWORDS_NS)
    assert how.late == []
    assert how.wrong == []
    assert how.met_queue > 5_000


def test_ten_thousand_resizes_make_tcp_send_nothing_again(seen: dict[str, Seen]) -> None:
    flow = seen["tcp"]
    assert len(flow["resized_at_ns"]) == 10_000
    assert flow["retransmitted"] == flow["out_of_order"] == 0
    assert flow["received_bytes"] == flow["sent_bytes"]
    assert flow["class_drops"] == flow["qdisc_drops"] == 0
    frame_bytes = 1514 + per_frame_overhead_bytes(PARAMETERS.pon)
    carried_bytes = sum(flow["rates_bps"][1:]) * flow["period_ns"] // (8 * 10**9) * 1448 // frame_bytes
    assert flow["received_bytes"] > 0.8 * carried_bytes, "the channel was seldom idle"


def test_deleting_and_adding_the_class_loses_what_waits_in_it(seen: dict[str, Seen]) -> None:
    datagrams, stream = seen["udp, delete and add"], seen["tcp, delete and add"]
    assert lost(datagrams) > 500
    assert lost(datagrams) == datagrams["qdisc_drops"]
    assert stream["retransmitted"] > 0
    assert stream["out_of_order"] > 0


def test_mininet_s_config_loses_datagrams_where_a_change_in_place_on_its_link_does_not(
    seen: dict[str, Seen],
) -> None:
    assert lost(seen["udp, Mininet"]) > 100
    assert lost(seen["udp, tc class change"]) == 0
    assert seen["udp, tc class change"]["sent"] > 1_700


INTERVAL_NS, PERIOD_NS, BEYOND_NS, CHARGED_BYTES = 20_000, 200_000, 98_000, 1_000


def simulated(rates_bps: list[int], late_ns: int = 0, pause_ns: int = 0) -> Seen:
    """What an ideal link would show; or one that heeds a resize late, or that pauses at each."""
    resized_at_ns = [number * PERIOD_NS for number in range(1, len(rates_bps))]
    sent = len(rates_bps) * PERIOD_NS // INTERVAL_NS
    left_at_ns, free_at_ns = [], 0
    for number in range(sent):
        at_ns = max(number * INTERVAL_NS, free_at_ns)
        at_ns += sum(pause_ns for resized_ns in resized_at_ns if at_ns - pause_ns < resized_ns <= at_ns)
        rate_bps = rates_bps[sum(resized_ns + late_ns <= at_ns for resized_ns in resized_at_ns)]
        left_at_ns.append(at_ns)
        free_at_ns = at_ns + CHARGED_BYTES * 8 * 10**9 // rate_bps
    return {
        "sent": sent,
        "numbers": list(range(sent)),
        "sent_at_ns": [number * INTERVAL_NS for number in range(sent)],
        "arrived_at_ns": [left_ns + BEYOND_NS for left_ns in left_at_ns],
        "resized_at_ns": [(at_ns, at_ns + 1) for at_ns in resized_at_ns],
        "rates_bps": rates_bps,
        "charged_bytes": CHARGED_BYTES,
        "beyond_ns": BEYOND_NS,
    }


@given(st.lists(st.integers(100_000_000, 25_000_000_000), min_size=2, max_size=20))
def test_an_ideal_link_is_found_to_be_ideal(rates_bps: list[int]) -> None:
    how = reached(simulated(rates_bps))
    assert how.wrong == []
    assert how.late == []
    assert how.longest_packets <= 1


SLOW_AND_FAST_BPS = [1_000_000_000, 200_000_000, 300_000_000, 2_000_000_000] * 5


def test_a_link_that_heeds_resizes_late_is_found_out() -> None:
    assert reached(simulated(SLOW_AND_FAST_BPS)).met_queue >= 9
    assert reached(simulated(SLOW_AND_FAST_BPS, late_ns=100_000)).wrong != []


def test_a_link_that_pauses_at_a_resize_is_found_out() -> None:
    assert reached(simulated(SLOW_AND_FAST_BPS, pause_ns=100_000)).late != []


def test_losses_and_disorder_are_counted() -> None:
    flow = {"sent": 5, "numbers": [0, 2, 1, 4, 4]}
    assert lost(flow) == 1
    assert reordered(flow) == 2
