"""The numbers of channels, against figures worked out by hand and against plain definitions."""

from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recorded import recorded

from testbed.report import timeline
from testbed.report.channels import (
    MILLION,
    ChannelSummary,
    fairness_ppm,
    summarise_admission,
    summarise_channels,
)

MS = 1_000_000
SECOND = 1000 * MS
ADMIT = {"kind": "channel.admit", "at_ns": 0, "session": "s", "rates": {}, "reason": "fits"}


def acted(kind: str, at_ns: int, rate_bps: int, direction: str = "downstream") -> dict[str, Any]:
    return {
        "kind": f"net.{kind}",
        "at_ns": at_ns,
        "session": "s",
        "direction": direction,
        "rate_bps": rate_bps,
    }


def decided(kind: str, at_ns: int, **fields: Any) -> dict[str, Any]:
    return {"kind": f"channel.{kind}", "at_ns": at_ns, "session": "s", "reason": "for a reason", **fields}


def packets(*rows: tuple[int, int | None], measure: str = "packet") -> pd.DataFrame:
    """Rows of (sent at, delay) of session s downstream."""
    frame = pd.DataFrame(rows, columns=["sent_at_ns", "delay_ns"]).astype("Int64")
    return frame.assign(session="s", direction="downstream", measure=measure)


def rates(*throughputs_bps: int, session: str = "s", demand_bps: int = 100) -> pd.DataFrame:
    """A row every 100 ms from 0.1 s on, of a session downstream that has a channel."""
    frame = pd.DataFrame(
        {
            "at_ns": [100 * MS * number for number in range(1, len(throughputs_bps) + 1)],
            "rate_bps": 1,
            "demand_bps": demand_bps,
            "throughput_bps": throughputs_bps,
        }
    ).astype("Int64")
    return frame.assign(session=session, direction="downstream")


def summary_of(
    events: list[dict[str, Any]], sent: pd.DataFrame, sampled: pd.DataFrame, end_ns: int = SECOND
) -> ChannelSummary:
    return summarise_channels(timeline.channels(recorded(events), end_ns), sent, sampled)["s"]


def test_what_is_allocated_and_not_used_is_told_exactly() -> None:
    """0.2 s at 100 and 0.2 s at 300 bit/s, of which 50 bit/s were used."""
    events = [ADMIT, acted("open", 0, 100), acted("resize", 200 * MS, 300)]
    found = summary_of(events, packets((0, 1), (399 * MS, 1)), rates(50, 50, 50, 50, 50))["downstream"]
    assert (found["allocated_mean_bps"], found["used_mean_bps"], found["unused_mean_bps"]) == (200, 50, 150)
    assert found["unused_ppm"] == 750_000


def test_a_resize_between_two_samples_counts_from_its_instant() -> None:
    events = [ADMIT, acted("open", 0, 100), acted("resize", 150 * MS, 300)]
    found = summary_of(events, packets((0, 1), (199 * MS, 1)), rates(0, 0))["downstream"]
    assert found["allocated_mean_bps"] == 150


def test_time_in_which_the_session_sends_nothing_does_not_count() -> None:
    events = [ADMIT, acted("open", 0, 100)]
    quiet = summary_of(events, packets((200 * MS, 1), (300 * MS, 1)), rates(0, 0, 80, 0, 0))["downstream"]
    assert quiet["used_mean_bps"] == 80
    whole = summary_of(events, packets((0, 1), (500 * MS, 1)), rates(0, 0, 80, 0, 0))["downstream"]
    assert whole["used_mean_bps"] == 16


def test_a_session_that_sends_nothing_has_no_share_unused() -> None:
    events = [ADMIT, acted("open", 0, 100)]
    found = summary_of(events, packets(), rates(0, 0))["downstream"]
    assert (found["unused_ppm"], found["opening_ns"], found["queueing_ns"]) == (None, None, None)


def test_an_opening_lasts_from_the_request_to_the_first_packet_sent_in_the_channel() -> None:
    events = [ADMIT, decided("active", 300 * MS, rates={}), acted("open", 300 * MS, 100)]
    sent = packets((100 * MS, 50 * MS), (310 * MS, 2 * MS), (320 * MS, 2 * MS))
    found = summary_of(events, sent, rates())["downstream"]
    assert (found["opened_after_ns"], found["opening_ns"]) == (300 * MS, 310 * MS)
    assert found["arrival_after_ns"] == 312 * MS


def test_a_first_packet_that_is_lost_does_not_arrive() -> None:
    found = summary_of([ADMIT, acted("open", 0, 100)], packets((5, None), (6, 1)), rates())["downstream"]
    assert (found["opening_ns"], found["arrival_after_ns"]) == (5, None)


def test_whole_frames_are_not_packets() -> None:
    frames = packets((0, 900 * MS), (1, 1), measure="frame")
    found = summary_of([ADMIT, acted("open", 0, 100)], frames, rates())["downstream"]
    assert found["queueing_ns"] is None


def test_queueing_before_the_channel_opened_is_not_its_own() -> None:
    events = [ADMIT, acted("open", 300 * MS, 100)]
    sent = packets((100 * MS, 90 * MS), (310 * MS, 2 * MS), (320 * MS, 7 * MS))
    assert summary_of(events, sent, rates())["downstream"]["queueing_ns"] == 5 * MS
    at_once = [ADMIT, acted("open", 0, 100)]
    assert summary_of(at_once, sent, rates())["downstream"]["queueing_ns"] == 88 * MS


def test_growing_lasts_from_the_decision_to_the_first_packet_and_shrinking_does_not_count() -> None:
    events = [
        ADMIT,
        acted("open", 0, 100),
        decided("resize", 10, direction="downstream", from_bps=100, to_bps=200),
        acted("resize", 12, 200),
        decided("resize", 30, direction="downstream", from_bps=200, to_bps=100),
        acted("resize", 30, 100),
    ]
    found = summary_of(events, packets((0, 1), (15, 1), (90, 1)), rates())["downstream"]
    assert (found["growth_ns"], found["resizes"]) == (5, 2)


def test_a_channel_that_is_lost_ends_then_and_says_why() -> None:
    by = {"by": "other", "link": "pon"}
    for kind, state, more in (("preempt", "preempted", by), ("expire", "expired", {})):
        events = [ADMIT, acted("open", 0, 100), decided(kind, 200 * MS, **more), decided("release", 400 * MS)]
        found = summary_of(events, packets((0, 1), (399 * MS, 1)), rates(50, 50))
        assert (found["state"], found["reason"]) == (state, "for a reason")
        assert found["downstream"]["allocated_mean_bps"] == 100


def test_a_channel_that_is_never_released_lasts_to_the_end() -> None:
    events = [ADMIT, acted("open", 10, 8), acted("resize", 20, 2)]
    channel = timeline.channels(recorded(events), end_ns=30)["s"]
    assert (channel.state, channel.bits("downstream", 0, 100), channel.bits("upstream", 0, 100)) == (
        "open",
        100,
        0,
    )


def test_a_request_that_waits_for_its_provisioning_has_no_rate_yet() -> None:
    found = summary_of([ADMIT], packets((0, 1)), rates())
    assert (found["state"], found["downstream"]["max_rate_bps"]) == ("admitted", None)


def test_fairness_is_over_what_each_sent_of_what_it_wanted() -> None:
    """Both sent half of what they wanted, though one of them ten times as much as the other."""
    sampled = pd.concat([rates(50, 50), rates(500, 500, session="t", demand_bps=1000)], ignore_index=True)
    assert summarise_admission({}, sampled)["fairness_ppm"] == {"downstream": MILLION, "upstream": None}
    uneven = pd.concat([rates(50, 50), rates(0, 0, session="t")], ignore_index=True)
    assert summarise_admission({}, uneven)["fairness_ppm"]["downstream"] == MILLION // 2


@pytest.mark.parametrize(("shares", "expected"), [([], None), ([0, 0], None), ([7], MILLION)])
def test_fairness_needs_somebody_who_sent(shares: list[int], expected: int | None) -> None:
    assert fairness_ppm(shares) == expected


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=40), st.integers(2, 1000))
def test_jains_index_lies_between_one_over_the_number_and_one_and_knows_no_unit(
    shares: list[int], factor: int
) -> None:
    found = fairness_ppm(shares)
    assert found is not None
    assert MILLION // len(shares) <= found <= MILLION
    assert fairness_ppm([share * factor for share in shares]) == found
    assert fairness_ppm([shares[0]] * len(shares)) == MILLION
