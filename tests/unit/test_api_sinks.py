"""Where events may go: no client can have the server call an address that its owner has not allowed."""

import asyncio
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest
from api_caller import ASSIGNMENTS, Caller, assignment_body, refused
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.api.error_responses import ApiError
from testbed.api.server_settings import SinkRules
from testbed.api.sinks import Destination, SinkPolicy
from testbed.errors import ScenarioError

PUBLIC = "93.184.216.34"
PRIVATE = [
    "127.0.0.1",
    "10.1.1.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fc00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:a9fe:a9fe",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
]


def asked(sink: str, rules: SinkRules, *addresses: str) -> Destination:
    """The destination that a sink has, where every name has these addresses."""

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        if not addresses:
            raise OSError("no such name")
        return addresses

    return asyncio.run(SinkPolicy(rules, resolve).destination(sink))


def refusal_of(sink: str, rules: SinkRules, *addresses: str) -> str:
    """Why a sink may not be called."""
    with pytest.raises(ApiError) as error:
        asked(sink, rules, *addresses)
    assert (error.value.status, error.value.code) == (400, "INVALID_SINK")
    return error.value.message


NAMED = SinkRules(allowed_hosts=("sink.example.com",))


def test_an_allowed_name_with_a_public_address_is_called_at_that_address_alone() -> None:
    found = asked("https://Sink.Example.com:8443/events?x=1", NAMED, PUBLIC)
    assert found.addresses == (IPv4Address(PUBLIC),)
    assert str(found.pinned(0)) == f"https://{PUBLIC}:8443/events?x=1"
    assert found.host_header == "sink.example.com:8443"
    assert found.server_name == "sink.example.com"


def test_attempts_go_round_the_addresses_of_a_name() -> None:
    found = asked("https://sink.example.com/", NAMED, "2606:2800:220:1::1", PUBLIC)
    urls = [str(found.pinned(number)) for number in range(3)]
    assert urls == ["https://[2606:2800:220:1::1]/", f"https://{PUBLIC}/", "https://[2606:2800:220:1::1]/"]


def test_without_rules_no_sink_is_allowed_and_the_refusal_says_so() -> None:
    assert "no sinks are allowed on this server" in refusal_of(
        "https://sink.example.com/", SinkRules(), PUBLIC
    )
    with Caller() as caller:
        sink = "https://sink.example.com/"
        assert refused(caller.create(sink=sink)) == (400, "INVALID_SINK")
        response = caller.call("POST", ASSIGNMENTS, {**assignment_body(), "sink": sink})
        assert refused(response) == (400, "INVALID_SINK")
        assert caller.network.orders == []


@pytest.mark.parametrize("address", PRIVATE)
def test_an_allowed_name_must_not_lead_to_an_address_that_is_not_public(address: str) -> None:
    assert "not public" in refusal_of("https://sink.example.com/", NAMED, address)
    assert "not public" in refusal_of("https://sink.example.com/", NAMED, PUBLIC, address)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "017700000001",
        "127.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "localhost",
        "localhost.",
        "sink.example.com.evil.example",
        "evil-sink.example.com",
        "%6c%6f%63%61%6c%68%6f%73%74",
        PUBLIC,
    ],
)
def test_no_spelling_of_a_host_gets_past_the_names(host: str) -> None:
    refusal_of(f"https://{host}/", NAMED, "127.0.0.1")
    refusal_of(f"https://{host}/", NAMED, PUBLIC)


def test_a_number_that_the_system_takes_for_an_address_is_checked_as_what_it_leads_to() -> None:
    """The control of the spellings: even if such a name were allowed, its address is looked at."""
    rules = SinkRules(allowed_hosts=("2130706433",))
    assert "not public" in refusal_of("https://2130706433/", rules, "127.0.0.1")


@pytest.mark.parametrize(
    "sink",
    [
        "http://sink.example.com/",
        "ftp://sink.example.com/",
        "file:///etc/passwd",
        "//sink.example.com/",
        "https:///path",
        "https://user:word@sink.example.com/",
        "https://sink.example.com@127.0.0.1/",
        "https://sink.example.com/#part",
        "https://sink.example.com:99999/",
        "https://sink.exam ple.com/",
        "https://[::1/",
        "sink",
        "",
    ],
)
def test_what_is_no_plain_https_address_is_refused(sink: str) -> None:
    refusal_of(sink, NAMED, PUBLIC)


def test_a_name_that_is_not_known_is_refused() -> None:
    assert "not known" in refusal_of("https://sink.example.com/", NAMED)


def test_a_network_allows_its_addresses_and_those_that_names_lead_to() -> None:
    rules = SinkRules(allowed_hosts=("sink.example.com", "10.2.0.0/16"))
    assert asked("https://10.2.3.4/", rules).addresses == (IPv4Address("10.2.3.4"),)
    assert asked("https://10.2.3.4/", rules).server_name is None
    assert asked("https://[::ffff:10.2.3.4]/", rules).addresses == (IPv6Address("::ffff:10.2.3.4"),)
    assert asked("https://sink.example.com/", rules, "10.2.3.4").addresses == (IPv4Address("10.2.3.4"),)
    assert "in no allowed network" in refusal_of("https://10.3.0.1/", rules)
    assert "not allowed" in refusal_of("https://other.example.com/", rules, "10.2.3.4")


def test_plain_http_is_for_rules_that_allow_it() -> None:
    rules = SinkRules(allowed_hosts=("10.2.0.1",), allow_http=True)
    assert str(asked("http://10.2.0.1:81/x", rules).pinned(0)) == "http://10.2.0.1:81/x"
    assert "must begin with https://" in refusal_of(
        "http://10.2.0.1/", SinkRules(allowed_hosts=("10.2.0.1",))
    )


@settings(deadline=None, derandomize=True)
@given(st.ip_addresses())
def test_an_address_is_allowed_exactly_if_a_network_has_it(address: IPv4Address | IPv6Address) -> None:
    host = f"[{address}]" if address.version == 6 else str(address)
    # An IPv4 address in the dress of IPv6 is what it is, whatever networks of IPv6 are allowed.
    plain = (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address
    assert asked(f"https://{host}/", SinkRules(allowed_hosts=(str(plain),))).addresses == (address,)
    refusal_of(f"https://{host}/", SinkRules(allowed_hosts=(str(type(plain)(int(plain) ^ 1)),)))


@pytest.mark.parametrize("written", ["", "10.0.0.0/33", "10.0.0.1/8", "2001:db8::/200", "https://sink", "."])
def test_a_rule_that_allows_nothing_sensible_is_refused(written: str) -> None:
    with pytest.raises(ScenarioError, match="cannot allow sinks at"):
        SinkRules(allowed_hosts=(written,))


def test_certificates_that_cannot_be_read_are_refused_at_the_start(tmp_path: Path) -> None:
    empty = tmp_path / "ca.pem"
    empty.write_text("nothing\n")
    for path in (empty, tmp_path / "none.pem"):
        with (
            pytest.raises(ScenarioError, match="cannot trust the certificates in"),
            Caller(settings={"sinks": SinkRules(ca_file=path)}),
        ):
            pass
