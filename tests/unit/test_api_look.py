"""The page and the metrics of a served network: what they say, and who may look."""

import asyncio
import hashlib
import re
from base64 import b64encode
from pathlib import Path

import pytest
from api_caller import session_body
from live_records import late, sample
from prometheus_client.parser import text_string_to_metric_families
from watched_network import LOOPBACK, SECOND_NS, Watched, shaped, watched

from testbed.api.live_page import PAGE, page_headers
from testbed.api.outbox import DROPPED
from testbed.api.prometheus import CONTENT_TYPE
from testbed.errors import InvariantError
from testbed.host.orders import WithdrawOrder
from testbed.live.delay_window import BOUNDS_NS
from testbed.record.logs import RateLog
from testbed.record.streams import ReceivedLog, SentLog

Labels = tuple[tuple[str, str], ...]
PATHS = ("/testbed/v1/live", "/metrics")


def values(network: Watched) -> dict[str, dict[Labels, float]]:
    """What a Prometheus server reads, by the name of the sample and its labels."""
    answer = network.get("/metrics")
    assert (answer.status_code, answer.headers["content-type"]) == (200, CONTENT_TYPE)
    found: dict[str, dict[Labels, float]] = {}
    for family in text_string_to_metric_families(answer.text):
        assert family.documentation
        for each in family.samples:
            labels = tuple(sorted(each.labels.items()))
            assert labels not in found.setdefault(each.name, {}), "twice the same series"
            found[each.name][labels] = each.value
    return found


def labelled(**labels: str) -> Labels:
    return tuple(sorted(labels.items()))


DOWN = labelled(session="player", direction="downstream")


def write_rate(network: Watched, **fields: int | None) -> None:
    row = sample(2) | fields
    with RateLog(network.folder) as log:
        log.write(row.pop("at_ns"), **row)


def test_the_metrics_have_what_the_records_say_in_base_units(tmp_path: Path) -> None:
    with watched(tmp_path) as network:
        write_rate(network, throughput_bps=7_500_000, backlog_bytes=1500, dropped=3)
        found = values(network)
    assert found["testbed_session_allotted_bits_per_second"][DOWN] == 100_000_000
    assert found["testbed_session_used_bits_per_second"][DOWN] == 7_500_000
    assert found["testbed_session_backlog_bytes"][DOWN] == 1500
    assert found["testbed_session_dropped_packets_total"][DOWN] == 3
    assert found["testbed_network_seconds"] == {(): 2.0}
    assert found["testbed_channels"] == {labelled(state="admitted"): 0, labelled(state="active"): 1}
    assert found["testbed_channel_decisions_total"][labelled(decision="admit")] == 1
    assert found["testbed_jobs"][labelled(state="running")] == 1
    assert found["testbed_build_info"] == {labelled(version="1.2.3"): 1}


def test_how_late_the_machine_is_is_told_in_seconds(tmp_path: Path) -> None:
    with watched(tmp_path) as network:
        assert values(network)["testbed_host_late_seconds"] == {(): 0}
        network.write(late(1, 5_000_000))
        network.refresh()
        assert values(network)["testbed_host_late_seconds"] == {(): 0.005}


def test_a_session_without_a_channel_has_no_allotted_rate_and_not_0(tmp_path: Path) -> None:
    with watched(tmp_path) as network:
        write_rate(network, rate_bps=None)
        found = values(network)
    assert "testbed_session_allotted_bits_per_second" not in found
    assert DOWN in found["testbed_session_used_bits_per_second"]


def test_delays_are_a_histogram_in_seconds(tmp_path: Path) -> None:
    delays_ns = [100_000, 4_000_000, 4_000_001, 3 * SECOND_NS]
    stream = {"session": "player", "measure": "probe", "direction": "upstream"}
    with watched(tmp_path) as network:
        with SentLog(tmp_path, **stream) as sent, ReceivedLog(tmp_path, **stream) as received:
            for seq, delay_ns in enumerate(delays_ns):
                sent.write(seq, 100, seq * SECOND_NS)
                received.write(seq, seq * SECOND_NS + delay_ns)
        found = values(network)
    labels = labelled(**stream)
    assert found["testbed_delay_seconds_count"][labels] == 4
    assert found["testbed_delay_seconds_sum"][labels] == pytest.approx(sum(delays_ns) / 1e9)
    buckets = {
        float(dict(each)["le"]): value for each, value in found["testbed_delay_seconds_bucket"].items()
    }
    assert len(buckets) == len(BOUNDS_NS) + 1
    assert (buckets[0.0001], buckets[0.003], buckets[0.004]) == (1, 1, 2)
    assert (buckets[0.005], buckets[2.5], buckets[float("inf")]) == (3, 3, 4)


def test_an_ordered_channel_has_its_rates_from_the_kernel_and_a_bounded_label(tmp_path: Path) -> None:
    identifier = "39b329e6-c01f-44ab-bb40-9ce1170f342d"
    with watched(tmp_path) as network:
        network.line.at_ns, network.line.classes = 5 * SECOND_NS, [shaped(identifier, "1f", 1000)]
        network.refresh()
        network.line.at_ns, network.line.classes = 7 * SECOND_NS, [shaped(identifier, "1f", 251_000)]
        network.refresh()
        found = values(network)
        text = network.get("/metrics").text
    labels = labelled(session="order-1f", direction="downstream")
    assert found["testbed_session_used_bits_per_second"] == {labels: 1_000_000}
    assert found["testbed_session_allotted_bits_per_second"][labels] == 250_000_000
    assert found["testbed_session_backlog_bytes"][labels] == 300
    assert found["testbed_session_dropped_packets_total"][labels] == 4
    of_class = labelled(**dict(labels), **{"class": "1f"})
    assert found["testbed_channel_sent_bytes_total"] == {of_class: 251_000}
    assert found["testbed_channel_shaped_bits_per_second"] == {of_class: 250_000_000}
    assert identifier not in text


def test_a_channel_that_is_gone_is_in_the_metrics_no_more(tmp_path: Path) -> None:
    with watched(tmp_path) as network:
        network.line.classes = [shaped("an order", "1f", 1000)]
        network.refresh()
        assert ("an order", "downstream") in network.monitor.view.rates
        network.line.classes = []
        network.refresh()
        assert ("an order", "downstream") not in network.monitor.view.rates
        assert "testbed_channel_sent_bytes_total" not in values(network)


def test_a_class_made_anew_under_the_same_number_has_no_throughput_of_the_old_one(tmp_path: Path) -> None:
    with watched(tmp_path) as network:
        for at_s, sent_bytes in ((1, 10_000), (2, 20_000), (3, 500)):
            network.line.at_ns, network.line.classes = at_s * SECOND_NS, [shaped("order", "1f", sent_bytes)]
            network.refresh()
            used_bps = network.monitor.view.rates["order", "downstream"].throughput_bps
            assert used_bps == {1: None, 2: 80_000, 3: None}[at_s]


def test_the_channel_of_a_session_has_its_rates_from_the_records_alone(tmp_path: Path) -> None:
    with watched(tmp_path) as network:
        write_rate(network)
        network.line.classes = [shaped("player", "10", 1000)]
        found = values(network)
    assert found["testbed_session_allotted_bits_per_second"][DOWN] == 100_000_000
    assert found["testbed_channel_sent_bytes_total"] == {labelled(**dict(DOWN), **{"class": "10"}): 1000}


def test_calls_orders_and_events_are_counted(tmp_path: Path) -> None:
    with watched(tmp_path) as network:
        caller = network.caller
        assert caller.call("POST", "/quality-on-demand/v1/sessions", session_body()).status_code == 201
        assert caller.call("GET", "/quality-on-demand/v1/sessions/none", who=None).status_code == 401
        assert caller.call("GET", "/nothing/here").status_code == 404
        assert (
            caller.call("POST", "/qos-profiles/v1/retrieve-qos-profiles", content=b" " * 70_000).status_code
            == 413
        )
        network.tally.ordered(WithdrawOrder(session="any"))
        caller.app.state.outbox.ended[DROPPED] += 2
        found = values(network)
    assert found["testbed_api_requests_total"] == {
        labelled(operation="createSession", status="201"): 1,
        labelled(operation="getSession", status="401"): 1,
        labelled(operation="none", status="404"): 1,
        labelled(operation="none", status="413"): 1,
    }
    assert found["testbed_orders_total"][labelled(kind="withdraw")] == 1
    assert found["testbed_api_events_total"][labelled(outcome="dropped")] == 2


def test_paths_that_anybody_makes_up_add_no_series(tmp_path: Path) -> None:
    with watched(tmp_path) as network:
        before = len(network.get("/metrics").text.splitlines())
        for number in range(30):
            network.caller.call("GET", f"/made/up/{number}")
            network.caller.call("GET", f"/quality-on-demand/v1/sessions/{number}", who=None)
        after = len(network.get("/metrics").text.splitlines())
    assert after - before <= 4


def test_questions_that_come_too_fast_are_answered_without_asking_the_network(tmp_path: Path) -> None:
    with watched(tmp_path) as network:
        for _ in range(20):
            network.get("/metrics")
        asked = network.line.asked
        network.refresh()
    assert asked < 20
    assert network.line.asked == asked + 1


@pytest.mark.parametrize("path", PATHS)
def test_who_started_the_server_for_himself_looks_without_a_token(tmp_path: Path, path: str) -> None:
    with watched(tmp_path) as network:
        for base in (LOOPBACK, "http://localhost:8080", "http://[::1]:8080"):
            assert network.get(path, base=base).status_code == 200


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("base", ["http://evil.example.com:8080", "http://127.0.0.1.evil.example.com"])
def test_a_page_whose_name_leads_to_this_machine_cannot_look(tmp_path: Path, path: str, base: str) -> None:
    with watched(tmp_path) as network:
        answer = network.get(path, base=base)
    assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize("path", PATHS)
def test_a_server_with_tokens_lets_look_who_has_one_that_may(tmp_path: Path, path: str) -> None:
    with watched(tmp_path, freely=False) as network:
        statuses = [network.get(path, who=who).status_code for who in (None, "stale", "without testbed:read")]
        assert statuses == [401, 401, 403]
        assert network.get(path, who="client").status_code == 200


def test_the_page_is_for_everybody_and_says_nothing_of_the_network(tmp_path: Path) -> None:
    with watched(tmp_path, freely=False) as network:
        answer = network.get("/", base="http://anywhere.example.com")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.text == PAGE.read_text()


def test_the_page_may_run_what_is_in_it_and_nothing_else() -> None:
    page = PAGE.read_text()
    rules = page_headers(page)["Content-Security-Policy"]
    for kind in ("style", "script"):
        [text] = re.findall(rf"<{kind}>(.*?)</{kind}>", page, re.DOTALL)
        digest = b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in rules
    assert "default-src 'none'" in rules
    assert "unsafe" not in rules
    assert not re.search(r"\son\w+=|\sstyle=|https?://(?!www\.w3\.org/2000/svg)", page)


def test_the_page_is_told_what_is_known(tmp_path: Path) -> None:
    with watched(tmp_path) as network:
        write_rate(network)
        network.line.classes = [shaped("an order", "1f", 1000)]
        network.refresh()
        answer = network.get("/testbed/v1/live")
    live = answer.json()
    assert answer.headers["cache-control"] == "no-store"
    assert live["served"]["title"] == "A network"
    assert [(each["name"], each["rate_bps"]) for each in live["rates"]] == [
        ("player", 100_000_000),
        ("an order", 250_000_000),
    ]
    assert live["channels"][0]["state"] == "active"
    assert live["jobs"] == [{"name": "player", "state": "running", "node": "edge", "backup": "region"}]
    assert live["events"][-1] == {"at_ns": 600_000_000, "kind": "session.start", "text": "player home1 edge"}
    assert live["counts"]["events"] == 5


def test_without_its_network_the_metrics_are_not_made_up(tmp_path: Path) -> None:
    with watched(tmp_path) as network:
        network.line.gone = True
        assert network.get("/metrics").status_code == 503
        network.caller.run(network.monitor.follow(asyncio.Event()))


def test_records_that_are_damaged_end_the_watching_with_an_error(tmp_path: Path) -> None:
    with watched(tmp_path) as network:
        (tmp_path / "rates.jsonl").write_text("no rate\n")
        with pytest.raises(InvariantError, match=r"rates\.jsonl"):
            network.caller.run(network.monitor.follow(asyncio.Event()))


def test_the_operations_that_anybody_may_use_are_not_in_the_open_api_document(tmp_path: Path) -> None:
    """It is that of the specifications' operations, each with its scope."""
    with watched(tmp_path) as network:
        paths = network.get("/openapi.json").json()["paths"]
    assert not {"/", *PATHS} & set(paths)


def test_every_metric_is_documented_and_every_documented_one_is_there(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "live.md").read_text()
    documented = {
        name: set(labels.split(", ")) - {""}
        for name, labels in re.findall(r"^\| `(testbed_\w+)` \| ([\w, ]*?) ?\| ", page, re.MULTILINE)
    }
    stream = {"session": "player", "measure": "probe", "direction": "upstream"}
    with watched(tmp_path) as network:
        write_rate(network)
        SentLog(tmp_path, **stream).close()
        network.line.classes = [shaped("player", "10", 1000)]
        network.get("/testbed/v1/live")
        served = {
            re.sub(r"_(bucket|count|sum)$", "", name): {label for each in series for label, _ in each}
            - {"le"}
            for name, series in values(network).items()
        }
    del documented["testbed_build_info"], served["testbed_build_info"]
    assert served == documented
