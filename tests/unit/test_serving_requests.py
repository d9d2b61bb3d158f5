"""When clients ask: evenly, at random with the mean and spread that were asked for, or as a trace has it."""

from itertools import pairwise
from pathlib import Path
from random import Random
from statistics import mean, stdev
from typing import Any

import pytest
from pydantic import ValidationError

from testbed.applications.inference.model import Clients
from testbed.applications.inference.requests import Asked, requests
from testbed.applications.inference.trace_file import read_trace

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


AZURE_2024 = """\
TIMESTAMP,ContextTokens,GeneratedTokens
2024-05-10 00:00:00.009930+00:00,2162,5
2024-05-10 00:00:00+00:00,9,9
2024-05-10 02:00:00.017335+02:00,2399,6
2024-05-09 19:00:01-05:00,76,15
2024-05-10 00:00:01.5Z,7,8
2024-05-10 00:00:02,1,2
"""
BURST_GPT = """\
Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type
5,ChatGPT,472,18,490,Conversation log
45,ChatGPT,1087,0,1087,Conversation log
45.5,GPT-4,417,276,693,"API log"
118,ChatGPT,1360,647,2007,Conversation log
"""
BURST_GPT_WITH_SESSIONS = """\
Session ID,Elapsed time,Log Type,Response tokens,Request tokens,Timestamp
1,2.5,Conversation log,18,472,5.0
2,0.1,Conversation log,0,0,6.0
3,0.1,API log,276,417,45.500000001
"""
MOONCAKE = """\
{"timestamp": 100, "input_length": 6758, "output_length": 500, "hash_ids": [0, 1, 2]}
{"timestamp": 100, "input_length": 7322, "output_length": 490, "hash_ids": []}
{"timestamp": 3152.000001, "input_length": 7237, "output_length": 794}
"""
S = 1_000 * MS


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            AZURE_2024.replace("2024-05-10 00:00:00+00:00,9,9\n", ""),
            [
                (0, 2162, 5),
                (7_405_000, 2399, 6),
                (S - 9_930_000, 76, 15),
                (S + 490_070_000, 7, 8),
                (2 * S - 9_930_000, 1, 2),
            ],
        ),
        (BURST_GPT, [(0, 472, 18), (40_500 * MS, 417, 276), (113 * S, 1360, 647)]),
        (BURST_GPT_WITH_SESSIONS, [(0, 472, 18), (40_500 * MS + 1, 417, 276)]),
        (MOONCAKE, [(0, 6758, 500), (0, 7322, 490), (3052 * MS + 1, 7237, 794)]),
        (
            "\ufeff" + MOONCAKE.replace("\n", "\r\n"),
            [(0, 6758, 500), (0, 7322, 490), (3052 * MS + 1, 7237, 794)],
        ),
    ],
    ids=["azure 2024", "burstgpt", "burstgpt with sessions", "mooncake", "mooncake from windows"],
)
def test_the_published_formats_are_told_by_their_first_line(
    text: str, found: list[tuple[int, int, int]], tmp_path: Path
) -> None:
    path = tmp_path / "trace"
    path.write_bytes(text.encode())
    assert [(each.after_ns, each.prompt_tokens, each.output_tokens) for each in read_trace(path)] == found


@pytest.mark.parametrize(
    ("text", "old", "new", "message"),
    [
        (AZURE_2024, "", "", "line 3: is earlier than the line before it; sort it by time"),
        (AZURE_2024, "930+00:00", "930+0000", "line 2: '2024-05-10 00:00:00.009930+0000' is no timestamp"),
        (AZURE_2024, "930+00:00", "930+99:00", "line 2: '2024-05-10 00:00:00.009930+99:00' is no timestamp"),
        (BURST_GPT, "Response tokens", "Answer", "line 1: is not the heading TIMESTAMP,"),
        (BURST_GPT, "Model", "Timestamp", "line 1: is not the heading TIMESTAMP,"),
        (BURST_GPT, "5,ChatGPT,472", "5,ChatGPT,0", "line 2: Request tokens is '0'; that is a whole number"),
        (BURST_GPT, "1360,647", "1360,-1", "line 5: Response tokens is '-1'; that is a whole number"),
        (BURST_GPT, "118,", "44,", "line 5: is earlier than the line before it"),
        (BURST_GPT, "118,", "1e3,", "line 5: Timestamp is '1e3'; that is a number of seconds"),
        (BURST_GPT, ",Conversation log", "", "line 2: has 5 fields instead of 6"),
        (BURST_GPT, "45,ChatGPT,1087,0,", "x,ChatGPT,1087,0,", "line 3: Timestamp is 'x'"),
        (MOONCAKE, '"output_length": 490, ', "", "line 2: lacks output_length"),
        (
            MOONCAKE,
            '"output_length": 490',
            '"output_length": 0',
            "line 2: output_length is '0'; that is a whole",
        ),
        (MOONCAKE, "7322", "7322.5", "line 2: input_length is '7322.5'; that is a whole number"),
        (MOONCAKE, "7322", "true", "line 2: input_length is 'True'; that is a whole number"),
        (MOONCAKE, "3152.000001", "99", "line 3: is earlier than the line before it"),
        (
            MOONCAKE,
            "3152.000001",
            "3152.0000001",
            "line 3: timestamp is '3152.0000001'; that is a number of milli",
        ),
        (MOONCAKE, "[]}", "[]", "line 2: is no JSON: Expecting ',' delimiter at column"),
        (MOONCAKE, "3152.000001, ", "3152}\n[", "line 3: lacks input_length, output_length"),
        (MOONCAKE, "[]}", "[" * 100_000, "line 2: is no JSON"),
    ],
)
def test_a_published_trace_that_is_damaged_is_refused_with_line_and_column(
    text: str, old: str, new: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "trace"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ValueError, match="trace, line") as refused:
        read_trace(path)
    assert message in str(refused.value)


def test_a_trace_of_failures_alone_has_no_requests(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_text(
        "".join(line + "\n" for line in BURST_GPT.splitlines() if ",0," in line or "Model" in line)
    )
    with pytest.raises(ValueError, match=r"trace\.csv has no requests"):
        read_trace(path)


def test_of_a_long_trace_only_what_comes_in_time_is_read(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_text(BURST_GPT + "what stands behind is not looked at\n")
    assert [each.after_ns for each in read_trace(path, 113 * S)] == [0, 40_500 * MS]
    assert [each.after_ns for each in read_trace(path, 1)] == [0]
    with pytest.raises(ValueError, match="line 6: has 1 fields"):
        read_trace(path, 113 * S + 1)


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
