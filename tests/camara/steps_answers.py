"""Steps that judge the answer: its status, headers, schema and properties, and the rules between them."""

from typing import Any

import rules
from exchange import Exchange
from json_path import MISSING, find
from provider import Provider
from pytest_bdd import parsers, step

PROPERTY = r'the response property "(?P<path>[^"]+)" '
RULE = (
    r"(?P<condition>exists only if .+|(?:has the )?same value as in the request body"
    r"|has the value provided for \w+)"
)
SCHEMA = r'complies with the OAS schema at "(?P<schema>[^"]+)"'


@step(parsers.re(r"the response status code is (?P<status>\d{3})"))
def status_code(exchange: Exchange, status: str) -> None:
    assert exchange.answer.status_code == int(status), exchange.answer.text


@step('the response header "Content-Type" is "application/json"')
def content_type(exchange: Exchange) -> None:
    media_type, *_ = exchange.answer.headers.get("Content-Type", "").split(";")
    assert media_type.strip() == "application/json"


@step(
    parsers.re(
        r'the response header "x-correlator" has (the )?same value as the request header "x-correlator"'
    )
)
def correlator(exchange: Exchange) -> None:
    assert exchange.answer.headers.get("x-correlator") == exchange.headers["x-correlator"]


@step(parsers.re(r"the response body " + SCHEMA))
def body_complies(exchange: Exchange, schema: str) -> None:
    assert exchange.specification.problems(schema, exchange.answered) == []


@step(parsers.re(r"each item of the response array(, if any,)? " + SCHEMA))
def items_comply(exchange: Exchange, schema: str) -> None:
    for item in items(exchange):
        assert exchange.specification.problems(schema, item) == []


@step(parsers.re(r"the response array has only one item which " + SCHEMA))
def one_item_complies(exchange: Exchange, schema: str) -> None:
    [item] = items(exchange)
    assert exchange.specification.problems(schema, item) == []


@step("the response body is []")
def nothing_found(exchange: Exchange) -> None:
    assert exchange.answered == []


@step(parsers.re(PROPERTY + r"is (?P<number>\d+)"))
def property_number(exchange: Exchange, path: str, number: str) -> None:
    assert path == "$.status"
    assert find(exchange.answered, path) == int(number) == exchange.answer.status_code


@step(parsers.re(PROPERTY + r'is "(?P<value>[\w.]+)"( or "(?P<second>[\w.]+)")?'))
def property_value(exchange: Exchange, path: str, value: str, second: str | None) -> None:
    assert find(exchange.answered, path) in {value, second} - {None}, exchange.answer.text


@step(parsers.re(PROPERTY + r"contains a user[ -]friendly text"))
def friendly_text(exchange: Exchange, path: str) -> None:
    text = find(exchange.answered, path)
    assert isinstance(text, str)
    assert len(text.split()) >= 3, f"too short to be understood: {text!r}"
    assert "\n" not in text
    for word in ("Traceback", "<class", "0x", "Error(", "NoneType"):
        assert word not in text, f"speaks to a programmer: {text!r}"


@step(parsers.re(PROPERTY + r"does not exist"))
def property_absent(exchange: Exchange, path: str) -> None:
    assert find(exchange.answered, path) is MISSING


@step(parsers.re(PROPERTY + r"(matches the rule: )?" + RULE))
def property_follows_rule(exchange: Exchange, provider: Provider, path: str, condition: str) -> None:
    created = provider.created_for(exchange.answered)
    rules.hold(condition, path, exchange.answered, created.body, provider.clock())


@step(parsers.re(PROPERTY + r"exists and the value is in the past"))
def property_in_the_past(exchange: Exchange, provider: Provider, path: str) -> None:
    rules.in_the_past(path, exchange.answered, provider.clock())


@step(parsers.re(r'in all items in the response, property "(?P<path>\w+)" ' + RULE))
def items_follow_rule(exchange: Exchange, provider: Provider, path: str, condition: str) -> None:
    assert len(items(exchange)) == len(provider.created)
    for item in items(exchange):
        rules.hold(condition, path, item, provider.created_for(item).body, provider.clock())


@step(parsers.re(PROPERTY + r'value is equal to path param "(?P<name>\w+)"'))
def property_of_path(exchange: Exchange, path: str, name: str) -> None:
    assert find(exchange.answered, path) == exchange.path_parameters[name]


@step(parsers.re(PROPERTY + r'value is equal to the request body property "(?P<other>[^"]+)"'))
def property_of_body(exchange: Exchange, path: str, other: str) -> None:
    assert find(exchange.body, other) is not MISSING
    assert find(exchange.answered, path) == find(exchange.body, other)


@step(parsers.re(PROPERTY + r'is not lower than request property "(?P<other>[^"]+)"'))
def property_not_lower(exchange: Exchange, path: str, other: str) -> None:
    assert find(exchange.answered, path) >= find(exchange.body, other)


@step(parsers.re(PROPERTY + r'does not exceed the "maxDuration" for the QoS Profile'))
def property_within_longest(exchange: Exchange, path: str, longest_s: int) -> None:
    assert find(exchange.answered, path) <= longest_s


@step(
    parsers.re(
        r'each item of the response array, if any, has property "\$\[\*\]\.(?P<name>\w+)" '
        r"equal to (?P<value>[A-Z]+)"
    )
)
def items_have_value(exchange: Exchange, name: str, value: str) -> None:
    assert {item[name] for item in items(exchange)} == {value}


@step("the restricted QoS Profiles are returned in the response")
def restricted_returned(exchange: Exchange, provider: Provider) -> None:
    assert provider.restricted_profiles <= {profile["name"] for profile in items(exchange)}


@step("no restricted QoS Profile is included in the response")
def restricted_not_returned(exchange: Exchange, provider: Provider) -> None:
    assert provider.restricted_profiles.isdisjoint(profile["name"] for profile in items(exchange))


def items(exchange: Exchange) -> list[Any]:
    """The items of an answer that is an array; it must have some, or nothing would be checked."""
    answered = exchange.answered
    assert isinstance(answered, list)
    assert answered
    return answered
