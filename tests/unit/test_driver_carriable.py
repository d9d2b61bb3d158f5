"""What a network can never carry is known before it is ordered, by the controller that would refuse it."""

from dataclasses import replace
from typing import Any

import pytest
from api_caller import ASSIGNMENTS, Caller, assignment_body, refused
from fake_network import elastic, network_of
from test_driver_carried import order

from testbed.driver.carriable import MOST_CHANNELS, devices_with_channels, never_carried
from testbed.host.orders import Impossible
from testbed.model.channel import ChannelRequest

SCRIPT = elastic()
PLAN = network_of(SCRIPT).plan
CHANNEL = order().channel
WHY = never_carried(SCRIPT, PLAN)


def channel(**changes: Any) -> ChannelRequest:
    """The channel, with other rates downstream or another budget."""
    rates = {key: value for key, value in changes.items() if key.endswith("bps")}
    others = {key: value for key, value in changes.items() if key not in rates}
    return CHANNEL.model_copy(update={"downstream": CHANNEL.downstream.model_copy(update=rates), **others})


def test_an_order_that_fits_an_empty_network_is_left_to_the_network() -> None:
    assert WHY(order()) is None
    assert WHY(order(device_ports=((1024, 65_535),), server_ports=((10_000, 20_000),))) is None


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (order(device="edge"), "there is no device edge; the homes have home1, tablet"),
        (order(server="192.0.2.0/24"), "no compute node has an address in 192.0.2.0/24"),
    ],
)
def test_devices_and_servers_that_there_are_not_are_known(wrong: Any, says: str) -> None:
    why = WHY(wrong)
    assert why is not None
    assert why.reason.startswith(says)
    assert not why.by_profile


def test_a_rate_beyond_the_line_and_a_budget_below_the_distance_are_the_profile_s_fault() -> None:
    beyond = WHY(replace(order(), channel=channel(committed_bps=10**12, peak_bps=10**12)))
    assert beyond is not None
    assert beyond.by_profile
    assert beyond.reason.startswith("downstream 1 Tbit/s does not fit ")
    too_far = WHY(replace(order(), channel=channel(delay_budget_ns=1)))
    assert too_far is not None
    assert too_far.by_profile
    assert "more than the delay budget of 1 ns" in too_far.reason


def test_a_device_counts_as_often_as_it_may_have_a_channel() -> None:
    sessions = [session.player for session in SCRIPT.sessions.values() if session.channel is not None]
    assert devices_with_channels(SCRIPT, PLAN, ordered=False) == sessions
    assert len(devices_with_channels(SCRIPT, PLAN, ordered=True)) == len(sessions) + MOST_CHANNELS


@pytest.mark.parametrize(
    ("by_profile", "session_code", "assignment_code"),
    [
        (False, "SERVICE_NOT_APPLICABLE", "SERVICE_NOT_APPLICABLE"),
        (
            True,
            "QUALITY_ON_DEMAND.QOS_PROFILE_NOT_APPLICABLE",
            "QOS_PROVISIONING.QOS_PROFILE_NOT_APPLICABLE",
        ),
    ],
)
def test_the_api_refuses_it_when_it_is_asked_for_and_keeps_and_orders_nothing(
    by_profile: bool, session_code: str, assignment_code: str
) -> None:
    why = Impossible(reason="it is too wide", by_profile=by_profile)
    with Caller(settings={"never_carried": lambda _order: why}) as caller:
        session = caller.create()
        assert refused(session) == (422, session_code)
        assert "it is too wide" in session.json()["message"]
        assignment = caller.call("POST", ASSIGNMENTS, assignment_body())
        assert refused(assignment) == (422, assignment_code)
        assert caller.network.orders == []
        assert caller.app.state.context.bookings.of_device("session", "home1") == []
