"""Prefill and batches as instants: who waits for what, in both kinds of batching, whatever comes when."""

from itertools import groupby
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.applications.inference.batching import BATCHERS, Batcher, Request, Token
from testbed.applications.inference.model import Batching
from testbed.applications.transfer.summary import united

MS = 1_000_000
PREFILL_PER_S = 1_000
"""A millisecond a token of a prompt."""


def batcher(batching: Batching = Batching.CONTINUOUS, most: int = 4) -> Batcher:
    """A step takes 10 ms and one more for each request in it."""
    return BATCHERS[batching](
        most=most, prefill_tokens_per_s=PREFILL_PER_S, step_time=lambda prompts: (10 + len(prompts)) * MS
    )


def played(serving: Batcher, arrivals: list[tuple[int, Request]]) -> list[Token]:
    """All tokens, asked for just when they are there or something arrives."""
    tokens: list[Token] = []
    for at_ns, request in arrivals:
        while (next_ns := serving.next_at_ns) is not None and next_ns < at_ns:
            tokens += serving.advance(next_ns)
        tokens += serving.advance(at_ns)
        serving.arrive(request, at_ns)
    while (next_ns := serving.next_at_ns) is not None:
        tokens += serving.advance(next_ns)
    return tokens


def instants_ms(tokens: list[Token], key: str) -> list[float]:
    return [token.at_ns / MS for token in tokens if token.request.key == key]


def test_the_first_token_comes_with_the_prefill_and_each_further_one_with_a_step() -> None:
    tokens = played(batcher(), [(5 * MS, Request("a", 20, 3))])
    assert instants_ms(tokens, "a") == [25, 36, 47]
    assert [token.is_last for token in tokens] == [False, False, True]


def test_prompts_wait_for_prefill_one_after_another() -> None:
    tokens = played(
        batcher(), [(0, Request("a", 20, 1)), (0, Request("b", 30, 1)), (40 * MS, Request("c", 5, 1))]
    )
    assert [(token.request.key, token.at_ns / MS) for token in tokens] == [("a", 20), ("b", 50), ("c", 55)]


def test_a_request_joins_at_the_next_step_and_makes_it_longer() -> None:
    tokens = played(batcher(), [(0, Request("a", 10, 4)), (10 * MS, Request("b", 5, 3))])
    assert instants_ms(tokens, "a") == [10, 21, 33, 45]
    assert instants_ms(tokens, "b") == [15, 33, 45]


def test_what_is_ready_at_the_very_end_of_a_step_joins_the_next_one() -> None:
    tokens = played(batcher(), [(0, Request("a", 10, 3)), (10 * MS, Request("b", 11, 2))])
    assert instants_ms(tokens, "b") == [21, 33]


def test_who_finds_the_batch_full_waits_for_a_place_and_not_for_the_first_token() -> None:
    arrivals = [(0, Request("a", 1, 4)), (0, Request("b", 1, 2))]
    tokens = played(batcher(most=1), arrivals)
    assert instants_ms(tokens, "a") == [1, 12, 23, 34]
    assert instants_ms(tokens, "b") == [2, 45]


def test_in_static_batching_who_comes_later_waits_until_the_whole_batch_is_done() -> None:
    """Against the control of the same arrivals in continuous batching."""
    arrivals = [(0, Request("a", 10, 4)), (11 * MS, Request("b", 5, 3))]
    static = played(batcher(Batching.STATIC), arrivals)
    assert instants_ms(static, "a") == [10, 21, 32, 43]
    assert instants_ms(static, "b") == [48, 59, 70]
    continuous = played(batcher(Batching.CONTINUOUS), arrivals)
    assert instants_ms(continuous, "b")[0] == 16


def test_a_static_batch_takes_all_who_wait_and_as_long_as_its_longest_answer() -> None:
    arrivals = [(0, Request("a", 10, 2)), (1 * MS, Request("b", 5, 2)), (2 * MS, Request("c", 5, 4))]
    arrivals.append((3 * MS, Request("d", 5, 1)))
    arrivals.append((4 * MS, Request("e", 5, 2)))
    tokens = played(batcher(Batching.STATIC, most=3), arrivals)
    assert instants_ms(tokens, "a") == [10, 21]
    # b, c and d are the next batch; d has its answer with the prefill, and the steps are of b and c.
    assert (instants_ms(tokens, "b"), instants_ms(tokens, "d")) == ([26, 48], [36])
    assert instants_ms(tokens, "c") == [31, 48, 60, 72]
    assert instants_ms(tokens, "e") == [77, 88]


def test_a_static_batch_of_single_tokens_needs_no_steps() -> None:
    serving = batcher(Batching.STATIC)
    tokens = played(serving, [(0, Request("a", 10, 1)), (1 * MS, Request("b", 5, 1))])
    assert [token.at_ns / MS for token in tokens] == [10, 15]
    assert serving.worked.steps == 0


def test_what_was_done_is_counted() -> None:
    serving = batcher()
    played(serving, [(0, Request("a", 10, 4)), (10 * MS, Request("b", 5, 3))])
    worked = serving.worked
    assert (worked.requests, worked.answered, worked.tokens, worked.decoded) == (2, 2, 7, 5)
    assert (worked.steps, worked.decode_ns, worked.prefill_ns) == (3, 35 * MS, 15 * MS)
    # The second prompt's prefill goes on beside a step, and counts once.
    assert worked.busy_ns == 45 * MS


def test_work_is_counted_until_the_instant_that_is_asked_about() -> None:
    serving = batcher()
    serving.arrive(Request("a", 10, 4), 0)
    assert (serving.worked_by(4 * MS).busy_ns, serving.worked_by(4 * MS).prefill_ns) == (4 * MS, 4 * MS)
    serving.advance(15 * MS)
    halfway = serving.worked_by(15 * MS)
    assert (halfway.busy_ns, halfway.prefill_ns, halfway.decode_ns) == (15 * MS, 10 * MS, 5 * MS)


def test_a_node_that_only_prefills_is_utilised() -> None:
    """Prompts of one token each have no step, and their prefill is work."""
    serving = batcher()
    played(serving, [(0, Request("a", 41, 1)), (50 * MS, Request("b", 1, 1))])
    assert (serving.worked.steps, serving.worked_by(100 * MS).busy_ns) == (0, 42 * MS)


ARRIVALS = st.lists(
    st.tuples(st.integers(0, 200), st.integers(1, 50), st.integers(1, 12)), min_size=1, max_size=30
)


def asked(numbers: list[tuple[int, int, int]]) -> list[tuple[int, Request]]:
    return [
        (at_ms * MS, Request(key, prompt, output))
        for key, (at_ms, prompt, output) in enumerate(sorted(numbers))
    ]


@given(ARRIVALS, st.sampled_from(Batching), st.integers(1, 5), st.integers(0, 1000))
def test_the_busy_time_is_the_union_of_all_prefills_and_steps(
    numbers: list[tuple[int, int, int]], batching: Batching, most: int, until_ms: int
) -> None:
    serving, spans = batcher(batching, most=most), list[tuple[int, int]]()
    count = serving._work

    def noted(from_ns: int, to_ns: int) -> None:
        spans.append((from_ns, to_ns))
        count(from_ns, to_ns)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serving, "_work", noted)
        for at_ns, request in asked(numbers):
            if at_ns <= until_ms * MS:
                serving.advance(at_ns)
                serving.arrive(request, at_ns)
        serving.advance(until_ms * MS)
    inside = [(start_ns, min(end_ns, until_ms * MS)) for start_ns, end_ns in spans]
    busy_ns = sum(end_ns - start_ns for start_ns, end_ns in united(inside))
    assert serving.worked_by(until_ms * MS).busy_ns == busy_ns <= until_ms * MS


@given(ARRIVALS, st.sampled_from(Batching), st.integers(1, 5))
def test_every_request_gets_every_token_once_and_in_order(
    numbers: list[tuple[int, int, int]], batching: Batching, most: int
) -> None:
    arrivals = asked(numbers)
    serving = batcher(batching, most)
    tokens = played(serving, arrivals)
    assert [token.at_ns for token in tokens] == sorted(token.at_ns for token in tokens)
    for at_ns, request in arrivals:
        mine = [token for token in tokens if token.request == request]
        assert [token.index for token in mine] == [*range(request.output_tokens)]
        assert mine[0].at_ns >= at_ns + request.prompt_tokens * MS
    assert serving.next_at_ns is None
    assert serving.worked.answered == len(arrivals)


@given(ARRIVALS, st.sampled_from(Batching), st.integers(1, 5))
def test_no_step_has_more_requests_than_the_batch_holds(
    numbers: list[tuple[int, int, int]], batching: Batching, most: int
) -> None:
    tokens = [token for token in played(batcher(batching, most), asked(numbers)) if token.index > 0]
    for _, together in groupby(tokens, key=lambda token: token.at_ns):
        assert len([*together]) <= most


@given(ARRIVALS, st.sampled_from(Batching), st.lists(st.integers(0, 2000), max_size=20))
def test_asking_late_changes_nothing(
    numbers: list[tuple[int, int, int]], batching: Batching, looks_ms: list[int]
) -> None:
    """Whoever looks in between, or not at all until the end, finds the same tokens at the same instants."""
    arrivals = asked(numbers)
    prompt = played(batcher(batching), arrivals)
    serving, late = batcher(batching), []
    events: list[tuple[int, Any]] = [(at_ms * MS, None) for at_ms in looks_ms]
    for at_ns, request in sorted([*arrivals, *events], key=lambda event: event[0]):
        late += serving.advance(at_ns)
        if request is not None:
            serving.arrive(request, at_ns)
    late += serving.advance(10**12)
    assert late == prompt


@pytest.mark.parametrize("batching", Batching)
def test_a_node_without_requests_has_nothing_to_do(batching: Batching) -> None:
    serving = batcher(batching)
    assert serving.next_at_ns is None
    assert serving.advance(10**12) == []
