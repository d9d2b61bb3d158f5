"""How long it takes to build networks, by this testbed and by stock Mininet with TCLink, in wall time.

    .venv/bin/python bench/build.py [--json] [--hosts N …]

Both build N hosts on one bridge, each wire with 1 ms and 1 Gbit/s each way, in the same embedded kernel in
virtual time. Ours also sets every host's neighbours (N² entries) and the bridge's entries; stock Mininet
sets neither, which favours it. Beside them stands what stock Mininet cannot build: a supernode of N nodes
with its pairwise delays. "build" is from the plan to the network that is ready, "all" from the start of the
kernel, so with booting and importing. Processes are slow to start in the embedded kernel; on the machine's
own, Mininet, which starts some ten for every host, takes less. Each network answers a ping, or its figures do
not count. The exit status is 1 if a claim at the end does not hold.
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from testbed.errors import TestbedError
from testbed.venue.kernel import require
from testbed.venue.virtual import OUTPUT_IN_GUEST, Boot, boot

PROGRAM = Path(__file__).with_name("build_network.py")
HOSTS = (32, 128, 384)
PLANES = (1, 8)
MOST_S = 10.0
LEAST_RATIO = 10.0


@dataclass(frozen=True, slots=True)
class Built:
    """One network: wall time from the start of the boot to the end of each stage, in seconds."""

    how: str
    hosts: int
    planes: int
    booted_s: float
    imported_s: float
    planned_s: float
    ready_s: float
    answered_s: float
    removed_s: float

    @property
    def build_s(self) -> float:
        """From the import of everything to the network that is ready, with the plan."""
        return self.ready_s - self.imported_s

    @property
    def remove_s(self) -> float:
        """From the answer to the ping until nothing is left."""
        return self.removed_s - self.answered_s


def built(how: str, hosts: int, planes: int, output: Path) -> Built:
    """Boot, build one network, remove it.

    Raises:
        TestbedError: No kernel, or it failed.
        SystemExit: The network was not built, or does not carry a ping; says so with the console.
    """
    output.mkdir()
    command = (sys.executable, str(PROGRAM.resolve()), OUTPUT_IN_GUEST, how, str(hosts), str(planes))
    request = Boot(
        command=command, output_dir=output, seed=1, stall_limit_s=3600.0, visible=(PROGRAM.parent,)
    )
    started_s = time.time()
    outcome = boot(require(), request, on_progress=lambda _progress: None)
    answer = output / "answer"
    if outcome.exit_status or " 0% packet loss" not in answer.read_text():
        raise SystemExit(f"{how}, {hosts} hosts: not built\n{outcome.console_path.read_text()}")
    stages = ("booted", "imported", "planned", "ready", "answered", "removed")
    return Built(how, hosts, planes, *((output / stage).stat().st_mtime - started_s for stage in stages))


def verdicts(networks: list[Built]) -> dict[str, bool]:
    """What is claimed, and whether it holds."""
    found = {}
    stock = {each.hosts: each for each in networks if each.how == "stock"}
    for each in networks:
        if each.how != "testbed":
            continue
        if each.planes:
            what = f"a supernode of {each.hosts} nodes, {each.planes} planes"
            found[
                f"{what}: ready {each.ready_s:.1f} s after the start of the kernel, below {MOST_S:.0f} s"
            ] = each.ready_s < MOST_S
        elif each.hosts in stock:
            ratio = stock[each.hosts].build_s / each.build_s
            found[
                f"{each.hosts} hosts: built {ratio:.0f} times as fast as stock, at least {LEAST_RATIO:.0f}"
            ] = ratio >= LEAST_RATIO
    return found


def main() -> int:
    """Measure all, print them, and say what holds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--hosts", type=int, nargs="+", default=HOSTS)
    options = parser.parse_args()
    cases = [(how, hosts, 0) for hosts in options.hosts for how in ("testbed", "stock")]
    cases += [("testbed", max(options.hosts), planes) for planes in PLANES]
    with tempfile.TemporaryDirectory() as folder:
        networks = [
            built(how, hosts, planes, Path(folder) / f"{how}-{hosts}-{planes}")
            for how, hosts, planes in cases
        ]
    claims = verdicts(networks)
    if options.json:
        print(json.dumps({"networks": [asdict(each) for each in networks], "claims": claims}, indent=1))
    else:
        print(f"{'how':8} {'hosts':>5} {'planes':>6} {'build s':>8} {'all s':>8} {'remove s':>8}")
        for each in networks:
            times = f"{each.build_s:8.2f} {each.ready_s:8.2f} {each.remove_s:8.2f}"
            print(f"{each.how:8} {each.hosts:5} {each.planes:6} {times}")
        for claim, holds in claims.items():
            print(f"{'holds' if holds else 'FAILS'}: {claim}")
    return 0 if all(claims.values()) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except TestbedError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
