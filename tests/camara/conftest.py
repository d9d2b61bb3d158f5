"""The scenarios of CAMARA r3.2: their steps, and the provider that they are carried out against."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

for _module in (
    "rules",
    "steps_answers",
    "steps_devices",
    "steps_events",
    "steps_existing",
    "steps_requests",
    "steps_tokens",
):
    pytest.register_assert_rewrite(_module)

from event_receiver import EventReceiver  # noqa: E402
from exchange import Exchange  # noqa: E402
from provider import Provider  # noqa: E402
from steps_answers import *  # noqa: E402, F403
from steps_devices import *  # noqa: E402, F403
from steps_events import *  # noqa: E402, F403
from steps_existing import *  # noqa: E402, F403
from steps_requests import *  # noqa: E402, F403
from steps_tokens import *  # noqa: E402, F403


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


@pytest.fixture
def identified_by() -> str:
    """How a device is identified where a scenario allows both, `body` or `token`; its tests try both."""
    return "body"


@pytest.fixture(scope="session")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventReceiver]:
    with EventReceiver(tmp_path_factory.mktemp("receiver")) as receiver:
        yield receiver


@pytest.fixture
def provider(receiver: EventReceiver) -> Iterator[Provider]:
    with Provider(receiver) as provider:
        yield provider


def pytest_bdd_apply_tag(tag: str, function: Callable[..., Any]) -> bool:
    """A scenario's tag is the name of its test already; as a marker it would have to be registered."""
    return True
