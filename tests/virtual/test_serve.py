"""`testbed serve` with the embedded kernel: what API clients do is done to its tc classes, and undone.

The client is network_as_code 10.0.0, as it comes from its makers. What the kernel has is read with our own
operation, which answers with a dump of the kernel's classes.
"""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from api_foreign_client import walk_through
from mechanism import FOLDER
from network_as_code import NetworkAsCodeApi
from recorded import objects
from serve_process import PATIENCE_S, Server, children, gone, serving
from venue_boot import PYTHON, console_of, embedded_kernel, run_inside

from testbed.record.run_directory import RunDirectory
from testbed.scenario.loading import from_mapping
from testbed.venue.virtual import OUTPUT_IN_GUEST

UNIT = Path(__file__).parents[1] / "unit"
SESSIONS = "/quality-on-demand/v1/sessions"
PROFILE = "rate-250m"
RATES_BPS = {"downstream": 250_000_000, "upstream": 100_000_000}
OTHER, OTHER_DOWNSTREAM_BPS = "rate-1g", 1_000_000_000


def document() -> dict[str, Any]:
    """Two homes and a node; from the second home 10 packets a second go to the node as long as one likes."""
    line = {"rate": "1 Gbit/s", "committed": "0 bit/s", "queue": "500 kB"}
    return {
        "title": "A network to be served",
        "seed": 5,
        "duration": "3600 s",
        "network": {
            "topology": "elastic_access",
            "parameters": {"pon": "XGS-PON", "onus": 2, "nodes": {"node": {"delay": "0 ns"}}},
        },
        "access": {"downstream": line, "upstream": line},
        "background": {
            "talk": {
                "protocol": "udp",
                "packet": "1000 B",
                "interval": "100 ms",
                "starts": "0 s",
                "ends": "3600 s",
                "source": "home2",
                "destination": "node",
            }
        },
        "variants": {
            "shaped": {"pon": {"model": "shaped_link"}},
            "frames": {"pon": {"model": "frames"}},
        },
    }


@pytest.fixture(scope="module", params=["shaped", "frames"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A served network, by either model of the PON; it must end in order."""
    embedded_kernel()
    folder = tmp_path_factory.mktemp("serve")
    (folder / "served.yaml").write_text(from_mapping(document(), "served").text)
    with serving(folder, "served.yaml", "--variant", request.param) as server:
        server.up()
        server.variant = request.param
        yield server


def classes(server: Server, session: str) -> dict[str, dict[str, Any]]:
    """What the kernel has of a session's channel, by direction."""
    status, shown = server.call("GET", "/testbed/v1/channels")
    assert status == 200, shown
    return {each["direction"]: each for each in shown if each["session"] == session}


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Until it is so."""
    give_up_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < give_up_s, f"waited in vain: {what}"
        time.sleep(0.1)


def is_open(server: Server, session: str) -> bool:
    return len(classes(server, session)) == 2


def is_gone(server: Server, session: str) -> bool:
    return classes(server, session) == {}


def expected_rates_bps(server: Server) -> dict[str, int | None]:
    """What the kernel shapes to; in frames a channel is upstream a T-CONT, which has no rate there."""
    return RATES_BPS if server.variant == "shaped" else {**RATES_BPS, "upstream": None}


def book(server: Server, device_ip: str, profile: str = PROFILE, duration_s: int = 600, **ports: Any) -> str:
    """The id of a session that is open, for all packets between a device and the node."""
    body = {
        "device": {"ipv4Address": {"publicAddress": device_ip, "privateAddress": device_ip}},
        "applicationServer": {"ipv4Address": "10.2.0.1"},
        "qosProfile": profile,
        "duration": duration_s,
        **ports,
    }
    status, made = server.call("POST", SESSIONS, body)
    assert status == 201, made
    session: str = made["sessionId"]
    wait_for(lambda: is_open(server, session), f"the classes of {session}")
    return session


def delete(server: Server, session: str) -> None:
    """Let a session go, and wait until its classes are gone."""
    assert server.call("DELETE", f"{SESSIONS}/{session}")[0] == 204
    wait_for(lambda: is_gone(server, session), f"the end of the classes of {session}")


def test_every_step_of_the_foreign_client_takes_effect_in_tc(served: Server) -> None:
    steps: list[str] = []
    session = ""

    def after(step: str, answer: Any) -> None:
        nonlocal session
        steps.append(step)
        match step:
            case "create":
                session = answer.session_id
                wait_for(lambda: is_open(served, session), "the classes of the new session")
            case "read":
                assert (answer.session_id, answer.qos_status) == (session, "AVAILABLE")
            case "extend":
                assert answer.duration == 90
            case "list":
                assert [each.session_id for each in answer] == [session]
            case "delete":
                wait_for(lambda: is_gone(served, session), "the end of the classes")
            case _:
                assert answer == []
        found = classes(served, session)
        if step in ("delete", "list again"):
            assert found == {}
        else:
            assert {way: each["rate_bps"] for way, each in found.items()} == expected_rates_bps(served)
            assert {way: each["granted_bps"] for way, each in found.items()} == RATES_BPS

    walk_through(
        served.base, served.token, device_ip="10.1.1.1", server_ip="10.2.0.1", profile=PROFILE, after=after
    )
    assert steps == ["create", "read", "extend", "list", "delete", "list again"]


def test_a_session_has_the_rate_of_its_own_profile(served: Server) -> None:
    """The control: the rate that is read is not the same whatever was ordered."""
    ours, theirs = book(served, "10.1.1.1"), book(served, "10.1.2.1", OTHER)
    assert classes(served, ours)["downstream"]["rate_bps"] == RATES_BPS["downstream"]
    assert classes(served, theirs)["downstream"]["rate_bps"] == OTHER_DOWNSTREAM_BPS
    delete(served, ours)
    assert is_open(served, theirs), "the other one stays"
    delete(served, theirs)


def test_packets_of_the_device_go_through_its_class_and_those_of_another_do_not(served: Server) -> None:
    talking, silent = book(served, "10.1.2.1"), book(served, "10.1.1.1")
    wait_for(lambda: classes(served, talking)["upstream"]["sent_bytes"] > 3000, "packets of the second home")
    assert classes(served, silent)["upstream"]["sent_bytes"] == 0
    delete(served, talking)
    delete(served, silent)


def test_a_session_that_was_extended_outlives_one_that_was_not(served: Server) -> None:
    """The extended one began first: without its extension it would have been over before the other."""
    duration_s = 30
    extended = book(served, "10.1.1.1", duration_s=duration_s)
    client = NetworkAsCodeApi(
        base_url=served.base, api_key="none", headers={"Authorization": f"Bearer {served.token}"}
    )
    client.qod.extend_session_v1(extended, requested_additional_duration=3600)
    other = book(served, "10.1.2.1", duration_s=duration_s)
    wait_for(lambda: is_gone(served, other), "the expiry of the other session")
    assert served.call("GET", f"{SESSIONS}/{other}")[1]["statusInfo"] == "DURATION_EXPIRED"
    assert is_open(served, extended)
    delete(served, extended)


def test_what_can_never_be_carried_is_refused_at_once_with_the_reason(served: Server) -> None:
    body = {
        "device": {"phoneNumber": "+999001001"},
        "applicationServer": {"ipv4Address": "10.2.0.1"},
        "qosProfile": "rate-25g",
        "duration": 600,
    }
    status, answer = served.call("POST", SESSIONS, body)
    assert (status, answer["code"]) == (422, "QUALITY_ON_DEMAND.QOS_PROFILE_NOT_APPLICABLE")
    assert "downstream 25 Gbit/s does not fit olt–splitter" in answer["message"]
    elsewhere = {**body, "qosProfile": PROFILE, "applicationServer": {"ipv4Address": "192.0.2.1"}}
    status, answer = served.call("POST", SESSIONS, elsewhere)
    assert (status, answer["code"]) == (422, "SERVICE_NOT_APPLICABLE")
    assert "no compute node has an address in 192.0.2.1/32" in answer["message"]


def test_what_does_not_fit_beside_what_there_is_is_refused_and_gets_no_class(served: Server) -> None:
    first = book(served, "10.1.1.1", "rate-5g")
    body = {
        "device": {"phoneNumber": "+999002001"},
        "applicationServer": {"ipv4Address": "10.2.0.1"},
        "qosProfile": "rate-5g",
        "duration": 600,
    }
    status, made = served.call("POST", SESSIONS, body)
    assert status == 201
    where = f"{SESSIONS}/{made['sessionId']}"
    wait_for(lambda: served.call("GET", where)[1]["qosStatus"] == "UNAVAILABLE", "the refusal")
    assert served.call("GET", where)[1]["statusInfo"] == "NETWORK_TERMINATED"
    assert is_gone(served, made["sessionId"])
    # Until it is deleted, or forgotten, it stands in the way of another for the same packets.
    assert served.call("DELETE", where)[0] == 204
    delete(served, first)


def test_wide_ranges_of_ports_at_both_ends_get_their_class(served: Server) -> None:
    ports = {
        "devicePorts": {"ranges": [{"from": 1024, "to": 65_535}]},
        "applicationServerPorts": {"ranges": [{"from": 10_000, "to": 20_000}], "ports": [443]},
    }
    session = book(served, "10.1.1.1", **ports)
    delete(served, session)


def test_it_ends_in_order_and_its_records_tell_what_was_done(served: Server) -> None:
    session = book(served, "10.1.1.1")
    (kernel,) = children(served.process.pid)
    assert served.end() == 0, served.said
    assert gone(kernel)
    run = RunDirectory.open(served.run)
    assert sorted(path.name for path in run.path.iterdir()) == [
        "SHA256SUMS",
        "declared.json",
        "events.jsonl",
        "logs",
        "manifest.json",
        "plan.txt",
        "rates.parquet",
        "samples.parquet",
        "scenario.yaml",
    ]
    kinds = [event["kind"] for event in objects(run) if event.get("session") == session]
    assert [kind for kind in kinds if kind.startswith("net.")] == ["net.open"] * 2
    assert {"channel.admit", "channel.active"} <= set(kinds)
    assert objects(run)[-1]["kind"] == "run.end"
    assert [event["kind"] for event in objects(run)].count("host.load") == 1


@pytest.mark.parametrize(("how", "exit_status"), [("order", 0), ("killed", -9)])
def test_the_host_venue_serves_as_well_and_nothing_of_it_is_left(
    tmp_path: Path, how: str, exit_status: int
) -> None:
    """The embedded kernel stands for a host; even a server that is killed takes its network with it."""
    command = (PYTHON, str(FOLDER / "serve_on_host.py"), OUTPUT_IN_GUEST, str(UNIT), how)
    limits_s = {"wall_limit_s": 2.0 * PATIENCE_S, "stall_limit_s": 2.0 * PATIENCE_S}
    outcome = run_inside(tmp_path, *command, time_travel=False, visible=(FOLDER, UNIT), **limits_s)
    assert outcome.exit_status == 0, console_of(outcome)
    results = json.loads((tmp_path / "served.json").read_text())
    assert {each["direction"]: each["rate_bps"] for each in results["opened"]} == {
        "downstream": 100_000_000,
        "upstream": 50_000_000,
    }
    assert (results["closed"], results["left"], results["exit_status"]) == ([], [], exit_status)
    assert (tmp_path / "run" / "events.jsonl").exists() is (how == "order")
