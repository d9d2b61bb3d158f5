"""Requests that nobody has thought of, made from the served OpenAPI document: none breaks the server.

What schemathesis checks of each answer: that it is no server error, that status, media type, headers and
schema are as the document says, that what the document allows is not refused as badly formed, and that
what it does not allow is refused.
"""

import re
from collections import Counter
from itertools import count
from typing import Any

import pytest
import schemathesis
from api_caller import (
    ASSIGNMENTS,
    PROFILE_LIST,
    RETRIEVE_ASSIGNMENT,
    SESSIONS,
    TOKENS,
    Clock,
    HandNetwork,
    bearer,
)
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.types import Receive, Scope, Send

from testbed.api.app import create_app
from testbed.api.booking import Booking
from testbed.api.server_settings import ApiSettings, RateLimits, Subscriber

EXAMPLES = 60
"""For each operation, at most."""

HOMES = 5000

REFUSALS_OF_GOOD_FORM = {"INVALID_SINK", "OUT_OF_RANGE", "QUALITY_ON_DEMAND.DURATION_OUT_OF_RANGE"}
"""Codes of status 400 for what no schema can say; of a port range, that it does not end before it begins."""


MEANT = re.compile(
    r"There is no QoS profile .*|(applicationServer\.ipv6Address: Value error|.*end before it begins).*"
    r"|and [0-9]+ more[.]"
)
"""Faults under INVALID_ARGUMENT that no schema can say either."""


def home(number: int) -> str:
    """The address of one of many homes."""
    return f"10.{number // 250}.{number % 250}.1"


def served(network: HandNetwork) -> Any:
    """The served document, bound to an application that never tires."""
    limits = RateLimits(requests_per_second=1e9, burst=10**9, most_channels=10**9)
    api_settings = ApiSettings(
        profiles=PROFILE_LIST,
        tokens=TOKENS,
        subscribers=tuple(Subscriber(host=f"home{n}", ipv4=home(n)) for n in range(HOMES)),
        limits=limits,
        # The document cannot say how large a body may be.
        max_body_bytes=1 << 30,
        clock=Clock(),
    )
    app = create_app(api_settings, network)

    async def started(scope: Scope, receive: Receive, send: Send) -> None:
        # Schemathesis starts and ends its application with every request; this one keeps its sessions.
        if scope["type"] == "lifespan":
            for event in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{event}.complete"})
        else:
            await app(scope, receive, send)

    schema = schemathesis.openapi.from_asgi("/openapi.json", started)
    schema.config.generation.modes = list(GenerationMode)
    return schema


SCHEMA = served(HandNetwork())
NUMBERS = count()
SERVER = {"ipv4Address": "10.200.0.0/24"}
SEARCHED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@SCHEMA.parametrize()
@SEARCHED
def test_no_request_breaks_the_server_and_no_answer_the_document(case: Case) -> None:
    # What is well formed may still be refused for what it means, which the check takes for a fault.
    response = case.call_and_validate(headers=bearer("client"), excluded_checks=[positive_data_acceptance])
    is_good = case.meta is not None and case.meta.generation.mode.is_positive
    if is_good and response.status_code == 400:
        said = response.json()
        faults = said["message"].removeprefix("The request is not valid. ").split("; ")
        assert said["code"] in REFUSALS_OF_GOOD_FORM or all(map(MEANT.fullmatch, faults)), faults


def made(path: str, body: dict[str, Any]) -> Any:
    """What a request that is in order makes."""
    response = (
        SCHEMA[path]["POST"].Case(body=body, media_type="application/json").call(headers=bearer("client"))
    )
    assert response.status_code == 201, response.text
    return response.json()


def make_real(case: Case, number: int) -> None:
    """Have a request be about what there is: a device, a profile, a session, an assignment."""
    device = {"ipv4Address": {"publicAddress": home(number), "privateAddress": home(number)}}
    if isinstance(case.body, dict):
        case.body.pop("sink", None)
        # An IPv6 address is none by its pattern alone.
        case.body.get("applicationServer", {}).pop("ipv6Address", None)
        real = {"qosProfile": "plain", "name": "plain", "duration": 60, "applicationServer": SERVER}
        case.body.update({key: value for key, value in real.items() if case.body.get(key)})
        if "requestedAdditionalDuration" not in case.body:
            case.body["device"] = device
    wanted = {"device": device, "qosProfile": "plain"}
    if "sessionId" in case.path_parameters:
        session = made(SESSIONS, {**wanted, "applicationServer": SERVER, "duration": 60})
        case.path_parameters["sessionId"] = session["sessionId"]
    elif "assignmentId" in case.path_parameters:
        case.path_parameters["assignmentId"] = made(ASSIGNMENTS, wanted)["assignmentId"]
    elif case.path == RETRIEVE_ASSIGNMENT:
        made(ASSIGNMENTS, wanted)
    elif "name" in case.path_parameters:
        case.path_parameters["name"] = "plain"


@pytest.mark.parametrize("label", [each.ok().label for each in SCHEMA.get_all_operations()])
def test_requests_about_what_there_is_are_carried_out(label: str) -> None:
    [operation] = [each.ok() for each in SCHEMA.get_all_operations() if each.ok().label == label]
    statuses: Counter[int] = Counter()

    @SEARCHED
    @given(operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
    def search(case: Case) -> None:
        make_real(case, next(NUMBERS))
        response = case.call_and_validate(
            headers=bearer("client"), excluded_checks=[positive_data_acceptance]
        )
        statuses[response.status_code] += 1

    search()
    assert sum(count for status, count in statuses.items() if status < 300) > statuses.total() / 2, statuses


def test_a_server_error_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    network = HandNetwork()
    device = {"ipv4Address": {"publicAddress": home(1), "publicPort": 1}}
    body = {"device": device, "applicationServer": SERVER, "qosProfile": "plain", "duration": 60}
    case = served(network)[SESSIONS]["POST"].Case(body=body, media_type="application/json")
    case.call_and_validate(headers=bearer("client"))
    monkeypatch.setattr(Booking, "session", lambda booking: {"sessionId": booking.id})
    case.body["applicationServer"] = {"ipv4Address": "10.201.0.1"}
    with pytest.raises(FailureGroup, match="Server error"):
        case.call_and_validate(headers=bearer("client"))
