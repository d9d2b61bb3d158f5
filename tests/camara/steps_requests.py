"""Steps that put a request together: resource, headers, path and body; and those that send it."""

import re
import uuid
from typing import Any

import bodies
from exchange import Exchange
from json_path import find
from provider import Provider
from pytest_bdd import given, parsers, when

OUT_OF_RANGE_PORT = 65_536
CORRELATOR = "b6e2c1de-of:a/scenario"
NAME_PATTERN = "^[a-zA-Z0-9_.-]+$"

PROPERTY = r'the request (?:body )?property +"(?P<path>[^"]+)"'


@given('an environment at "apiRoot"')
def environment(provider: Provider) -> None:
    assert not provider.started


@given(parsers.re(r'the resource "(?P<resource>[^"]+)"'))
def resource_is(exchange: Exchange, resource: str) -> None:
    exchange.resource = resource
    assert resource in {operation.path for operation in exchange.specification.operations.values()}


@given('the header "Content-Type" is set to "application/json"')
def content_type(exchange: Exchange) -> None:
    exchange.headers["Content-Type"] = "application/json"


@given(parsers.re(r'the header "x-correlator" complies with the schema at "(?P<schema>[^"]+)"'))
def correlator(exchange: Exchange, schema: str) -> None:
    assert exchange.specification.problems(schema, CORRELATOR) == []
    exchange.headers["x-correlator"] = CORRELATOR


@given(
    parsers.re(
        r"(?:the request body is set by default to )?"
        r'a request body compliant with the schema at "(?P<schema>[^"]+)"'
    )
)
def body_complies(exchange: Exchange, provider: Provider, schema: str) -> None:
    exchange.body = provider.valid_body(last_name(schema))
    assert exchange.specification.problems(schema, exchange.body) == []


@given("the request body is set to a valid request body")
def body_valid(exchange: Exchange, provider: Provider) -> None:
    exchange.body = provider.valid_body_at(exchange.resource)


@given("the request has no body")
@given("the request body is not included")
def body_absent(exchange: Exchange) -> None:
    exchange.without_body = True


@given("the request body is set to {}")
def body_empty(exchange: Exchange) -> None:
    exchange.body = {}


@given(
    parsers.re(
        r"the request body is set to any value which is not compliant with the schema at "
        r'"(?P<schema>[^"]+)"'
    )
)
def body_not_compliant(exchange: Exchange, provider: Provider, schema: str) -> None:
    name = last_name(schema)
    exchange.body = provider.valid_body(name)
    exchange.set(*bodies.FAULTS[name])
    assert exchange.specification.problems(schema, exchange.body) != []


@given(parsers.re(PROPERTY + r" is set to:? \{\}"))
def property_empty(exchange: Exchange, provider: Provider, path: str) -> None:
    change(exchange, provider, path, {})


@given(parsers.re(PROPERTY + r" is not included"))
@given(parsers.re(r'the request body properties "(?P<path>[^"]+)" and "(?P<second>[^"]+)" are not included'))
def property_absent(exchange: Exchange, provider: Provider, path: str, second: str | None = None) -> None:
    say_body(exchange, provider)
    for each in (path, second):
        if each is not None:
            exchange.drop(each)
            assert not find(exchange.body, each)


@given(parsers.re(PROPERTY + r' does not comply with the OAS schema at "(?P<schema>[^"]+)"'))
def property_not_compliant(exchange: Exchange, provider: Provider, path: str, schema: str) -> None:
    value = bodies.INVALID[last_name(schema)]
    assert exchange.specification.problems(schema, value) != []
    change(exchange, provider, path, value)


@given(parsers.re(PROPERTY + r" is set to a value not between between 0 and 65535"))
def port_out_of_range(exchange: Exchange, path: str) -> None:
    exchange.set(path, OUT_OF_RANGE_PORT)


@given(parsers.re(PROPERTY + r' is set to "(?P<kind>PLAIN|ACCESSTOKEN|REFRESHTOKEN)"'))
def credential_type(exchange: Exchange, path: str, kind: str) -> None:
    holder, _, name = path.rpartition(".")
    assert name == "credentialType"
    credential = bodies.credential(kind)
    exchange.set(holder, credential)
    schemas = exchange.specification.at("/components/schemas/SinkCredential/discriminator/mapping")
    assert exchange.specification.problems(schemas[kind], credential) == []


@given(parsers.re(PROPERTY + r' is set to "bearer"'))
def token_type(exchange: Exchange, path: str) -> None:
    exchange.set(path, "bearer")


@given(parsers.re(PROPERTY + r' is set to a value other than "bearer"'))
def token_type_other(exchange: Exchange, path: str) -> None:
    exchange.set(path, "mac")


@given(parsers.re(PROPERTY + r" is set to a valid access token accepted by the events receiver"))
def sink_token(exchange: Exchange, path: str) -> None:
    exchange.set(path, bodies.SINK_TOKEN)


@given(parsers.re(PROPERTY + r" is set to a value long enough in the future"))
def sink_token_expiry(exchange: Exchange, path: str) -> None:
    exchange.set(path, "2099-12-31T23:59:59Z")


@given(parsers.re(PROPERTY + r" is set to a URL wh(?:ere|en) events can be monitored"))
def sink(exchange: Exchange, provider: Provider, path: str) -> None:
    exchange.set(path, provider.receiver.new_sink())


@given(parsers.re(r'the path parameter "(?P<name>\w+)" is set to a random UUID'))
def path_parameter_random(exchange: Exchange, name: str) -> None:
    exchange.path_parameters[name] = str(uuid.uuid4())


@given(parsers.re(r'the path parameter "(?P<name>\w+)" has not a UUID format'))
def path_parameter_no_uuid(exchange: Exchange, name: str) -> None:
    exchange.path_parameters[name] = "0a1b2c3d-no-uuid"


@given('the path parameter "name" is set to a random string compliant with the pattern')
def path_name_random(exchange: Exchange) -> None:
    exchange.path_parameters["name"] = f"profile.{uuid.uuid4()}"
    assert re.fullmatch(NAME_PATTERN, exchange.path_parameters["name"])


@given(f'path parameter "name" does not match the regular expression "{NAME_PATTERN}"')
def path_name_not_matching(exchange: Exchange) -> None:
    exchange.path_parameters["name"] = "a name, with blanks"


@given('path parameter "name" has a length not between 3 and 256')
def path_name_short(exchange: Exchange) -> None:
    exchange.path_parameters["name"] = "ab"


@when(parsers.re(r'the request "(?P<operation>\w+)" is sent'))
def send(exchange: Exchange, provider: Provider, operation: str) -> None:
    provider.send(exchange, exchange.operation(operation))


@when(parsers.re(r'the HTTP "(?P<method>[A-Z]+)" request is sent'))
def send_method(exchange: Exchange, provider: Provider, method: str) -> None:
    provider.send(exchange, exchange.specification.operation_at(method, exchange.resource))


def last_name(pointer: str) -> str:
    """The name of a schema by its pointer."""
    return pointer.rpartition("/")[2]


def say_body(exchange: Exchange, provider: Provider) -> None:
    """Start from the valid body if no step has said anything of it yet."""
    if exchange.body_unsaid:
        exchange.body = provider.valid_body_at(exchange.resource)


def change(exchange: Exchange, provider: Provider, path: str, value: Any) -> None:
    """Set a property of the body."""
    say_body(exchange, provider)
    exchange.set(path, value)
