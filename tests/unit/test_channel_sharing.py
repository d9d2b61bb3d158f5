"""Sharing is weighted max-min: by hand, and against a linear program on random networks."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from scipy.optimize import linprog

from testbed.channel import Lane, Link, Want
from testbed.channel.max_min import share
from testbed.channel.policy import Need
from testbed.model.base import DOWNSTREAM

Rates = list[int]


def link(name: str, capacity_bps: int, committed_bps: int = 0) -> Link:
    return Link(name=name, direction=DOWNSTREAM, capacity_bps=capacity_bps, committed_bps=committed_bps)


def lane(*links: str, need_bps: int, committed_bps: int = 0, weight: int = 1) -> Lane:
    return Lane(
        session="s",
        direction=DOWNSTREAM,
        links=links,
        committed_bps=committed_bps,
        weight=weight,
        hold_ns=0,
        wants=(Want(need=Need(rate_bps=need_bps, reason="")),),
        rate_bps=committed_bps,
        is_open=True,
    )


def rates(links: list[Link], *lanes: Lane) -> Rates:
    return share(links, lanes).rates_bps


def test_what_fits_is_given_and_nobody_is_limited() -> None:
    lanes = [lane("pon", need_bps=600), lane("pon", need_bps=400)]
    shares = share([link("pon", 1000)], lanes)
    assert (shares.rates_bps, shares.limits) == ([600, 400], {})


def test_a_link_is_shared_evenly_above_what_is_committed() -> None:
    lanes = [lane("pon", need_bps=900, committed_bps=300), lane("pon", need_bps=900)]
    shares = share([link("pon", 1000)], lanes)
    assert (shares.rates_bps, shares.limits) == ([650, 350], {0: "pon", 1: "pon"})


def test_weights_divide_what_is_not_committed() -> None:
    lanes = [
        lane("pon", need_bps=900, weight=1),
        lane("pon", need_bps=900, weight=3),
        lane("pon", need_bps=900),
    ]
    assert rates([link("pon", 1000)], *lanes) == [200, 600, 200]


def test_who_needs_little_leaves_the_rest_to_the_others() -> None:
    lanes = [
        lane("pon", need_bps=100),
        lane("pon", need_bps=900, weight=2),
        lane("pon", need_bps=900, weight=1),
    ]
    assert rates([link("pon", 1000)], *lanes) == [100, 600, 300]


def test_a_narrow_link_stops_a_lane_and_leaves_the_wide_one_to_the_others() -> None:
    links = [link("pon", 1000), link("home1", 100)]
    lanes = [lane("pon", "home1", need_bps=900), lane("pon", need_bps=950)]
    shares = share(links, lanes)
    assert (shares.rates_bps, shares.limits) == ([100, 900], {0: "home1", 1: "pon"})


def test_the_parking_lot_gives_the_long_way_its_fair_share_of_each_link() -> None:
    """Bertsekas and Gallager, Data Networks, example of 6.5.2: max-min does not punish long paths."""
    links = [link("a", 1000), link("b", 1000), link("c", 2000)]
    lanes = [
        lane("a", "b", "c", need_bps=9000),
        lane("a", need_bps=9000),
        lane("b", need_bps=9000),
        lane("c", need_bps=9000),
    ]
    assert rates(links, *lanes) == [500, 500, 500, 1500]


def test_thirds_are_floored_and_less_than_a_bit_a_lane_is_left() -> None:
    lanes = [lane("pon", need_bps=900) for _ in range(3)]
    assert rates([link("pon", 1000)], *lanes) == [333, 333, 333]


def test_a_third_of_one_link_is_exact_on_the_next() -> None:
    """Levels are fractions: rounding 333 1/3 before the second link would give its other lane 667."""
    links = [link("a", 1000), link("b", 1000)]
    lanes = [
        lane("a", need_bps=900),
        lane("a", need_bps=900),
        lane("a", "b", need_bps=900),
        lane("b", need_bps=900),
    ]
    assert rates(links, *lanes) == [333, 333, 333, 666]


def test_what_subscriptions_have_is_nobodys_share() -> None:
    assert rates([link("pon", 1000, committed_bps=400)], lane("pon", need_bps=900)) == [600]


def test_a_lane_that_is_not_open_has_its_committed_rate_and_no_more() -> None:
    waiting = replace(lane("pon", need_bps=900, committed_bps=100), is_open=False)
    assert rates([link("pon", 1000)], waiting, lane("pon", need_bps=950)) == [100, 900]


def test_the_order_of_lanes_and_links_does_not_matter() -> None:
    for seed in range(50):
        links, lanes = random_network(Random(seed))
        in_order = rates(links, *lanes)
        assert rates(links[::-1], *lanes[::-1]) == in_order[::-1]


def random_network(random: Random) -> tuple[list[Link], list[Lane]]:
    """Up to 12 lanes over up to 6 links, whose committed rates fit; some links are wide enough for all."""
    names = [f"l{number}" for number in range(random.randint(1, 6))]
    lanes = []
    for _ in range(random.randint(1, 12)):
        path = random.sample(names, random.randint(1, len(names)))
        committed_bps = random.choice((0, random.randrange(20_000)))
        lanes.append(
            lane(
                *path,
                need_bps=committed_bps + random.choice((0, random.randrange(100_000), 10**6)),
                committed_bps=committed_bps,
                weight=random.choice((1, 1, 2, 3, 7, 150, 1000)),
            )
        )
    links = []
    for name in names:
        committed_bps = sum(each.committed_bps for each in lanes if name in each.links)
        links.append(link(name, committed_bps + random.randrange(300_000) + 7, committed_bps=7))
    return links, lanes


def reference(links: list[Link], lanes: list[Lane]) -> list[float]:
    """Weighted max-min by linear programs: raise the common level, fix those that hold it down, repeat.

    A lane whose constraint has a positive dual value holds the level down in every optimal solution.
    """
    count = len(lanes)
    crossing = [[*(1.0 if each.name in one.links else 0.0 for one in lanes), 0.0] for each in links]
    free = [
        each.channels_bps - sum(one.committed_bps for one in lanes if each.name in one.links)
        for each in links
    ]
    bounds = [(0.0, float(one.surplus_bps)) for one in lanes]
    fixed: dict[int, float] = {}
    while len(fixed) < count:
        rising = [index for index in range(count) if index not in fixed]
        # weight * level - x <= 0 for every lane that still rises; the last variable is the level.
        above = np.zeros((len(rising), count + 1))
        for row, index in enumerate(rising):
            above[row, index], above[row, count] = -1.0, float(lanes[index].weight)
        held = [(fixed[i], fixed[i]) if i in fixed else bounds[i] for i in range(count)]
        found = linprog(
            [*(0.0 for _ in lanes), -1.0],
            A_ub=np.vstack([np.array(crossing), above]),
            b_ub=[*free, *(0.0 for _ in rising)],
            bounds=[*held, (0.0, None)],
        )
        assert found.success, found.message
        level = found.x[count]
        holding = [
            index
            for row, index in enumerate(rising, start=len(links))
            if found.ineqlin.marginals[row] < -1e-9
        ]
        assert holding
        for index in holding:
            fixed[index] = lanes[index].weight * level
    return [lanes[index].committed_bps + fixed[index] for index in range(count)]


@pytest.mark.parametrize("hundred", [0, 1])
def test_shares_are_those_of_a_linear_program(hundred: int) -> None:
    for seed in range(100 * hundred, 100 * hundred + 100):
        links, lanes = random_network(Random(seed))
        for ours, exact in zip(rates(links, *lanes), reference(links, lanes), strict=True):
            assert -1 < ours - exact < 0.01, f"network {seed}"


def test_the_linear_program_finds_a_share_that_is_not_max_min() -> None:
    """The control: first come first served and keeping what one has, the rule before, are something else."""
    links = [link("pon", 1000)]
    lanes = [lane("pon", need_bps=900), lane("pon", need_bps=900)]
    assert reference(links, lanes) == pytest.approx([500, 500])
    assert reference(links, lanes) != pytest.approx([900, 100])


def test_no_link_is_above_its_capacity_and_what_is_left_is_less_than_a_bit_a_lane() -> None:
    for seed in range(300):
        links, lanes = random_network(Random(seed))
        shares = share(links, lanes)
        for each in links:
            on_it = [index for index, one in enumerate(lanes) if each.name in one.links]
            left_bps = each.channels_bps - sum(shares.rates_bps[index] for index in on_it)
            assert left_bps >= 0
            assert left_bps < len(on_it) or each.name not in shares.limits.values()
        for index, one in enumerate(lanes):
            short = shares.rates_bps[index] < one.committed_bps + one.surplus_bps
            assert not short or shares.limits[index] in one.links
