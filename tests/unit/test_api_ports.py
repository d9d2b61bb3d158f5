"""Ports of a session: any that the specification can say are ordered, and refused beyond a limit."""

from typing import Any

import pytest
from api_caller import Caller, refused
from hypothesis import given
from hypothesis import strategies as st

from testbed.api.flow_models import merged, ports_meet
from testbed.host.orders import ChannelOrder
from testbed.plan.network_plan import MOST_RANGES, Ports


def ordered(**ports: Any) -> tuple[Ports, Ports]:
    """The ports of the order that a session with these becomes, at the device and at the server."""
    with Caller() as caller:
        caller.created(**ports)
        (order,) = caller.network.orders
        assert isinstance(order, ChannelOrder)
        return order.device_ports, order.server_ports


def ranges(*pairs: tuple[int, int]) -> dict[str, Any]:
    return {"ranges": [{"from": first, "to": last} for first, last in pairs]}


def test_wide_ranges_at_both_ends_are_ordered() -> None:
    assert ordered(devicePorts=ranges((1024, 65_535)), applicationServerPorts=ranges((10_000, 20_000))) == (
        ((1024, 65_535),),
        ((10_000, 20_000),),
    )


def test_lists_of_ranges_and_ports_that_overlap_are_put_in_order() -> None:
    written = {**ranges((70, 90), (0, 5), (80, 100)), "ports": [6, 65_535, 101, 9, 6]}
    assert ordered(applicationServerPorts=written) == ((), ((0, 6), (9, 9), (70, 101), (65_535, 65_535)))


def test_as_many_separate_ranges_as_the_network_takes_are_ordered_at_both_ends() -> None:
    apart = [2 * number for number in range(MOST_RANGES)]
    as_ranges = tuple((port, port) for port in apart)
    assert ordered(devicePorts={"ports": apart}, applicationServerPorts={"ports": apart}) == (
        as_ranges,
        as_ranges,
    )


def test_however_many_ports_that_touch_are_one_range() -> None:
    assert ordered(devicePorts={"ports": list(range(5000))}) == (((0, 4999),), ())


@pytest.mark.parametrize("end", ["devicePorts", "applicationServerPorts"])
def test_more_are_refused_at_once_with_the_limit_and_nothing_is_ordered(end: str) -> None:
    with Caller() as caller:
        response = caller.create(**{end: {"ports": [2 * number for number in range(MOST_RANGES + 1)]}})
        assert refused(response) == (400, "INVALID_ARGUMENT")
        assert (
            f"{end}: Value error, these ports are 513 separate ranges; the network takes 512"
            in (response.json()["message"])
        )
        assert caller.network.orders == []


PAIRS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 5)), max_size=6).map(
    lambda pairs: tuple((first, first + more) for first, more in pairs)
)


@given(one=PAIRS, other=PAIRS)
def test_sets_of_ports_meet_if_they_have_one_in_common(one: Ports, other: Ports) -> None:
    def ports(pairs: Ports) -> set[int]:
        return (
            {port for first, last in pairs for port in range(first, last + 1)}
            if pairs
            else set(range(65_536))
        )

    assert ports_meet(merged(one), merged(other)) is bool(ports(one) & ports(other))
