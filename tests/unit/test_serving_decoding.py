"""Step times: the published rows come out, and what is between and beyond them is lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.applications.inference.batching import BATCHERS, Request
from testbed.applications.inference.decoding import CLOUDMATRIX384, DECODE_TABLES, DecodePoint, DecodeTable
from testbed.applications.inference.model import Batching, Service
from testbed.model.base import FieldError

MS = 1_000_000
PUBLISHED = [
    (1024, 1024, 128, 46.8, 2733),
    (2048, 256, 112, 47.4, 2360),
    (4096, 256, 96, 49.4, 1943),
    (4096, 256, 24, 24.6, 974),
    (4096, 256, 8, 14.9, 538),
]
"""Prompt, output, batch, time per output token in ms, tokens a second and NPU: arXiv 2506.12708, decode."""

TABLE = DecodeTable(CLOUDMATRIX384)


def saturated(prompt: int, output: int, batch: int, table: DecodeTable) -> tuple[float, float]:
    """Tokens a second and the mean time per output token in ms of a node that always has requests waiting."""
    serving = BATCHERS[Batching.CONTINUOUS](
        # Prefill is on other NPUs in these measurements, and not what limits them.
        most=batch,
        prefill_tokens_per_s=10**9,
        step_time=table.step_ns,
    )
    for number in range(2 * batch):
        serving.arrive(Request(number, prompt, output), 0)
    first_ns = {}
    times_ns = []
    while serving.next_at_ns is not None:
        for token in serving.advance(serving.next_at_ns):
            if token.index == 1:
                first_ns[token.request] = token.at_ns
            elif token.is_last:
                times_ns.append((token.at_ns - first_ns[token.request]) / (output - 2))
    worked = serving.worked
    assert worked.answered == 2 * batch
    return worked.decoded / worked.decode_ns * 1e9, sum(times_ns) / len(times_ns) / 1e6


@pytest.mark.parametrize(("prompt", "output", "batch", "tpot_ms", "tokens_per_s"), PUBLISHED)
def test_a_saturated_node_decodes_as_published(
    prompt: int, output: int, batch: int, tpot_ms: float, tokens_per_s: float
) -> None:
    found_per_s, found_ms = saturated(prompt, output, batch, TABLE)
    assert found_per_s == pytest.approx(tokens_per_s, rel=0.02)
    assert found_ms == pytest.approx(tpot_ms, rel=0.02)


def test_without_the_lengths_of_prompts_the_published_rows_do_not_come_out() -> None:
    """The control: the line of 4096-token prompts alone is far off for short ones."""
    line = DecodeTable([point for point in CLOUDMATRIX384 if point.prompt_tokens == 4096])
    found_per_s, _ = saturated(1024, 64, 128, line)
    assert found_per_s < 0.8 * 2733


def test_an_editor_is_offered_every_table_that_may_be_named() -> None:
    by_name = Service.model_json_schema()["properties"]["decode"]["anyOf"][1]
    assert by_name.get("enum", [by_name.get("const")]) == [*DECODE_TABLES]


def test_between_the_points_are_straight_lines() -> None:
    assert TABLE.step_ns([4096] * 60) == round((24.6 + (49.4 - 24.6) * 36 / 72) * MS)


def test_above_the_last_point_the_last_line_goes_on() -> None:
    assert TABLE.step_ns([4096] * 120) == pytest.approx((49.4 + (49.4 - 24.6) * 24 / 72) * MS, abs=1)


def test_below_the_first_point_nothing_is_faster() -> None:
    assert [TABLE.step_ns([4096] * batch) for batch in (1, 3, 8)] == [round(14.9 * MS)] * 3


def test_a_request_saves_by_its_own_length_whoever_is_beside_it() -> None:
    mixed = TABLE.step_ns([1024] * 40 + [4096] * 40)
    assert mixed == pytest.approx((TABLE.step_ns([1024] * 80) + TABLE.step_ns([4096] * 80)) / 2, abs=1)


def test_a_single_point_is_level() -> None:
    table = DecodeTable([DecodePoint(batch=4, tpot_ns=10 * MS)])
    assert [table.step_ns([1] * batch) for batch in (1, 4, 100)] == [10 * MS] * 3
    assert table.best_token_ns(1, most=4) == 2.5 * MS
    assert table.best_token_ns(1, most=10) == 1 * MS


def test_a_token_costs_least_in_the_largest_batch_that_was_measured_or_is_used() -> None:
    assert TABLE.best_token_ns(1024, most=8) == pytest.approx(46.8 / 128 * MS)
    assert TABLE.best_token_ns(1024, most=256) == pytest.approx(TABLE.step_ns([1024] * 256) / 256, abs=1)


@given(st.lists(st.integers(1, 8000), min_size=1, max_size=150), st.integers(0, 50))
def test_no_batch_makes_its_tokens_in_less_than_their_least_cost(prompts: list[int], spare: int) -> None:
    most = len(prompts) + spare
    assert sum(TABLE.best_token_ns(each, most) for each in prompts) <= TABLE.step_ns(prompts) + 1


@given(
    st.lists(st.integers(1, 8000), min_size=1, max_size=150),
    st.integers(1, 8000),
)
def test_one_more_request_never_makes_a_step_shorter_nor_a_token_dearer(
    prompts: list[int], another: int
) -> None:
    """Of equals: a short prompt beside long ones may well make the mean length, and so the step, shorter."""
    alike = [another] * len(prompts)
    one, more = TABLE.step_ns(alike), TABLE.step_ns([*alike, another])
    assert one <= more
    assert more / (len(alike) + 1) <= one / len(alike) + 1


@pytest.mark.parametrize(
    ("points", "keys"),
    [
        ([(8, None, 10), (8, None, 11)], (1, "batch")),
        ([(8, 100, 10), (16, None, 11)], (1, "prompt_tokens")),
        ([(8, 100, 10), (16, 100, 11), (8, 200, 12), (16, 200, 13)], (1, "prompt_tokens")),
    ],
)
def test_points_that_contradict_each_other_are_refused(
    points: list[tuple[int, int | None, int]], keys: tuple[int, str]
) -> None:
    with pytest.raises(FieldError) as refused:
        DecodeTable(
            [DecodePoint(batch=batch, prompt_tokens=length, tpot_ns=ms * MS) for batch, length, ms in points]
        )
    assert refused.value.keys == keys
