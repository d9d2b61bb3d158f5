"""A link resized under traffic, by this testbed and by Mininet's TCIntf.config: losses, and time per call.

    .venv/bin/python bench/resize.py [--json]

What happens to packets is seen in virtual time, where a call takes none, so a loss is one of the method and
not of slowness. Of datagrams, sent at a constant rate, the numbers tell what was lost or reordered; of TCP,
its own counters of segments sent again and of segments that were not the next ones. "reached" is the longest
time from a resize that met a queue to the first packet that left after it, in packet times at the old rate;
from that packet on, every gap is that of the new rate (`wrong gaps` counts those that are not). All that is
exact; where the PON is in frames, to within two codewords of its line.

What a call takes is seen in real time, in a second boot of the same kernel: all resize under the same flow of
datagrams, one after the other. Mininet starts five processes a call (four where there is no ethtool), which
are slow to start in the embedded kernel: on a kernel that runs on the machine itself both take less, and
Mininet's share falls most. Beside the two stands `tc class change` in Mininet's shell: one process, in place.
Mininet ignores rates above 1 Gbit/s, so what is compared stays below. The exit status is 1 if a claim at the
end does not hold.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean, median
from typing import Any

from resize_flow import Batches, Case
from resize_outcome import Reached, Seen, call_ns, lost, reached, reordered

from testbed.errors import TestbedError
from testbed.units import RATE
from testbed.venue.kernel import require
from testbed.venue.virtual import OUTPUT_IN_GUEST, Boot, boot

PROGRAM = Path(__file__).with_name("resize_flow.py")
CODEWORDS_NS = 700
"""In frames, a packet has left when the codeword with its last byte has: two of them bound a gap's error."""
LEAST_RATIO = 100
CALLERS = ("in_place", "mininet", "tc_change")

MANY = Case(
    how="in_place", protocol="udp", resizes=10_000, period_ns=200_000, flow_bps=500_000_000,
    least_bps=100_000_000, most_bps=25_000_000_000,
)  # fmt: skip
"""A resize every 200 µs: longer than a packet takes at the least rate."""
COMPARED = replace(MANY, resizes=100, period_ns=5_000_000, flow_bps=200_000_000, most_bps=1_000_000_000)
TIMED = replace(COMPARED, period_ns=1_000_000, flow_bps=20_000_000, least_bps=10_000_000)
"""Slow enough that the programs of the flow leave the processor to the caller most of the time."""
IN_VIRTUAL_TIME = (
    MANY,
    replace(MANY, model="frames"),
    replace(MANY, protocol="tcp"),
    *(replace(COMPARED, how=how, protocol=protocol) for protocol in ("udp", "tcp") for how in CALLERS),
)
IN_REAL_TIME = (
    replace(TIMED, resizes=10_000),
    replace(TIMED, how="mininet"),
    replace(TIMED, how="tc_change"),
    Batches(channels=1_000, batches=20),
)


def seen_in_kernel(
    cases: Sequence[Case | Batches], output: Path, *, time_travel: bool = True
) -> tuple[list[Seen], float]:
    """Boot, run every case; what was seen of each, and the wall time.

    Raises:
        TestbedError: No kernel, or it failed.
        SystemExit: A case failed; says so with the console.
    """
    arguments = [json.dumps(asdict(case)) for case in cases]
    command = (sys.executable, str(PROGRAM.resolve()), OUTPUT_IN_GUEST, *arguments)
    request = Boot(
        command=command,
        output_dir=output,
        seed=1,
        wall_limit_s=600,
        stall_limit_s=600,
        time_travel=time_travel,
    )
    outcome = boot(require(), request, on_progress=lambda _progress: None)
    if outcome.exit_status:
        raise SystemExit(outcome.console_path.read_text(encoding="utf-8", errors="replace"))
    seen = [json.loads((output / f"{number}.json").read_text("utf-8")) for number in range(len(cases))]
    return seen, outcome.wall_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one flow met. Of TCP, `lost` are segments sent again and `reordered` those that came out of order.

    `sent` are datagrams or, of TCP, bytes. The rest is known of datagrams that are shaped in place only:
    resizes that met a queue, the longest wait after one in packet times at the old rate, resizes
    whose rate came later than that, and gaps that are not those of the rate in force.
    """

    case: Case
    sent: int
    lost: int
    reordered: int
    met_queue: int | None = None
    longest_packets: float | None = None
    late: int | None = None
    wrong_gaps: int | None = None

    @property
    def holds(self) -> bool:
        """Whether nothing was lost or reordered, and every rate reached within a packet time."""
        return not (self.lost or self.reordered or self.late or self.wrong_gaps)


def row_of(case: Case, seen: Seen) -> Row:
    """The row of a case."""
    if case.protocol == "tcp":
        missing = seen["sent_bytes"] - seen["received_bytes"]
        return Row(
            case=case,
            sent=seen["sent_bytes"],
            lost=seen["retransmitted"] + missing,
            reordered=seen["out_of_order"],
        )
    row = Row(case=case, sent=seen["sent"], lost=lost(seen), reordered=reordered(seen))
    if case.how != "in_place":
        return row
    how: Reached = reached(seen, CODEWORDS_NS) if case.model == "frames" else reached(seen)
    return replace(
        row,
        met_queue=how.met_queue,
        longest_packets=how.longest_packets,
        late=len(how.late),
        wrong_gaps=len(how.wrong),
    )


def timing_of(seen: Seen) -> dict[str, Any]:
    """How long the calls of a case took, in µs of wall time."""
    taken_us = [taken / 1e3 for taken in call_ns(seen)]
    return {
        "calls": len(taken_us),
        "mean_us": round(fmean(taken_us), 1),
        "median_us": round(median(taken_us), 1),
    }


def result(virtual: Sequence[Seen], real: Sequence[Seen]) -> dict[str, Any]:
    """Everything that the benchmark prints."""
    rows = [row_of(case, seen) for case, seen in zip(IN_VIRTUAL_TIME, virtual, strict=True)]
    *timed, batches = real
    per_call = {how: timing_of(seen) for how, seen in zip(CALLERS, timed, strict=True)}
    batch_ns = fmean(call_ns(batches))
    ratio = per_call["mininet"]["mean_us"] / per_call["in_place"]["mean_us"]
    return {
        "benchmark": "resize",
        "rows": [{**asdict(row), "holds": row.holds} for row in rows],
        "per_call": per_call,
        "ratio": round(ratio, 1),
        "batch": {
            "channels": batches["channels"],
            "mean_us": round(batch_ns / 1e3, 1),
            "resizes_per_s": round(batches["channels"] * 1e9 / batch_ns),
        },
        "claims": {
            "resized in place, nothing is lost or reordered and rates are reached within a packet time": all(
                row.holds for row in rows if row.case.how == "in_place"
            ),
            f"a call takes Mininet at least {LEAST_RATIO} times as long": ratio >= LEAST_RATIO,
        },
    }


COLUMNS = "{:<10}{:<12}{:<5}{:>8}  {:<25}{:>10}{:>6}{:>10}{:>10}{:>8}{:>11}"
HEADS = ("how", "PON", "flow", "resizes", "rates", "sent", "lost", "reordered", "met queue", "reached")


def print_rows(rows: Sequence[dict[str, Any]]) -> None:
    """What became of the packets."""
    print(COLUMNS.format(*HEADS, "wrong gaps"))
    for row in rows:
        case = row["case"]
        judged = ("", "", "")
        if row["met_queue"] is not None:
            judged = (row["met_queue"], f"{row['longest_packets']:.4f}", row["wrong_gaps"])
        text = COLUMNS.format(
            case["how"],
            case["model"] if case["how"] == "in_place" else "",
            case["protocol"],
            case["resizes"],
            f"{RATE.format(case['least_bps'])} - {RATE.format(case['most_bps'])}",
            row["sent"],
            row["lost"],
            row["reordered"],
            *judged,
        )
        print(text.rstrip())
    print("tcp: sent in bytes; lost are segments sent again, reordered those that were not the next ones\n")


def print_result(found: dict[str, Any]) -> None:
    """The rows, the times and what they come to."""
    print_rows(found["rows"])
    for how, timing in found["per_call"].items():
        print(
            f"{how:<10}{timing['calls']:>6} calls"
            f"  mean {timing['mean_us']:>9.1f} µs  median {timing['median_us']:>9.1f} µs"
        )
    print(f"mean of mininet / mean of in_place: {found['ratio']}")
    batch = found["batch"]
    print(f"{batch['channels']} channels by one call: {batch['resizes_per_s']} resizes a second\n")
    for claim, holds in found["claims"].items():
        print(f"{'holds' if holds else 'FAILS'}  {claim}")


def main() -> int:
    """The command line; see the top of the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="resize-") as output:
            virtual, _ = seen_in_kernel(IN_VIRTUAL_TIME, Path(output))
        with tempfile.TemporaryDirectory(prefix="resize-") as output:
            real, _ = seen_in_kernel(IN_REAL_TIME, Path(output), time_travel=False)
    except TestbedError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    found = result(virtual, real)
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        print_result(found)
    return 0 if all(found["claims"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
