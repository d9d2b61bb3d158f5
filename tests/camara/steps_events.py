"""Steps that judge an event, received at the sink: the fixture `event`."""

from event_receiver import Event
from exchange import Exchange
from json_path import MISSING, find
from provider import Created, Provider
from pytest_bdd import parsers, step

EVENT_PROPERTY = r'the event body property "(?P<path>[^"]+)" '


@step(
    parsers.re(
        r'an event is received at the address of the (request property "\$\.sink"'
        r'|"\$\.sink" provided for \w+)'
    ),
    target_fixture="event",
)
def received(provider: Provider, subject: Created) -> Event:
    return provider.next_event(subject)


@step(
    parsers.re(
        r'the event header "Authorization" is set to "Bearer " \+ the value of '
        r'(the |the request )?(property )?"\$\.sinkCredential\.accessToken"( provided for \w+)?'
    )
)
def authorization(event: Event, subject: Created) -> None:
    assert event.headers["Authorization"] == f"Bearer {subject.body['sinkCredential']['accessToken']}"


@step('the event header "Content-Type" is set to "application/cloudevents+json"')
def content_type(event: Event) -> None:
    media_type, *_ = event.headers["Content-Type"].split(";")
    assert media_type.strip() == "application/cloudevents+json"


@step(parsers.re(r'the event body complies with the OAS schema at "(?P<schema>[^"]+)"'))
def body_complies(exchange: Exchange, event: Event, schema: str) -> None:
    assert exchange.specification.problems(schema, event.body) == []


@step('the event body property "$.id" is unique')
def identifier_unique(provider: Provider, event: Event) -> None:
    # One event alone would be unique whatever its identifier is, so a second one is waited for.
    identifiers = [each.body["id"] for each in provider.receiver.at_least(2)]
    assert identifiers.count(event.body["id"]) == 1


@step(parsers.re(EVENT_PROPERTY + r'is (?:set to )?"(?P<value>[\w.-]+)"( or "(?P<second>[\w.-]+)")?'))
def property_value(event: Event, path: str, value: str, second: str | None) -> None:
    assert find(event.body, path) in {value, second} - {None}


@step(
    parsers.re(
        EVENT_PROPERTY + r'(has the same value as \w+ response property "\$\.(?P<name>\w+)"'
        r"|as returned for \w+)"
    )
)
def property_as_returned(event: Event, subject: Created, path: str) -> None:
    name = path.rpartition(".")[2]
    assert find(event.body, path) == subject.answer[name]


@step(parsers.re(EVENT_PROPERTY + r'exists only if "(?P<other>[^"]+)" is "(?P<value>\w+)"'))
def property_only_if(event: Event, path: str, other: str, value: str) -> None:
    assert (find(event.body, path) is not MISSING) is (find(event.body, other) == value)
