"""When clients ask: evenly, at random with the mean and spread that were asked for, or as a trace has it."""

from itertools import pairwise
from pathlib import Path
from random import Random
from statistics import mean, stdev
from typing import Any

import pytest
from pydantic import ValidationError

from testbed.model.serving import Clients
from testbed.scenario.request_trace import read_trace
from testbed.workload.requests import Asked, requests

MS = 1_000_000
SHARED = Path(__file__).parents[3] / "shared" / "data" / "llm"
TRACE = """\
TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:17:03.9799600,4808,10
2023-11-16 18:17:04.0319600,3180,8
2023-11-16 18:17:04.0319601,110,27
2023-11-16 18:17:05,7433,14
"""


def clients(**changes: Any) -> Clients:
    """From 10 ms to 10.01 s."""
    common = {"host": "home1", "starts": "10 ms", "ends": "10010 ms"}
    return Clients.model_validate(common | changes)


def instants(seed: str = "1/chat/requests", **changes: Any) -> list[int]:
    return [asked.at_ns for asked in requests(clients(**changes), Random(seed))]


def gaps(**changes: Any) -> list[int]:
    return [after - before for before, after in pairwise(instants(**changes))]


def test_evenly_spaced_requests_begin_at_the_start() -> None:
    found = [*requests(clients(arrivals="constant", interval="3 s", prompt_tokens=9), Random(0))]
    assert found == [Asked(10 * MS + number * 3000 * MS, 9, 256) for number in range(4)]


def test_a_poisson_process_has_the_mean_and_the_spread_of_one() -> None:
    found = gaps(interval="1 ms")
    assert mean(found) == pytest.approx(MS, rel=0.03)
    assert stdev(found) / mean(found) == pytest.approx(1, rel=0.03)


def test_bursts_have_the_mean_and_the_variation_asked_for() -> None:
    found = gaps(arrivals="bursty", burstiness=3, interval="1 ms")
    assert mean(found) == pytest.approx(MS, rel=0.1)
    assert stdev(found) / mean(found) == pytest.approx(3, rel=0.1)


def test_a_seed_repeats_its_requests_and_another_one_does_not() -> None:
    assert instants(interval="10 ms") == instants(interval="10 ms")
    assert instants(interval="10 ms") != instants("2/chat/requests", interval="10 ms")


def test_no_request_is_before_the_start_or_at_the_end() -> None:
    for arrivals in ({"arrivals": "poisson"}, {"arrivals": "bursty", "burstiness": 9}):
        found = instants(interval="100 us", **arrivals)
        assert 10 * MS <= found[0] <= found[-1] < 10_010 * MS


def test_a_trace_keeps_its_times_and_lengths_from_the_start_on(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_text(TRACE)
    traced = clients(arrivals="trace", trace=str(path), ends="1010 ms")
    assert [*requests(traced, Random(0))] == [
        Asked(10 * MS, 4808, 10),
        Asked(62 * MS, 3180, 8),
        Asked(62 * MS + 100, 110, 27),
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("TIMESTAMP,", "TIME,", "line 1: is not the heading TIMESTAMP,ContextTokens,GeneratedTokens"),
        ("3180,8", "3180", "line 3: has 2 fields instead of 3"),
        ("3180", "0", "line 3: ContextTokens is '0'; that is a whole number, 1 to 1,000,000"),
        (",8", ",8.5", "line 3: GeneratedTokens is '8.5'; that is a whole number, 1 to 1,000,000"),
        ("04.0319601", "04.0319599", "line 4: is earlier than the line before it"),
        ("2023-11-16 18:17:05", "2023-11-16T18:17:05", "line 5: '2023-11-16T18:17:05' is no timestamp"),
        ("2023-11-16 18:17:05", "2023-11-31 18:17:05", "line 5: "),
        (TRACE, TRACE.splitlines()[0], "trace.csv has no requests"),
        (TRACE, "", "line 1: is not the heading"),
        (",27", ',"27', "cannot be read"),
    ],
)
def test_a_trace_that_is_not_whole_is_refused_with_its_line(
    old: str, new: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "trace.csv"
    path.write_text(TRACE.replace(old, new, 1))
    with pytest.raises(ValueError, match=r"trace\.csv") as refused:
        read_trace(path)
    assert message in str(refused.value)


def test_a_trace_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none\.csv cannot be read: .*No such file"):
        read_trace(tmp_path / "none.csv")


@pytest.mark.skipif(not SHARED.is_dir(), reason="the folder shared/data/llm is not beside the project")
@pytest.mark.parametrize(("name", "count", "seconds"), [("code", 8819, 3436), ("conv", 19366, 3501)])
def test_the_published_traces_are_read_whole(name: str, count: int, seconds: int) -> None:
    trace = read_trace(SHARED / f"AzureLLMInferenceTrace_{name}.csv")
    assert len(trace) == count
    assert trace[0].after_ns == 0
    assert trace[-1].after_ns // 10**9 == pytest.approx(seconds, abs=2)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({}, "interval"),
        ({"interval": "1 ms", "ends": "10 ms"}, "ends"),
        ({"interval": "1 ms", "burstiness": 2}, "burstiness"),
        ({"interval": "1 ms", "arrivals": "bursty"}, "burstiness"),
        ({"interval": "1 ms", "trace": "a.csv"}, "trace"),
        ({"arrivals": "trace"}, "trace"),
        ({"arrivals": "trace", "trace": "a.csv", "interval": "1 ms"}, "interval"),
        ({"arrivals": "trace", "trace": "a.csv", "output_tokens": 5}, "output_tokens"),
    ],
)
def test_keys_that_do_not_go_together_are_refused(changes: dict[str, Any], key: str) -> None:
    with pytest.raises(ValidationError) as refused:
        clients(**changes)
    (finding,) = refused.value.errors()
    assert finding["ctx"]["error"].keys == (key,)
