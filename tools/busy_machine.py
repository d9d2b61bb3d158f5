"""Runs a large scenario beside a machine that does everything else it can, and compares the results.

    .venv/bin/python tools/busy_machine.py [SCENARIO] [--seconds S]

First the scenario is run without stress-ng. Then stress-ng (apt-get install stress-ng) keeps all processors
busy with computing, memory and system calls, and the scenario is run again and again until S seconds of real
time have passed. Every run must come to its end and give the same bytes: events, samples and rates. The
status is 1 if one does not.
"""

import argparse
import filecmp
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SCENARIO = "flash_crowd"
"""64 homes and 200 sessions."""
SECONDS = 600.0
COMPARED = ("events.jsonl", "samples.parquet", "rates.parquet")
STRESSORS = ("--cpu", "0", "--vm", "1", "--vm-bytes", "256M", "--switch", "1", "--syscall", "1")
"""`--cpu 0` is one for each processor."""


@contextmanager
def stressed() -> Iterator[None]:
    """Processors that have no time for anybody, until the block is left."""
    program = shutil.which("stress-ng")
    if program is None:
        raise SystemExit("error: there is no stress-ng; apt-get install stress-ng")
    stress = subprocess.Popen(
        [program, *STRESSORS, "--quiet"], stdin=subprocess.DEVNULL, cwd=tempfile.gettempdir()
    )
    try:
        yield
        if stress.poll() is not None:
            raise SystemExit(f"error: stress-ng ended with status {stress.returncode} before it was told to")
    finally:
        stress.terminate()
        stress.wait()


def run(scenario: str, out: Path) -> tuple[int, float]:
    """Run it; the exit status and the wall time."""
    command = [sys.executable, "-c", "import sys; from testbed.cli import main; sys.exit(main())"]
    began_s = time.monotonic()
    ended = subprocess.run(
        [*command, "run", scenario, "--out", str(out)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        print(ended.stderr[-3000:], file=sys.stderr)
    return ended.returncode, time.monotonic() - began_s


def differing(first: Path, second: Path) -> list[str]:
    """Which of the results differ."""
    return [name for name in COMPARED if not filecmp.cmp(first / name, second / name, shallow=False)]


def main() -> int:
    """Run, compare and count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scenario", nargs="?", default=SCENARIO)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of real time (default: %(default)g)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="testbed-busy-") as made:
        reference = Path(made) / "reference"
        status, wall_s = run(options.scenario, reference)
        print(
            f"without stress-ng: status {status}, {wall_s:.0f} s, load {os.getloadavg()[0]:.1f}", flush=True
        )
        if status not in (0, 1):
            return 1
        faults = runs = 0
        with stressed():
            began_s = time.monotonic()
            while time.monotonic() - began_s < options.seconds:
                runs += 1
                busy = Path(made) / f"busy{runs}"
                ended, wall_s = run(options.scenario, busy)
                same = ended == status and not (others := differing(reference, busy))
                verdict = "the same bytes" if same else "it broke off" if ended != status else f"{others}"
                faults += not same
                print(
                    f"beside it, run {runs}: status {ended}, {wall_s:.0f} s, load {os.getloadavg()[0]:.1f}, "
                    f"{verdict}",
                    flush=True,
                )
            beside_s = time.monotonic() - began_s
    print(f"{runs} runs in {beside_s:.0f} s beside stress-ng on all processors, {faults} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
