"""Steps about devices and profiles: which there are, which the request names, what a device may use."""

import re

from exchange import Exchange
from json_path import find
from provider import Provider
from pytest_bdd import given, parsers
from steps_requests import change, say_body


@given("that some types of device identifiers are not supported by the implementation")
def some_identifiers_unsupported(provider: Provider) -> None:
    provider.without_phone_numbers()


@given("that the service is not available for all devices commercialized by the operator")
def some_devices_unserved(provider: Provider) -> None:
    assert provider.unserved_device != provider.device


@given("that implementation has QoS Profiles restricted to certain devices")
def some_profiles_restricted(provider: Provider) -> None:
    assert provider.restricted_profiles


@given(
    "a valid testing device supported by the service, identified by the token or provided in the request body"
)
@given(
    "a valid testing device supported by the service, "
    "identified by the token or provided in the request body with no QoS active sessions associated"
)
@given(
    "a valid testing device without an existing QoS assignment, "
    "identified by the token or provided in the request body"
)
def served_device(exchange: Exchange, provider: Provider, identified_by: str) -> None:
    identify(exchange, provider, identified_by, provider.device)
    assert provider.created == {}


def identify(exchange: Exchange, provider: Provider, identified_by: str, device: dict[str, object]) -> None:
    """Name a device in one of the two ways that a scenario allows: in the body or by the token."""
    if identified_by == "token":
        say_body(exchange, provider)
        exchange.drop("$.device")
        exchange.headers["Authorization"] = provider.bearer_of(device)
    else:
        use_device(exchange, provider, device)


def use_device(exchange: Exchange, provider: Provider, device: dict[str, object]) -> None:
    """Name a device in the body."""
    change(exchange, provider, "$.device", device)


@given('the request body property "$.device" is set to a valid device')
def device_valid(exchange: Exchange, provider: Provider) -> None:
    use_device(exchange, provider, provider.device)


@given(
    'the request body property "$.device" is compliant with the schema but does not identify a valid device'
)
def device_unknown(exchange: Exchange, provider: Provider) -> None:
    assert exchange.specification.problems("/components/schemas/Device", provider.unknown_device) == []
    use_device(exchange, provider, provider.unknown_device)


@given(
    'the request body property "$.device" only includes device identifiers '
    "not supported by the implementation"
)
def device_unsupported(exchange: Exchange, provider: Provider) -> None:
    device = provider.without_phone_numbers()
    assert exchange.specification.problems("/components/schemas/Device", device) == []
    use_device(exchange, provider, device)


@given(
    "a valid device, identified by the token or provided in the request body, "
    "for which the service is not applicable"
)
def device_unserved(exchange: Exchange, provider: Provider, identified_by: str) -> None:
    identify(exchange, provider, identified_by, provider.unserved_device)


@given(
    "a device for which the service is not applicable, "
    "provided in the request body or identified by the access token"
)
def device_without_profiles(exchange: Exchange, provider: Provider, identified_by: str) -> None:
    provider.offers_only(provider.restricted_profiles)
    identify(exchange, provider, identified_by, provider.other_device)


@given(
    "a device suitable for the restricted QoS Profiles is provided in the request body "
    "or identified by the access token"
)
def device_of_restricted_profiles(exchange: Exchange, provider: Provider, identified_by: str) -> None:
    identify(exchange, provider, identified_by, provider.device)


@given("no device is provided in the request body or identified by the access token")
def no_device(exchange: Exchange, provider: Provider) -> None:
    exchange.drop("$.device")
    exchange.headers["Authorization"] = provider.bearer("client")


@given('the request body property "$.applicationServer" is set to a valid application server')
def application_server(exchange: Exchange) -> None:
    exchange.set("$.applicationServer", {"ipv4Address": "10.2.0.0/24"})


@given("an existing QoS profile")
def existing_profile(exchange: Exchange, provider: Provider) -> None:
    assert provider.profile in {profile["name"] for profile in provider.offered_profiles()}


@given(
    parsers.re(
        r'the path param(eter)? "name" is set (by default )?to '
        r"(an existing QoS profile name|the value for that QoS profile)"
    )
)
def path_name_existing(exchange: Exchange, provider: Provider) -> None:
    exchange.path_parameters["name"] = provider.profile


@given('the request body property "$.name" is set to an existing QoS profile name')
def name_existing(exchange: Exchange, provider: Provider) -> None:
    exchange.set("$.name", provider.profile)


@given(parsers.re(r'the request body property "\$\.status" is set to the value (?P<status>[A-Z]+)'))
def status_filter(exchange: Exchange, status: str) -> None:
    exchange.set("$.status", status)


@given('the request property "$.qosProfile" is set to a valid QoS Profile as returned by QoS Profiles API')
def profile_as_returned(exchange: Exchange, provider: Provider) -> None:
    active = [each["name"] for each in provider.offered_profiles() if each["status"] == "ACTIVE"]
    assert provider.profile in active
    exchange.set("$.qosProfile", provider.profile)


@given(
    parsers.re(
        r'the request body property "qosProfile" is set to a non[- ]existent qos profile', re.IGNORECASE
    )
)
def profile_unknown(exchange: Exchange, provider: Provider) -> None:
    name = "a-profile-that-nobody-offers"
    assert name not in {profile["name"] for profile in provider.offered_profiles()}
    exchange.set("$.qosProfile", name)


@given(parsers.re(r"the requested QoS Profile exists but is not applicable for the (session|QoS assignment)"))
def profile_not_applicable(exchange: Exchange, provider: Provider) -> None:
    [inactive, *_] = [each["name"] for each in provider.offered_profiles() if each["status"] != "ACTIVE"]
    exchange.set("$.qosProfile", inactive)


@given('the request body property "$.duration" is set to a valid duration for the selected QoS profile')
def duration_valid(exchange: Exchange, provider: Provider) -> None:
    longest_s = provider.longest_s(find(exchange.body, "$.qosProfile"))
    exchange.set("$.duration", longest_s)


@given('the request body property "duration" is set to an invalid duration for the selected qosProfile')
def duration_invalid(exchange: Exchange, provider: Provider) -> None:
    longest_s = provider.longest_s(find(exchange.body, "$.qosProfile"))
    exchange.set("$.duration", longest_s + 1)
