"""Exchanges of experts: which tokens go where, what is sent for them, and when an exchange is over."""

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.applications.experts.control import rank_requests
from testbed.applications.experts.exchange import MOST_PACKET_BYTES, Exchange, Message, Phase
from testbed.applications.experts.model import Experts
from testbed.applications.experts.routing import Matrix, exchange_matrices, exchange_matrix, traffic


def experts(**fields: Any) -> Experts:
    """A model of 8 ranks with 4 experts each."""
    return Experts.model_validate(
        {
            "ranks": 8,
            "job": {"weight": 1},
            "experts": 32,
            "top": 4,
            "tokens": 50,
            "starts_at_ns": 0,
            "ends_at_ns": 10**9,
            **fields,
        }
    )


def nodes(model: Experts) -> list[str]:
    return [f"node{rank}" for rank in range(model.ranks)]


def share_in_group(model: Experts, matrix: Matrix) -> float:
    """Which part of the tokens stays within the ranks of its group."""
    total = sum(sum(row) for row in matrix)
    own = sum(
        count
        for here, row in enumerate(matrix)
        for there, count in enumerate(row)
        if here // model.group == there // model.group
    )
    return own / total


def test_a_token_goes_to_as_many_ranks_as_hold_its_experts() -> None:
    spread = experts(experts=8, top=4, tokens=100)  # one expert a rank: four ranks for each token
    assert all(sum(row) == 400 for row in exchange_matrix(spread, Random(1)))
    packed = experts(ranks=2, experts=8, top=8, tokens=100)  # all experts for each token: both ranks, once
    assert exchange_matrix(packed, Random(1)) == ((100, 100), (100, 100))


def test_all_draw_the_same_and_other_seeds_draw_others() -> None:
    model = experts()
    ours, theirs = exchange_matrices(model, 7, "moe"), exchange_matrices(model, 7, "moe")
    drawn = [next(ours) for _ in range(3)]
    assert drawn == [next(theirs) for _ in range(3)]
    assert len({*drawn}) == 3, "each exchange has tokens of its own"
    assert next(exchange_matrices(model, 8, "moe")) != drawn[0]
    assert next(exchange_matrices(model, 7, "other")) != drawn[0]


def test_with_locality_tokens_stay_in_their_group_and_without_it_chance_decides() -> None:
    near = experts(group=2, locality=0.9, tokens=400, top=2)
    chance = experts(group=2, locality=0.0, tokens=400, top=2)
    assert share_in_group(near, exchange_matrix(near, Random(1))) > 0.85
    assert share_in_group(chance, exchange_matrix(chance, Random(1))) == pytest.approx(2 / 8, abs=0.02)


def test_a_group_that_has_too_few_experts_for_a_token_leaves_the_rest_to_chance() -> None:
    model = experts(group=1, locality=1.0, top=6, tokens=20)  # a group has four experts
    for rank, row in enumerate(exchange_matrix(model, Random(1))):
        assert row[rank] == 20
        assert sum(row) > 20


def test_placement_is_told_the_traffic_of_two_ranks_both_ways() -> None:
    model = experts(group=2, locality=0.9, top=2)
    matrix = traffic(model, 7, "moe")
    assert all(matrix[a][b] == matrix[b][a] for a in range(8) for b in range(8))
    assert all(matrix[rank][rank] == 0 for rank in range(8))
    requests = rank_requests("moe", model, matrix)
    assert [request.name for request in requests] == [f"moe{rank}" for rank in range(1, 9)]
    assert requests[0].partners == {}, "nobody is placed before the first"
    assert {*requests[3].partners} == {"moe1", "moe2", "moe3"}
    assert max(requests[3].partners, key=lambda other: requests[3].partners[other]) == "moe3"
    assert not any(request.backup for request in requests)


def play(exchange: Exchange, random: Random) -> tuple[list[Message], bool]:
    """Carry every packet in some order; all messages, and whether results ever came before their tokens."""
    sent = exchange.begin()
    on_their_way = [message for message in sent for _ in message.packet_sizes(MOST_PACKET_BYTES)]
    tokens_left = [0] * 8
    for message in on_their_way:
        tokens_left[message.destination] += message.phase is Phase.DISPATCH
    in_order, at_ns = True, 0
    while on_their_way:
        message = on_their_way.pop(random.randrange(len(on_their_way)))
        at_ns += 1
        tokens_left[message.destination] -= message.phase is Phase.DISPATCH
        results = exchange.arrived(message.phase, message.destination, at_ns)
        in_order &= not results or tokens_left[message.destination] == 0
        sent += results
        on_their_way += [result for result in results for _ in result.packet_sizes(MOST_PACKET_BYTES)]
    return sent, in_order


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    locality=st.sampled_from([0.0, 0.5, 1.0]),
    tokens=st.integers(1, 40),
    per_node=st.sampled_from([1, 2, 8]),
)
def test_whatever_order_packets_arrive_in_every_token_comes_back_once(
    seed: int, locality: float, tokens: int, per_node: int
) -> None:
    model = experts(tokens=tokens, locality=locality, group=2, dispatch_bytes=9_000, combine_bytes=20_000)
    matrix = exchange_matrix(model, Random(seed))
    where = [f"node{rank // per_node}" for rank in range(8)]
    exchange = Exchange(model, matrix, where, MOST_PACKET_BYTES)
    sent, in_order = play(exchange, Random(seed))
    assert in_order
    assert exchange.is_over(Phase.DISPATCH)
    assert exchange.is_over(Phase.COMBINE)
    assert exchange.missing_packets == 0
    for phase, each_bytes in ((Phase.DISPATCH, 9_000), (Phase.COMBINE, 20_000)):
        carried = {(m.source, m.destination): m.size_bytes for m in sent if m.phase is phase}
        assert len(carried) == sum(message.phase is phase for message in sent)
        for here in range(8):
            for there in range(8):
                rows = (here, there) if phase is Phase.DISPATCH else (there, here)
                crosses = where[here] != where[there]
                expected = matrix[rows[0]][rows[1]] * each_bytes if crosses else 0
                assert carried.get((here, there), 0) == expected


def test_an_exchange_that_misses_a_packet_is_not_over() -> None:
    """The control."""
    model = experts()
    exchange = Exchange(model, exchange_matrix(model, Random(1)), nodes(model), MOST_PACKET_BYTES)
    first, *_ = exchange.begin()
    packets = len([*first.packet_sizes(MOST_PACKET_BYTES)])
    before = exchange.missing_packets
    for _ in range(packets):
        exchange.arrived(first.phase, first.destination, 5)
    assert exchange.missing_packets == before - packets
    assert not exchange.is_over(Phase.DISPATCH)
    assert exchange.last_ns(Phase.DISPATCH, 1) == 5


def test_ranks_on_one_node_need_no_network() -> None:
    model = experts()
    exchange = Exchange(model, exchange_matrix(model, Random(1)), ["same"] * 8, MOST_PACKET_BYTES)
    assert exchange.begin() == []
    assert exchange.is_over(Phase.DISPATCH)
    assert exchange.is_over(Phase.COMBINE)
    assert exchange.last_ns(Phase.COMBINE, 77) == 77, "it takes no time then"
    assert exchange.phase_bytes(Phase.DISPATCH) == 0


@pytest.mark.parametrize(
    ("size_bytes", "packets"),
    [(1, [8]), (8, [8]), (60_000, [60_000]), (60_001, [60_000, 8]), (150_000, [60_000, 60_000, 30_000])],
)
def test_a_message_is_cut_into_packets(size_bytes: int, packets: list[int]) -> None:
    assert [*Message(Phase.DISPATCH, 0, 1, size_bytes).packet_sizes(MOST_PACKET_BYTES)] == packets
    assert max(packets) <= MOST_PACKET_BYTES
