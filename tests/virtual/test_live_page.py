"""The page and the metrics of a served network, with the embedded kernel and in a real browser."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from headless import CHROMIUM, Page
from prometheus_client.parser import text_string_to_metric_families
from serve_process import PATIENCE_S, Server, serving
from served_game import served_game
from venue_boot import embedded_kernel

from testbed.scenario.loading import from_mapping

SESSIONS = "/quality-on-demand/v1/sessions"
HOME2 = "10.1.2.1"
Labels = frozenset[tuple[str, str]]


@pytest.fixture(scope="module")
def game(tmp_path_factory: pytest.TempPathFactory) -> Path:
    embedded_kernel()
    folder = tmp_path_factory.mktemp("page")
    (folder / "game.yaml").write_text(from_mapping(served_game(), "game").text)
    return folder


@pytest.fixture(scope="module")
def served(game: Path) -> Iterator[Server]:
    """The game, served, with its session under way; it must end in order."""
    with serving(game, "game.yaml") as server:
        server.up()
        wait_for(
            "the session's delays", lambda: metric(server, "testbed_delay_seconds_count", session="game") > 5
        )
        yield server
        assert server.end() == 0


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    if CHROMIUM is None:
        pytest.skip("there is no chromium here to show the page in")
    with Page(CHROMIUM) as page:
        yield page


def wait_for(what: str, condition: Any) -> None:
    give_up_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < give_up_s, f"waited in vain: {what}"
        time.sleep(0.2)


def fetched(url: str, token: str | None = None) -> tuple[int, str]:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=PATIENCE_S
        ) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def samples(server: Server) -> dict[str, dict[Labels, float]]:
    """What Prometheus reads, without a token."""
    status, text = fetched(server.base + "/metrics")
    assert status == 200
    found: dict[str, dict[Labels, float]] = {}
    for family in text_string_to_metric_families(text):
        for each in family.samples:
            found.setdefault(each.name, {})[frozenset(each.labels.items())] = each.value
    return found


def metric(server: Server, name: str, **labels: str) -> float:
    """The least of the series with these labels; -1 without any."""
    wanted = set(labels.items())
    return min(
        (value for each, value in samples(server).get(name, {}).items() if wanted <= each), default=-1.0
    )


def book(server: Server, profile: str) -> str:
    body = {
        "device": {"ipv4Address": {"publicAddress": HOME2, "privateAddress": HOME2}},
        "applicationServer": {"ipv4Address": "10.2.0.1"},
        "qosProfile": profile,
        "duration": 600,
    }
    status, made = server.call("POST", SESSIONS, body)
    assert status == 201, made
    wait_for("the channel", lambda: len(kernel_classes(server, made["sessionId"])) == 2)
    return str(made["sessionId"])


def kernel_classes(server: Server, session: str) -> dict[str, dict[str, Any]]:
    status, shown = server.call("GET", "/testbed/v1/channels")
    assert status == 200
    return {each["direction"]: each for each in shown if each["session"] == session}


def order_of(labels: Labels) -> str:
    """The class of an ordered channel in the labels of a series; empty for a session of the scenario."""
    return dict(labels)["session"].partition("order-")[2]


def test_the_metrics_say_what_the_kernel_says_of_its_classes(served: Server) -> None:
    session = book(served, "rate-250m")
    allotted = "testbed_session_allotted_bits_per_second"
    # What was known a tenth of a second ago may be said again.
    wait_for("its channel", lambda: metric(served, "testbed_channels", state="active") == 2)
    wait_for("its classes", lambda: any(order_of(each) for each in samples(served)[allotted]))
    for direction, each in kernel_classes(served, session).items():
        labels = {"session": f"order-{each['class']}", "direction": direction}
        assert each["rate_bps"] == {"downstream": 250_000_000, "upstream": 100_000_000}[direction]
        for name, value in (
            ("testbed_session_allotted_bits_per_second", each["rate_bps"]),
            ("testbed_channel_shaped_bits_per_second", each["rate_bps"]),
            ("testbed_channel_sent_bytes_total", each["sent_bytes"]),
            ("testbed_session_backlog_bytes", each["backlog_bytes"]),
            ("testbed_session_dropped_packets_total", each["dropped_packets"]),
        ):
            # Nobody at home2 sends anything: what is counted stands still.
            assert metric(served, name, **labels) == value, name
    assert served.call("DELETE", f"{SESSIONS}/{session}")[0] == 204
    wait_for("the channel's end", lambda: metric(served, "testbed_channels", state="active") == 1)
    wait_for("their end", lambda: not any(order_of(each) for each in samples(served)[allotted]))
    assert metric(served, "testbed_api_requests_total", operation="createSession", status="201") >= 1
    assert metric(served, "testbed_orders_total", kind="withdraw") >= 1


def test_the_bytes_that_the_kernel_counts_grow_with_the_session(served: Server) -> None:
    def sent() -> float:
        return metric(served, "testbed_channel_sent_bytes_total", session="game", direction="downstream")

    before = sent()
    [down] = [each for direction, each in kernel_classes(served, "game").items() if direction == "downstream"]
    wait_for("more bytes", lambda: sent() > down["sent_bytes"])
    assert before <= down["sent_bytes"] < sent()


def test_the_delays_are_those_of_the_network(served: Server) -> None:
    """20 km of fibre and 2 ms to the node: no probe is faster, in either direction."""
    for direction in ("downstream", "upstream"):
        labels = {"session": "game", "measure": "probe", "direction": direction}
        count = metric(served, "testbed_delay_seconds_count", **labels)
        assert metric(served, "testbed_delay_seconds_bucket", le="0.002", **labels) == 0
        assert metric(served, "testbed_delay_seconds_sum", **labels) / count > 0.002


TEXT = "document.body.innerText"


def test_a_browser_shows_the_network_and_sees_a_rate_change_after_an_order(
    served: Server, page: Page
) -> None:
    page.open(served.base + "/", 1280)
    wait_for("the session", lambda: "game downstream" in page.evaluate(TEXT))
    assert "home2" not in page.evaluate("document.getElementById('rates').innerText")
    session = book(served, "rate-500m")
    wait_for("the new channel", lambda: f"home2, rate-500m ({session[:8]}) downstream" in page.evaluate(TEXT))
    card = (
        "[...document.querySelectorAll('#rates li')]"
        f".find(each => each.textContent.includes('{session[:8]}')).querySelector('dd').textContent"
    )
    assert page.evaluate(card) == "500 Mbit/s"
    assert served.call("DELETE", f"{SESSIONS}/{session}")[0] == 204
    wait_for(
        "its end",
        lambda: f"({session[:8]})" not in page.evaluate("document.getElementById('rates').innerText"),
    )
    assert "channel.release" in page.evaluate("document.getElementById('events').innerText")
    assert page.complaints() == []
    assert {url.partition(served.base)[2] for url in page.requests()} == {"/", "/testbed/v1/live"}


@pytest.mark.parametrize("colour_scheme", ["light", "dark"])
@pytest.mark.parametrize("width_px", [390, 1280])
def test_the_page_fits_and_complains_about_nothing(
    served: Server, page: Page, width_px: int, colour_scheme: str, tmp_path: Path
) -> None:
    page.open(served.base + "/", width_px, colour_scheme)
    wait_for("the session", lambda: "game downstream" in page.evaluate(TEXT))
    assert page.evaluate("document.documentElement.scrollWidth") <= width_px
    assert page.evaluate("document.querySelectorAll('#delays svg path[d^=M]').length") == 3
    assert page.complaints() == []


def test_the_numbers_move(served: Server, page: Page) -> None:
    page.open(served.base + "/", 1280)
    counts = "[...document.querySelectorAll('#delays li')].map(each => each.querySelectorAll('dd')[1])"
    arrived = f"{counts}.map(each => Number(each.textContent))"
    wait_for("the delays", lambda: len(page.evaluate(arrived)) == 3)
    before = page.evaluate(arrived)
    wait_for("newer ones", lambda: all(map(int.__lt__, before, page.evaluate(arrived))))


def test_a_request_to_elsewhere_is_forbidden_by_the_page(served: Server, page: Page) -> None:
    page.open(served.base + "/", 1280)
    assert page.evaluate("fetch('http://127.0.0.1:9/').then(() => 'sent', () => 'refused')") == "refused"
    assert any("Content Security Policy" in complaint for complaint in page.complaints())


def test_a_server_with_tokens_asks_for_one_and_shows_itself_then(game: Path, page: Page) -> None:
    secret, other = "r" * 40, "c" * 40
    tokens = [
        {"name": "reader", "token": secret, "scopes": ["testbed:read"]},
        {"name": "caller", "token": other, "scopes": ["quality-on-demand:sessions:create"]},
    ]
    (game / "tokens.json").write_text(json.dumps(tokens))
    folder = game / "with_tokens"
    folder.mkdir()
    with serving(folder, str(game / "game.yaml"), "--tokens", str(game / "tokens.json")) as server:
        server.up()
        assert fetched(server.base + "/metrics")[0] == 401
        assert fetched(server.base + "/metrics", other)[0] == 403
        assert fetched(server.base + "/metrics", secret)[0] == 200
        page.open(server.base + "/", 390)
        wait_for("the question", lambda: page.evaluate("!document.getElementById('ask').hidden"))
        assert page.evaluate("document.getElementById('view').hidden")
        give = "(box => { box.value = '%s'; box.form.requestSubmit(); })(document.getElementById('token'))"
        page.evaluate(give % other)
        wait_for(
            "the refusal",
            lambda: "testbed:read" in page.evaluate("document.getElementById('refused').innerText"),
        )
        page.evaluate(give % secret)
        wait_for("the network", lambda: page.evaluate("!document.getElementById('view').hidden"))
        assert page.evaluate("document.getElementById('ask').hidden")
        assert server.end() == 0
    wait_for(
        "the alert", lambda: "No answer since" in page.evaluate("document.getElementById('status').innerText")
    )
