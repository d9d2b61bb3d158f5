"""Stands for `testbed.venue.launcher FOLDER VARIANT …`: no kernel, and the records of an empty run.

The variable FAKE_VARIANT says what it does: `finish` (the default), `boot` (nothing happens until it is
ended), `run` (progress, then nothing until it is ended), `fail` (an error of a kernel). As VARIANT=WAY,
several of them with commas, each variant has its own. FAKE_MARK names a file that it makes once it waits.
"""

import json
import os
import signal
import sys
from pathlib import Path

EVENTS = (
    {"at_ns": 0, "kind": "network.ready"},
    {"at_ns": 10**9, "kind": "program.exit", "program": "exec", "status": 0},
    {"at_ns": 10**9, "kind": "run.end"},
)


def say(**fields: object) -> None:
    print(json.dumps(fields), flush=True)


def way(variant: str) -> str:
    """What this variant is to do."""
    text = os.environ.get("FAKE_VARIANT", "finish")
    if "=" not in text:
        return text
    return dict(each.split("=") for each in text.split(","))[variant]


def main(folder: Path, variant: str) -> int:
    chosen = way(variant)
    (folder / "console.log").write_text(f"the console of {variant}\n")
    if chosen == "run":
        say(reached_ns=1, of_ns=10**9, text="running")
    if chosen in ("boot", "run"):
        Path(os.environ["FAKE_MARK"]).touch()
        signal.pause()
    if chosen == "fail":
        say(error="the kernel refused to be one", exit_status=3)
        return 3
    (folder / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in EVENTS))
    (folder / "exec.out").write_text("it ran\n")
    (folder / "exec.err").write_text("")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
