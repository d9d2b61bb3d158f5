"""Steps that say which access token the request carries."""

from exchange import Exchange
from provider import Provider
from pytest_bdd import given, parsers

AUTHORIZATION = 'the header "Authorization" is '


@given(AUTHORIZATION + "set to a valid access token")
@given(AUTHORIZATION + "set to a valid access token which does not identify a single device")
@given(
    AUTHORIZATION + "set to a valid access token granted to the same client that created the QoS assignment"
)
def two_legged(exchange: Exchange, provider: Provider) -> None:
    exchange.headers["Authorization"] = provider.bearer("client")


@given(AUTHORIZATION + "set to a valid access token identifying a device")
@given(
    AUTHORIZATION
    + "set to a valid 3-legged access token associated to a valid testing device supported by the service"
)
def three_legged(exchange: Exchange, provider: Provider) -> None:
    exchange.headers["Authorization"] = provider.bearer_of(provider.device)


@given(
    parsers.re(
        AUTHORIZATION
        + r"set to a valid access token emitted to a client which did not created the (?P<what>QoS \w+)"
    )
)
def other_client(exchange: Exchange, provider: Provider, what: str) -> None:
    created = {"QoS session": provider.some_session, "QoS assignment": provider.some_assignment}[what]()
    assert created.answer["device"] == provider.device
    exchange.headers["Authorization"] = provider.bearer("other client")


@given(parsers.re(AUTHORIZATION + r"(not sent|removed)"))
def no_token(exchange: Exchange) -> None:
    del exchange.headers["Authorization"]


@given(AUTHORIZATION + "set to an expired access token")
def expired(exchange: Exchange, provider: Provider) -> None:
    exchange.headers["Authorization"] = provider.bearer("expired")


@given(AUTHORIZATION + "set to an invalid access token")
def invalid(exchange: Exchange) -> None:
    exchange.headers["Authorization"] = "Bearer a-token-that-nobody-was-given"


@given(parsers.re(AUTHORIZATION + r"set to an access token that does not include scope (?P<scope>[\w:-]+)"))
def without_scope(exchange: Exchange, provider: Provider, scope: str) -> None:
    operations = exchange.specification.operations.values()
    assert scope in {operation.scope for operation in operations if operation.path == exchange.resource}
    exchange.headers["Authorization"] = provider.bearer_without(scope)
