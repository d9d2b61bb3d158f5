"""Which experts the tokens of a mixture-of-experts model need: drawn by seed, the same for everyone."""

from collections.abc import Iterator
from random import Random

from testbed.applications.experts.model import Experts

Matrix = tuple[tuple[int, ...], ...]
"""By sending rank and receiving rank: how many tokens."""

_PROFILED = 4
"""Exchanges that the traffic between ranks is estimated from: placement knows the model, not the run."""


def exchange_matrix(experts: Experts, random: Random) -> Matrix:
    """The tokens that each rank sends to each in one layer; its own experts take those on the diagonal.

    A token goes to a rank once, however many of its experts are there: they share it, and its result.
    """
    return tuple(_row(experts, rank, random) for rank in range(experts.ranks))


def _row(experts: Experts, rank: int, random: Random) -> tuple[int, ...]:
    per_rank = experts.experts // experts.ranks
    group_size = experts.group * per_rank
    group_first = rank // experts.group * group_size
    counts = [0] * experts.ranks
    for _ in range(experts.tokens):
        chosen: set[int] = set()
        for _ in range(experts.top):
            in_group = sum(group_first <= each < group_first + group_size for each in chosen)
            local = in_group < group_size and random.random() < experts.locality
            first, count = (group_first, group_size) if local else (0, experts.experts)
            while (expert := first + int(random.random() * count)) in chosen:
                pass
            chosen.add(expert)
        for there in {expert // per_rank for expert in chosen}:
            counts[there] += 1
    return tuple(counts)


def exchange_matrices(experts: Experts, seed: int, name: str) -> Iterator[Matrix]:
    """The matrices of all exchanges of a run, layer by layer and step by step, without end."""
    random = Random(f"{seed}/{name}/tokens")
    while True:
        yield exchange_matrix(experts, random)


def traffic(experts: Experts, seed: int, name: str) -> Matrix:
    """The bytes that two ranks exchange in a few layers, both ways: what their places should go by."""
    random = Random(f"{seed}/{name}/profile")
    matrices = [exchange_matrix(experts, random) for _ in range(_PROFILED)]
    both_bytes = experts.dispatch_bytes + experts.combine_bytes
    ranks = range(experts.ranks)
    return tuple(
        tuple(
            0
            if here == there
            else both_bytes * sum(each[here][there] + each[there][here] for each in matrices)
            for there in ranks
        )
        for here in ranks
    )
