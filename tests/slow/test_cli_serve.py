"""`testbed serve` from outside: what it refuses, what it tells, how it ends. The network is a fake one."""

import re
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from recorded import objects
from serve_process import PATIENCE_S, Server, children, gone, serving

from testbed.api.server_settings import SCOPES
from testbed.cli import main, serve
from testbed.errors import ScenarioError
from testbed.record.run_directory import RunDirectory
from testbed.venue import host

FAKE = Path(__file__).with_name("fake_inner.py")
# The command as it is, in a process of its own, with another program for the network.
RUNNER = f"""
import sys
from testbed.cli import main, serve
from testbed.venue import host, host_venue

host.require = lambda trials: None
host_venue.GUEST_MAIN = (sys.executable, {str(FAKE)!r})
serve.END_S = 2.0 if "--short-end" in sys.argv else serve.END_S
sys.exit(main([word for word in sys.argv[1:] if word != "--short-end"]))
"""


@contextmanager
def server(folder: Path, *options: str, way: str = "") -> Iterator[Server]:
    """A server of the fake network, which goes one of its ways."""
    variables = {"FAKE_INNER": way, "XDG_STATE_HOME": str(folder / "state")}
    with serving(folder, "cloud_gaming", "--venue", "host", *options, code=RUNNER, **variables) as served:
        yield served


SESSION = {
    "device": {"phoneNumber": "+999001001"},
    "applicationServer": {"ipv4Address": "10.2.0.1"},
    "qosProfile": "RATE_100M",
    "duration": 600,
}


def open_session(served: Server, **changed: Any) -> str:
    """The id of a session that was made."""
    status, profiles = served.call("POST", "/qos-profiles/v1/retrieve-qos-profiles", {})
    assert status == 200
    body = {**SESSION, "qosProfile": profiles[0]["name"], **changed}
    status, made = served.call("POST", "/quality-on-demand/v1/sessions", body)
    assert status == 201, made
    session: str = made["sessionId"]
    return session


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_in_order_and_the_run_directory_stays(
    tmp_path: Path, signum: signal.Signals
) -> None:
    with server(tmp_path) as served:
        served.up()
        (inner,) = children(served.process.pid)
        assert served.end(signum) == 0
        assert gone(inner)
    run = RunDirectory.open(served.run)
    assert [event["kind"] for event in objects(run)] == ["network.ready", "run.end"]
    manifest = run.manifest()
    assert (manifest["variants"], manifest["venue"], manifest["virtual_s"]) == (["best_effort"], "host", 0.0)
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


def test_what_a_user_needs_is_printed_and_every_order_and_its_news_are_lines(tmp_path: Path) -> None:
    with server(tmp_path) as served:
        served.up()
        session = open_session(served)
        served.read_until(f"channel  {session} ordered: .* for home1 with 10.2.0.1")
        served.read_until(f"channel  {session} active: it was ordered")
        assert served.call("DELETE", f"/quality-on-demand/v1/sessions/{session}")[0] == 204
        served.read_until(f"channel  {session} withdrawn")
        assert served.end() == 0
    for line in (
        r"^booting  cloud_gaming, variant best_effort, venue host$",
        r"^token    \S{32,} \(all scopes",
        r"^device   home1  10\.1\.1\.1  \+999001001$",
        r"^profile  \S+  ACTIVE, \w+, .*downstream, .*upstream$",
        rf"^records  {re.escape(str(served.run))}$",
    ):
        assert re.search(line, served.said, re.MULTILINE), f"{line} is not in:\n{served.said}"


def test_the_classes_of_the_network_are_shown_to_whoever_may_read_them(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens.yaml"
    secrets = {"reader": "r" * 40, "caller": "c" * 40}
    tokens.write_text(
        f"- {{name: reader, token: {secrets['reader']}, scopes: ['testbed:read']}}\n"
        f"- {{name: caller, token: {secrets['caller']}, scopes: ['quality-on-demand:sessions:create', "
        "'qos-profiles:read']}\n"
    )
    with server(tmp_path, "--tokens", str(tokens)) as served:
        served.up()
        served.token = secrets["caller"]
        assert served.call("GET", "/testbed/v1/channels", token=secrets["reader"]) == (200, [])
        session = open_session(served)
        status, shown = served.call("GET", "/testbed/v1/channels", token=secrets["reader"])
        assert status == 200
        assert [(each["session"], each["direction"]) for each in shown] == [
            (session, "downstream"),
            (session, "upstream"),
        ]
        assert shown[0]["rate_bps"] == 100_000_000
        status, refused = served.call("GET", "/testbed/v1/channels")
        assert (status, refused["code"]) == (403, "PERMISSION_DENIED")
        status, refused = served.call("GET", "/testbed/v1/channels", token="x" * 40)
        assert (status, refused["code"]) == (401, "UNAUTHENTICATED")
        assert served.end() == 0
    assert secrets["caller"] not in served.said
    assert "tokens   reader, caller" in served.said


def test_sessions_are_kept_over_a_restart_and_ordered_anew(tmp_path: Path) -> None:
    state = tmp_path / "sessions.db"
    tokens = tmp_path / "tokens.yaml"
    tokens.write_text(f"- {{name: it, token: {'t' * 40}, scopes: {list(SCOPES)}}}\n")
    options = ("--state", str(state), "--tokens", str(tokens))
    with server(tmp_path, *options) as served:
        served.up()
        served.token = "t" * 40
        session = open_session(served)
        assert served.end() == 0
    (tmp_path / "again").mkdir()
    with server(tmp_path / "again", *options) as served:
        served.read_until(f"channel  {session} ordered")
        served.up()
        served.token = "t" * 40
        status, found = served.call("GET", f"/quality-on-demand/v1/sessions/{session}")
        assert (status, found["qosStatus"]) == (200, "AVAILABLE")
        assert [each["session"] for each in served.call("GET", "/testbed/v1/channels")[1]] == [session] * 2
        assert served.end() == 0


def test_a_stop_before_the_network_is_up_leaves_nothing(tmp_path: Path) -> None:
    with server(tmp_path, way="silent") as served:
        served.read_until("^booting")
        give_up_s = time.monotonic() + PATIENCE_S
        while not children(served.process.pid):
            assert time.monotonic() < give_up_s
            time.sleep(0.05)
        (inner,) = children(served.process.pid)
        assert served.end() == 0
        assert gone(inner)
    assert "nothing is left" in served.said
    assert not served.run.exists()


def test_a_network_that_cannot_be_built_is_the_error_and_its_console_stays(tmp_path: Path) -> None:
    with server(tmp_path, way="refused") as served:
        said, _ = served.process.communicate(timeout=PATIENCE_S)
    assert served.process.returncode == 3
    assert "error: variant best_effort: the kernel refused to be a kernel\n" in said
    assert "refused" in (served.run / "logs" / "best_effort.log").read_text()


def test_a_network_that_dies_under_the_api_ends_it_with_the_reason(tmp_path: Path) -> None:
    with server(tmp_path, way="dies") as served:
        served.up()
        status, answer = served.call("GET", "/testbed/v1/channels")
        assert (status, answer["code"]) == (503, "UNAVAILABLE"), "whoever waits for an answer is told"
        rest, _ = served.process.communicate(timeout=PATIENCE_S)
    assert served.process.returncode == 3
    assert "error: variant best_effort: it broke under the first order\n" in rest


def test_a_network_that_does_not_end_is_killed_and_that_is_told(tmp_path: Path) -> None:
    with server(tmp_path, "--short-end", way="stubborn") as served:
        served.up()
        (inner,) = children(served.process.pid)
        assert served.end() == 4
        assert gone(inner)
    assert "did not come to its end within 2 s; it was killed" in served.said


def test_a_killed_server_takes_its_network_with_it(tmp_path: Path) -> None:
    """Nobody is left to end it in order: it finds its line closed."""
    with server(tmp_path) as served:
        served.up()
        (inner,) = children(served.process.pid)
        served.process.kill()
        assert gone(inner)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--listen", "8080"], "write an address and a port, as in 127.0.0.1:8080"),
        (["--listen", "127.0.0.1:99999"], "write an address and a port"),
        (["--listen", "::1:8080"], "write an address and a port"),
        (["--listen", "0.0.0.0:8080"], "others can reach that address; say who may call with --tokens FILE"),
        (["--listen", "example.com:8080"], "others can reach that address"),
        (["--profiles", "nowhere.yaml"], "nowhere.yaml"),
        (["--tokens", "nowhere.yaml"], "nowhere.yaml"),
        (
            ["--tokens", "/dev/zero"],
            "cannot use /dev/zero for the tokens: it is a device",
        ),
        (["--profiles", "/dev/zero"], "cannot use /dev/zero for the profiles: it is a device"),
        (["--tokens", "."], "cannot use . for the tokens: it is a folder"),
        (["--variant", "elastik"], "elastik"),
        (["--allow-sink", "10.0.0.0/99"], "10.0.0.0/99"),
    ],
)
def test_what_cannot_be_served_is_status_2_before_anything_is_started(
    options: list[str],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(serve, "require_venue", pytest.fail)
    assert main(["serve", "cloud_gaming", *options]) == 2
    assert told in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_state_that_cannot_be_used_is_status_2_before_anything_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(serve, "require_venue", lambda *_, **__: {})
    monkeypatch.setattr(serve, "_served", pytest.fail)
    arguments = ["serve", "cloud_gaming", "--listen", "127.0.0.1:0", "--state"]
    assert main([*arguments, "/dev/null"]) == 2
    assert "cannot use /dev/null for the state: it is a device" in capsys.readouterr().err
    (tmp_path / "state.db").write_text("no database, " * 100)
    assert main([*arguments, "state.db"]) == 2
    assert "cannot use the state in state.db: file is not a database" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["state.db"]


def test_a_port_in_use_is_told_before_anything_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(serve, "require_venue", pytest.fail)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert main(["serve", "cloud_gaming", "--listen", f"127.0.0.1:{port}"]) == 2
    assert f"cannot listen on 127.0.0.1 port {port}" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_bad_token_file_is_told_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(serve, "require_venue", pytest.fail)
    tokens = tmp_path / "tokens.yaml"
    tokens.write_text("- name: me\n  token: short\n  scopes: ['testbed:read']\n")
    assert main(["serve", "cloud_gaming", "--tokens", str(tokens)]) == 2
    assert "tokens.yaml:2" in capsys.readouterr().err


def test_a_host_that_lacks_something_is_status_3_and_leaves_no_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(host, "missing_features", lambda _trials: ["veth pairs"])
    assert main(["serve", "cloud_gaming", "--venue", "host", "--listen", "127.0.0.1:0"]) == 3
    assert "veth pairs" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "host_and_port"),
    [("127.0.0.1:8080", ("127.0.0.1", 8080)), ("[::1]:0", ("::1", 0)), ("localhost:1", ("localhost", 1))],
)
def test_an_address_is_a_host_and_a_port(text: str, host_and_port: tuple[str, int]) -> None:
    assert serve.address(text) == host_and_port


@pytest.mark.parametrize(
    "text", ["", ":", "host", "host:", ":80", "host:-1", "host:٣", "::1", "[::1]", "a:65536"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ScenarioError, match="write an address and a port"):
        serve.address(text)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.1", False),
        ("localhost.example.com", False),
    ],
)
def test_only_this_machine_can_reach_loopback(address: str, expected: bool) -> None:
    assert serve.is_loopback(address) is expected
