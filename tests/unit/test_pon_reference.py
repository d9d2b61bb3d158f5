"""The ideal shares of G.9807.1 C.7: worked examples, and what holds for any T-CONTs under any load."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.pon import Eligibility, Share, TCont, shares

REPEATABLE = settings(max_examples=300, deadline=None, derandomize=True)
CAPACITY_BPS = 1000
NONE, NON_ASSURED, BEST_EFFORT = Eligibility.NONE, Eligibility.NON_ASSURED, Eligibility.BEST_EFFORT


def best_effort(alloc_id: int, *, maximum_bps: int = 2000, priority: int = 1, weight: int = 1) -> TCont:
    return TCont(
        alloc_id=alloc_id,
        onu=alloc_id,
        maximum_bps=maximum_bps,
        eligibility=BEST_EFFORT,
        priority=priority,
        weight=weight,
    )


def non_assured(alloc_id: int, assured_bps: int, maximum_bps: int = 2000) -> TCont:
    return TCont(
        alloc_id=alloc_id,
        onu=alloc_id,
        assured_bps=assured_bps,
        maximum_bps=maximum_bps,
        eligibility=NON_ASSURED,
    )


def fixed(alloc_id: int, fixed_bps: int) -> TCont:
    return TCont(alloc_id=alloc_id, onu=alloc_id, fixed_bps=fixed_bps, maximum_bps=fixed_bps)


def assigned(tconts: list[TCont], offered_bps: dict[int, int]) -> list[Fraction]:
    return [share.assigned_bps for share in shares(CAPACITY_BPS, tconts, offered_bps).values()]


def test_fixed_is_held_without_load_and_carries_nothing_then() -> None:
    result = shares(CAPACITY_BPS, [fixed(1, 300), best_effort(2)], {2: 5000})
    assert result[1] == Share(assigned_bps=Fraction(300), carried_bps=Fraction(0))
    assert result[2].carried_bps == 700


def test_assured_that_is_not_asked_for_is_others_to_use() -> None:
    assert assigned([non_assured(1, 600), best_effort(2)], {1: 100, 2: 5000}) == [100, 900]


def test_non_assured_share_what_is_left_in_proportion_to_their_guarantee() -> None:
    assert assigned([non_assured(1, 300), non_assured(2, 100)], {1: 5000, 2: 5000}) == [750, 250]


def test_what_one_cannot_take_the_others_do() -> None:
    tconts = [non_assured(1, 300, maximum_bps=400), non_assured(2, 100), non_assured(3, 100)]
    assert assigned(tconts, {1: 5000, 2: 5000, 3: 250}) == [400, 350, 250]


def test_non_assured_are_satisfied_before_best_effort_gets_anything() -> None:
    tconts = [best_effort(1), non_assured(2, 1)]
    assert assigned(tconts, {1: 5000, 2: 900}) == [100, 900]
    assert assigned(tconts, {1: 5000, 2: 5000}) == [0, 1000]


def test_priority_is_strict_and_weight_divides_equals() -> None:
    tconts = [best_effort(1, priority=2, weight=3), best_effort(2, priority=2), best_effort(3, priority=1)]
    assert assigned(tconts, {1: 5000, 2: 5000, 3: 200}) == [600, 200, 200]
    assert assigned(tconts, {1: 5000, 2: 5000, 3: 5000}) == [0, 0, 1000]


def test_weights_of_150_to_1_are_exact() -> None:
    tconts = [best_effort(1, weight=150), best_effort(2)]
    assert assigned(tconts, {1: 5000, 2: 5000}) == [Fraction(150_000, 151), Fraction(1000, 151)]


def test_guarantees_beyond_the_capacity_are_refused() -> None:
    with pytest.raises(ValueError, match=r"add up to 1.2 kbit/s; at most 1 kbit/s fit"):
        shares(CAPACITY_BPS, [fixed(1, 600), fixed(2, 600)], {})


def test_a_non_assured_t_cont_without_a_guarantee_is_refused() -> None:
    with pytest.raises(ValueError, match="in proportion to fixed"):
        shares(CAPACITY_BPS, [replace(best_effort(1), eligibility=NON_ASSURED)], {})


@st.composite
def some_tconts(draw: st.DrawFn) -> list[TCont]:
    """Up to eight T-CONTs whose guarantees together fit the capacity."""
    tconts, room = [], CAPACITY_BPS
    for alloc_id in range(draw(st.integers(1, 8))):
        fixed_bps = draw(st.integers(0, room // 2))
        assured_bps = draw(st.integers(0, room // 2))
        room -= fixed_bps + assured_bps
        guaranteed_bps = fixed_bps + assured_bps
        eligibility = draw(st.sampled_from(Eligibility if guaranteed_bps else [BEST_EFFORT]))
        more_bps = 0 if eligibility is NONE else draw(st.integers(1, 1500))
        tconts.append(
            TCont(
                alloc_id=alloc_id,
                onu=alloc_id % 3,
                fixed_bps=fixed_bps,
                assured_bps=assured_bps,
                maximum_bps=guaranteed_bps + more_bps,
                eligibility=eligibility,
                priority=draw(st.integers(1, 3)),
                weight=draw(st.sampled_from([1, 2, 150])),
            )
        )
    return tconts


Case = tuple[list[TCont], dict[int, int]]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    tconts = draw(some_tconts())
    return tconts, {tcont.alloc_id: draw(st.integers(0, 2000)) for tcont in tconts}


def room_of(tcont: TCont, share: Share, offered_bps: int) -> Fraction:
    """How much more a T-CONT would take."""
    most_bps = tcont.guaranteed_bps if tcont.eligibility is NONE else tcont.maximum_bps
    return max(min(most_bps, offered_bps) - share.assigned_bps, Fraction(0))


@REPEATABLE
@given(cases())
def test_nobody_has_more_than_the_line_its_maximum_or_its_load_but_for_what_is_fixed(case: Case) -> None:
    tconts, offered_bps = case
    result = shares(CAPACITY_BPS, tconts, offered_bps)
    assert sum(share.assigned_bps for share in result.values()) <= CAPACITY_BPS
    for tcont in tconts:
        share = result[tcont.alloc_id]
        assert share.assigned_bps <= tcont.maximum_bps
        assert share.assigned_bps <= max(tcont.fixed_bps, offered_bps[tcont.alloc_id])
        assert share.carried_bps == min(share.assigned_bps, offered_bps[tcont.alloc_id])


@REPEATABLE
@given(cases())
def test_a_guarantee_is_met_whatever_the_others_do(case: Case) -> None:
    tconts, offered_bps = case
    result = shares(CAPACITY_BPS, tconts, offered_bps)
    for tcont in tconts:
        least_bps = min(tcont.guaranteed_bps, max(tcont.fixed_bps, offered_bps[tcont.alloc_id]))
        assert result[tcont.alloc_id].assigned_bps >= least_bps


@REPEATABLE
@given(cases())
def test_nothing_is_left_while_somebody_would_take_it(case: Case) -> None:
    tconts, offered_bps = case
    result = shares(CAPACITY_BPS, tconts, offered_bps)
    if sum(share.assigned_bps for share in result.values()) < CAPACITY_BPS:
        assert not any(
            room_of(tcont, result[tcont.alloc_id], offered_bps[tcont.alloc_id]) for tcont in tconts
        )


@REPEATABLE
@given(cases())
def test_nobody_gets_a_surplus_while_one_before_it_wants_more(case: Case) -> None:
    tconts, offered_bps = case
    result = shares(CAPACITY_BPS, tconts, offered_bps)

    def rank(tcont: TCont) -> int:
        return 0 if tcont.eligibility is NON_ASSURED else tcont.priority

    for first in tconts:
        if not room_of(first, result[first.alloc_id], offered_bps[first.alloc_id]):
            continue
        for second in tconts:
            if second.eligibility is BEST_EFFORT and rank(second) > rank(first):
                assert result[second.alloc_id].assigned_bps <= second.guaranteed_bps


@REPEATABLE
@given(cases(), st.integers(2, 10**9))
def test_a_line_a_thousand_times_as_fast_gives_a_thousand_times_as_much(case: Case, factor: int) -> None:
    tconts, offered_bps = case
    small = shares(CAPACITY_BPS, tconts, offered_bps)
    scaled = [
        replace(
            tcont,
            fixed_bps=tcont.fixed_bps * factor,
            assured_bps=tcont.assured_bps * factor,
            maximum_bps=tcont.maximum_bps * factor,
        )
        for tcont in tconts
    ]
    large = shares(CAPACITY_BPS * factor, scaled, {key: load * factor for key, load in offered_bps.items()})
    for alloc_id, share in small.items():
        assert large[alloc_id].assigned_bps == share.assigned_bps * factor
