"""How much a sweep gains from a second core: its wall time beside that of the same runs one after another.

The same sweep, of a short scenario with one variant, is made with `--jobs 1`, and with as many as there
are processors; repeats alternate between the two, so that a machine that is busy meanwhile favours neither.
Each run is a kernel of its own. `processor` is what all processes of a sweep used of one core's time.

    .venv/bin/python bench/sweep.py [--runs 32] [--repeat 1]
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MOST_RATIO = 0.6
"""What two cores must make of the time of one."""
TESTBED = [sys.executable, "-c", "import sys; from testbed.cli import main; sys.exit(main())"]
SCENARIO = """\
title: A player beside a download in the same home
duration: 1 s
network: {topology: elastic_access, parameters: {onus: 1, devices: {onu1: [tablet]}}}
pon: {model: shaped_link}
access:
  downstream: {rate: 100 Mbit/s, committed: 20 Mbit/s, queue: 500 kB}
  upstream: {rate: 50 Mbit/s, committed: 10 Mbit/s, queue: 200 kB}
sessions:
  player:
    player: home1
    starts: 600 ms
    ends: 1 s
    job: {weight: 3}
    scenes: [{name: ordinary, at: 600 ms, rate: 10 Mbit/s}]
background:
  download: {protocol: tcp, source: node1, destination: tablet, starts: 0 s, ends: 1 s, flows: 2}
"""


def sweep_s(folder: Path, scenario: Path, runs: int, jobs: int) -> tuple[float, float]:
    """The wall time of a sweep and the processor time of all its processes, in seconds."""
    seeds = ["--set", "background.download.flows=1,2", "--seeds", str(runs // 2)]
    out = folder / f"jobs{jobs}-{time.monotonic_ns()}"
    command = [*TESTBED, "sweep", str(scenario), *seeds, "--jobs", str(jobs), "--out", str(out)]
    before, began_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wall_s, after = time.monotonic() - began_s, resource.getrusage(resource.RUSAGE_CHILDREN)
    used_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall_s, used_s


def main() -> int:
    """Measure, print, and say by the exit status whether two cores are enough of a gain."""
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=shape)
    parser.add_argument("--runs", type=int, default=32)
    parser.add_argument("--repeat", type=int, default=1)
    options = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    walls_s: dict[int, list[float]] = {1: [], cores: []}
    with tempfile.TemporaryDirectory(prefix="bench-sweep-") as made:
        scenario = Path(made) / "short.yaml"
        scenario.write_text(SCENARIO)
        for _ in range(options.repeat):
            for jobs, so_far_s in walls_s.items():
                load = os.getloadavg()[0]
                wall_s, used_s = sweep_s(Path(made), scenario, options.runs, jobs)
                so_far_s.append(wall_s)
                print(
                    f"{options.runs} runs, {jobs} at a time: {wall_s:6.1f} s, processor {used_s:6.1f} s "
                    f"(load before: {load:.1f})",
                    flush=True,
                )
    ratio = sum(walls_s[cores]) / sum(walls_s[1])
    print(f"{cores} cores take {ratio:.2f} of the time of one after another; at most {MOST_RATIO} is wanted")
    return 0 if ratio <= MOST_RATIO else 1


if __name__ == "__main__":
    sys.exit(main())
