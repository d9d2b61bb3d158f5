"""`testbed serve --venue host` on the kernel that this runs on: `serve_on_host.py OUTPUT HERE HOW`.

HERE is the folder of the process that is started, `tests/unit`. The channel of one session is opened and
closed, then the server is ended: in `order` by SIGTERM, or killed. What the kernel had, and which processes
were left, is written.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

OUTPUT, HERE, HOW = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
sys.path.insert(0, HERE)

import signal  # noqa: E402

from serve_process import PATIENCE_S, Server, children, gone, serving  # noqa: E402

SCENARIO = """
title: A network on the host
duration: 1 s
network: {topology: elastic_access, parameters: {onus: 1, nodes: {node: {delay: 0 ns}}}}
access:
  downstream: {rate: 100 Mbit/s, committed: 0 bit/s, queue: 500 kB}
  upstream: {rate: 100 Mbit/s, committed: 0 bit/s, queue: 500 kB}
pon: {model: shaped_link}
"""
SESSIONS = "/quality-on-demand/v1/sessions"


def programs() -> set[str]:
    """Every process that has a command line, which those of the kernel have not."""
    found = set()
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes() if entry.name.isdecimal() else b""
        except (FileNotFoundError, ProcessLookupError):
            continue
        if words:
            found.add(entry.name)
    return found


def classes(server: Server, count: int) -> list[dict[str, Any]]:
    """The classes that the kernel has, once there are so many."""
    give_up_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < give_up_s:
        _, shown = server.call("GET", "/testbed/v1/channels")
        if len(shown) == count:
            return shown
        time.sleep(0.2)
    raise AssertionError(f"there are {shown}, not {count} classes")


def main() -> None:
    (OUTPUT / "host.yaml").write_text(SCENARIO)
    before = programs()
    with serving(OUTPUT, "host.yaml", "--venue", "host") as server:
        server.up()
        body = {
            "device": {"phoneNumber": "+999001001"},
            "applicationServer": {"ipv4Address": "10.2.0.1"},
            "qosProfile": "rate-100m",
            "duration": 600,
        }
        status, made = server.call("POST", SESSIONS, body)
        assert status == 201, made
        opened = classes(server, 2)
        assert server.call("DELETE", f"{SESSIONS}/{made['sessionId']}")[0] == 204
        closed = classes(server, 0)
        (inner,) = children(server.process.pid)
        exit_status = server.end(signal.SIGTERM if HOW == "order" else signal.SIGKILL)
        assert gone(inner)
    results = {"opened": opened, "closed": closed, "exit_status": exit_status}
    (OUTPUT / "served.json").write_text(json.dumps({**results, "left": sorted(programs() - before)}))


if __name__ == "__main__":
    main()
