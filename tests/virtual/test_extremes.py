"""The extreme values that the types of the model accept are values that the kernel accepts, in one boot."""

from typing import Any

import pytest
from mechanism import results_of
from venue_boot import embedded_kernel

from testbed.model import carriers


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    embedded_kernel()
    return results_of("extremes.py", tmp_path_factory.mktemp("extremes"))


def test_the_kernel_takes_every_extreme(asked: dict[str, Any]) -> None:
    accepted: dict[str, str | None] = asked["results"]["accepted"]
    assert {name: reason for name, reason in accepted.items() if reason is not None} == {}
    assert len(accepted) == 2 + 4 * 2 + 4 * 3 + 2


def test_the_kernel_keeps_the_rate_to_a_byte_a_second(asked: dict[str, Any]) -> None:
    rates = {int(name.split()[1]): kept for name, kept in asked["rates"].items()}
    assert rates[carriers.LEAST_RATE_BPS] == carriers.LEAST_RATE_BPS
    assert rates[carriers.MOST_RATE_BPS] == carriers.MOST_RATE_BPS
    assert all(0 <= asked_bps - kept_bps < 8 for asked_bps, kept_bps in rates.items())


def test_the_kernel_refuses_what_lies_beyond(asked: dict[str, Any]) -> None:
    """The control: a refusal is seen, and it is the kernel that draws these lines."""
    refused: dict[str, str | None] = asked["results"]["refused"]
    assert [name for name, reason in refused.items() if reason is None] == []
