"""Commands of the host venue, one after another, on the kernel that this runs on: `host_life.py OUTPUT HERE`.

HERE is the folder of this file, as the tests see it. What each command said, its exit status, and which
processes were left after it, is written.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

OUTPUT = Path(sys.argv[1])
PATIENCE_S = 60.0
MAIN = [sys.executable, "-c", "import sys; from testbed.cli import main; sys.exit(main(sys.argv[1:]))"]
LINK = {"rate": "100 Mbit/s", "committed": "0 bit/s", "queue": "500 kB"}
SCENARIO: dict[str, Any] = {
    "title": "A network on the host",
    "duration": "600 s",
    "network": {
        "topology": "elastic_access",
        "parameters": {"onus": 1, "fibre": "20 km", "metro": "0 m", "nodes": {"node": {"delay": "2 ms"}}},
    },
    "access": {"downstream": LINK, "upstream": LINK},
    "pon": {"model": "shaped_link"},
    "background": {
        "tv": {
            "protocol": "udp",
            "source": "node",
            "destination": "home1",
            "starts": "0 s",
            "ends": "600 s",
            "rate": "1 Mbit/s",
        }
    },
    "programs": {"own": {"host": "home1", "command": ["sleep", "1000"]}},
}


def running() -> dict[str, str]:
    """Every process that has a command line, which those of the kernel have not, by its number."""
    found = {}
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes() if entry.name.isdecimal() else b""
        except (FileNotFoundError, ProcessLookupError):
            continue
        if words:
            found[entry.name] = words.replace(b"\0", b" ").decode()
    return found


def left(before: dict[str, str], within_s: float = 20.0) -> list[str]:
    """What of the processes since then does not end by itself in good time."""
    give_up_s = time.monotonic() + within_s
    while (found := {number: words for number, words in running().items() if number not in before}) and (
        time.monotonic() < give_up_s
    ):
        time.sleep(0.1)
    return sorted(found.values())


def ledgers() -> int:
    """How many runs have left a ledger."""
    return len(list((Path(os.environ["HOME"]) / ".local/state/testbed/ledgers").glob("*.jsonl")))


def ran(*arguments: str, keyboard: str | None = None) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end."""
    return subprocess.run(
        [*MAIN, *arguments],
        input=keyboard or "",
        capture_output=True,
        text=True,
        check=False,
        timeout=2 * PATIENCE_S,
    )


def started(out: Path) -> "subprocess.Popen[str]":
    """A run that has passed time 0."""
    run = subprocess.Popen(
        [*MAIN, "run", "life.yaml", "--venue", "host", "--out", str(out)], stderr=subprocess.PIPE, text=True
    )
    give_up_s = time.monotonic() + PATIENCE_S
    while not (out / "raw/default/progress.jsonl").exists():
        assert run.poll() is None, run.communicate()
        assert time.monotonic() < give_up_s
        time.sleep(0.1)
    return run


def below(pid: int) -> list[int]:
    """The processes that one has started."""
    parents = {
        number: Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[1] for number in running()
    }
    return [int(number) for number, parent in parents.items() if parent == str(pid)]


def interrupted(signum: int) -> dict[str, Any]:
    """A run that is ended from outside."""
    before, out = running(), Path("interrupted")
    run = started(out)
    run.send_signal(signum)
    _, said = run.communicate(timeout=PATIENCE_S)
    return {
        "status": run.returncode,
        "said": said,
        "left": left(before),
        "kept": out.exists(),
        "ledgers": ledgers(),
    }


def crashed() -> dict[str, Any]:
    """A run whose command is killed, so that nobody is there to end the rest of it."""
    before = running()
    run = started(Path("crashed"))
    run.kill()
    run.communicate()
    return {"left": left(before), "ledgers": ledgers()}


def cleaned() -> dict[str, Any]:
    """A run whose command is killed while its inner program cannot heed that, being stopped; then `clean`."""
    before = running()
    run = started(Path("cleaned"))
    too_early = ran("clean").stdout
    (outer,) = below(run.pid)
    (inner,) = below(outer)
    os.kill(inner, signal.SIGSTOP)
    run.kill()
    run.communicate()
    found = left(before, within_s=1.0)
    done = ran("clean")
    after = {"left": left(before), "ledgers": ledgers()}
    return {"too_early": too_early, "orphans": found, "status": done.returncode, "said": done.stdout, **after}


def executed() -> dict[str, Any]:
    """`testbed exec`, beside nothing."""
    before = running()
    short = ("--set", "duration=2 s", "--set", "background.tv.ends=2 s", "--set", "programs={}")
    ping = ("ping", "-n", "-c", "3", "-i", "0.2", "10.2.0.1")
    done = ran("exec", "life.yaml", "home1", *short, "--venue", "host", "--", *ping)
    return {"status": done.returncode, "out": done.stdout, "said": done.stderr, "left": left(before)}


def shell() -> dict[str, Any]:
    """`testbed shell`, with somebody who types."""
    before = running()
    keyboard = "nodes\nhome1 ping -n -c 1 10.2.0.1\nexit\n"
    done = ran("shell", "life.yaml", "--venue", "host", keyboard=keyboard)
    return {"status": done.returncode, "out": done.stdout, "said": done.stderr, "left": left(before)}


def main() -> None:
    """Run them all."""
    Path("life.yaml").write_text(json.dumps(SCENARIO))
    steps: dict[str, Callable[[], dict[str, Any]]] = {
        "interrupted": lambda: interrupted(signal.SIGINT),
        "terminated": lambda: interrupted(signal.SIGTERM),
        "crashed": crashed,
        "cleaned": cleaned,
        "executed": executed,
        "shell": shell,
    }
    for name, step in steps.items():
        began_s = time.monotonic()
        result = step()
        (OUTPUT / f"{name}.json").write_text(json.dumps({**result, "took_s": time.monotonic() - began_s}))


if __name__ == "__main__":
    main()
