#!/usr/bin/env python3
"""Hashes of what scenarios record, to compare before and after a change that must not alter any result.

    tools/run_hashes.py > before.txt
    tools/run_hashes.py | diff before.txt -

Runs one scenario of each family in virtual time and prints a line for events.jsonl and for each column of
samples.parquet and rates.parquet. A column that was renamed shows the same hash under another name;
`--renamed KEY=OLD` writes the key of an event under its old name first.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow.parquet as pq

SCENARIOS = (
    "cloud_gaming",
    "dba_classes",
    "inference_supernode",
    "moe_affinity",
    "plane_failure",
    "render_failover",
)
"""One of each family: sessions with channels, flows, services, experts, transfers, failover."""


def hashes(run: Path, renamed: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What was recorded, and its SHA-256, in the order of the files' names."""
    lines = (run / "events.jsonl").read_text(encoding="ascii").splitlines()
    # How long the preparation took says how many system calls it made, which is no result.
    lines = [line for line in lines if '"kind":"network.ready"' not in line]
    events = [{renamed.get(key, key): value for key, value in json.loads(line).items()} for line in lines]
    yield "events", hashlib.sha256(json.dumps(events).encode()).hexdigest()
    for table in ("rates", "samples"):
        columns = pq.read_table(run / f"{table}.parquet")
        for name in columns.column_names:
            values = json.dumps(columns[name].to_pylist()).encode()
            yield f"{table}.{name}", hashlib.sha256(values).hexdigest()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("scenarios", nargs="*", default=SCENARIOS, help="default: one of each family")
    parser.add_argument("--renamed", action="append", default=[], metavar="KEY=OLD", help="a key of events")
    options = parser.parse_args()
    renamed = dict(each.split("=", 1) for each in options.renamed)
    with tempfile.TemporaryDirectory() as folder:
        for scenario in options.scenarios:
            run = Path(folder) / scenario
            command = [str(Path(sys.executable).with_name("testbed")), "run", scenario, "--out", str(run)]
            subprocess.run(command, check=True, stdout=sys.stderr)
            for what, digest in hashes(run, renamed):
                print(f"{scenario} {what} {digest}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
