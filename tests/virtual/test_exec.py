"""Programs of the user's on emulated hosts: what they write, how they end, and that none outlives its run."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import testbed

TESTBED = [str(Path(sys.executable).with_name("testbed")), "exec"]
LINK = {"rate": "500 Mbit/s", "committed": "100 Mbit/s", "queue": "1 MB"}
SCENARIO: dict[str, Any] = {
    "title": "A network on which programs run",
    "duration": "3 s",
    "network": {"topology": "elastic_access", "parameters": {"onus": 1, "fibre": "20 km", "metro": "40 km"}},
    "access": {"downstream": LINK, "upstream": LINK},
    "pon": {"model": "shaped_link"},
}


@pytest.fixture
def path(tmp_path: Path) -> str:
    file = tmp_path / "network.yaml"
    file.write_text(json.dumps(SCENARIO))
    return str(file)


def executed(path: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*TESTBED, path, *arguments], capture_output=True, text=True, check=False)


def test_a_program_sees_the_emulated_network(path: str) -> None:
    """Twice the distance: 60 km of fibre, and 500 us to the first node."""
    done = executed(path, "home1", "--", "ping", "-n", "-c", "3", "-i", "0.2", "10.2.0.1")
    assert done.returncode == 0, done.stderr
    rtts_ms = [float(line.rpartition("time=")[2].split()[0]) for line in done.stdout.splitlines()[1:4]]
    assert rtts_ms[1:] == pytest.approx([2 * (60 * 0.0049 + 0.5)] * 2, abs=0.01)


def test_its_status_and_both_outputs_are_the_command_s(path: str) -> None:
    done = executed(path, "node1", "--", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (done.returncode, done.stdout) == (7, "out\n")
    assert done.stderr.endswith("err\n")


def test_one_that_does_not_end_is_ended_with_the_run(path: str) -> None:
    """By SIGTERM, which a shell writes as 128 and its number."""
    done = executed(path, "home1", "--", "sleep", "1000")
    assert done.returncode == 128 + 15


def test_a_command_that_is_not_there_is_refused_before_anything_starts(path: str) -> None:
    done = executed(path, "home1", "--", "frobnicate")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(
        "error: command.0: 'frobnicate' is not among the programs of /usr/local/sbin:"
    )
    assert done.stderr.endswith("; install it, or write its whole path\n")


def test_a_host_that_is_not_there_is_told_with_those_that_are(path: str) -> None:
    done = executed(path, "hom1", "--", "true")
    assert done.returncode == 2
    assert "'hom1' is no host of elastic_access; did you mean 'home1'?" in done.stderr


def test_a_server_and_a_client_meet_on_the_network(tmp_path: Path) -> None:
    """A server that ignores SIGTERM is killed a second later; what it wrote before is kept."""
    listen = (
        "import signal, socket; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "server = socket.create_server(('10.2.0.1', 5000))\n"
        "while True: print(server.accept()[0].recv(100).decode(), flush=True)"
    )
    call = "import socket; socket.create_connection(('10.2.0.1', 5000)).sendall(b'hello over the PON')"
    programs = {
        "server": {"host": "node1", "command": [sys.executable, "-c", listen], "ends": "2 s"},
        "client": {"host": "home1", "command": [sys.executable, "-c", call], "starts": "1 s"},
    }
    run = testbed.run({"name": "meeting", **SCENARIO, "programs": programs}, out=tmp_path / "run")
    kept = run.directory.programs_path("default")
    assert (kept / "server.out").read_text() == "hello over the PON\n"
    assert (kept / "client.err").read_text() == ""
    lines = (tmp_path / "run" / "events.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    ends = {event["program"]: event for event in events if event["kind"] == "program.exit"}
    assert (ends["client"]["status"], ends["server"]["status"]) == (0, -9)
    assert ends["server"]["at_ns"] == pytest.approx(3_000_000_000, abs=1_000_000)
    assert 1_000_000_000 < ends["client"]["at_ns"] < 1_100_000_000


def test_a_program_that_replaces_its_output_has_nothing_else_printed(path: str, tmp_path: Path) -> None:
    """By a link it could have a file of the machine printed, by a FIFO have us wait for ever."""
    secret, attempts = tmp_path / "secret", tmp_path / "attempts.py"
    secret.write_text("of the machine\n")
    attempts.write_text(
        "import os, sys\n"
        "output = '/run/testbed/out/exec.out'\n"
        "os.unlink(output)\n"
        "for attempt in (os.symlink, os.link, lambda _path, out: os.mkfifo(out)):\n"
        "    try:\n"
        "        attempt(sys.argv[1], output)\n"
        "    except OSError as error:\n"
        "        print(error.strerror, file=sys.stderr)\n"
        "os.mkdir(output)\n"
    )
    done = executed(path, "home1", "--", sys.executable, str(attempts), str(secret))
    assert done.returncode == 70
    assert "exec.out is a folder, where a regular file is expected" in done.stderr
    assert "of the machine" not in done.stdout + done.stderr


def test_one_that_spins_is_ended_at_its_limit_and_what_it_wrote_is_printed(path: str) -> None:
    spin = "echo so far; while :; do :; done"
    done = executed("--stall-limit", "2", path, "home1", "--", "sh", "-c", spin)
    assert (done.returncode, done.stdout) == (5, "so far\n"), done.stderr
    assert "for 2 s of CPU time, in which no system call was made: sh (process " in done.stderr
    assert " on host home1) spins" in done.stderr


@pytest.mark.skipif(shutil.which("iperf3") is None, reason="there is no iperf3: apt-get install iperf3")
def test_a_program_that_spins_on_the_clock_measures_the_line(tmp_path: Path) -> None:
    """1448 of 1514 bytes of each packet are iperf3's: 47.8 of 50 Mbit/s, less the slow start."""
    down = {"rate": "50 Mbit/s", "committed": "10 Mbit/s", "queue": "200 kB"}
    near = {"onus": 1, "metro": "0 m", "fibre": "0 m", "nodes": {"node1": {"delay": "10 us"}}}
    scenario = {
        "title": "iperf3 at a round trip of about 1 ms",
        "duration": "1500 ms",
        "network": {"topology": "elastic_access", "parameters": near},
        "access": {"downstream": down, "upstream": {**down, "rate": "20 Mbit/s", "queue": "100 kB"}},
        "programs": {"server": {"host": "node1", "command": ["iperf3", "-s", "-1"]}},
    }
    file = tmp_path / "iperf3.yaml"
    file.write_text(json.dumps(scenario))
    client = ("iperf3", "-c", "10.2.0.1", "-R", "-t", "1", "-J")
    done = executed("--starts", "200 ms", str(file), "home1", "--", *client)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["end"]["sum_received"]["bits_per_second"] == pytest.approx(47.4e6, abs=5e5)
