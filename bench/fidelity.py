"""How true the PON is: configured, expected by the standard's arithmetic, measured in virtual time, error.

    .venv/bin/python bench/fidelity.py [--json] [--only delay|goodput|bursts|shares|restoration]

Every case is a PON of its own in one boot of the embedded kernel, run by `fidelity_line.py`. What is expected
comes from `testbed.pon` alone. Exit status 1 if a case is off by more than its tolerance.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from fidelity_line import CASES_FILE, FCS_BYTES, MEASURED_FILE, PROBE_BYTES
from fidelity_shares import share_cases

from testbed.errors import TestbedError
from testbed.model.base import DOWNSTREAM, UPSTREAM, Direction
from testbed.pon import (
    PonStandard,
    capacity_bps,
    carried_bytes,
    encapsulated_bytes,
    framing,
    goodput_bps,
    idle_delay_ns,
    propagation_ns,
    status_report_floor_ns,
    status_report_mean_ns,
)
from testbed.venue.kernel import require
from testbed.venue.virtual import OUTPUT_IN_GUEST, Boot, boot

XGS, FIFTY = PonStandard.XGS_PON, PonStandard.PON_50G
DISTANCES_KM = (0, 10, 20, 40)
GRANTS = (1, 2, 4, 8)
FRAMES_BYTES = (64, 512, 1518, 9018)
BURSTS = (1, 8, 16, 32, 64, 128)
DELAY_TOLERANCE_NS = 2_000


@dataclass(frozen=True)
class Row:
    """One line of the table. `limit` is the largest error that passes, as a share or in the row's unit."""

    group: str
    configured: str
    quantity: str
    expected: float
    measured: float
    unit: str
    limit: float
    relative: bool
    at_least: bool = False

    @property
    def error(self) -> float:
        """How far the measured is from the expected."""
        difference = self.measured - self.expected
        return difference / self.expected if self.relative else difference

    @property
    def holds(self) -> bool:
        """Whether the error is within its limit."""
        return self.error >= -self.limit if self.at_least else abs(self.error) <= self.limit


@dataclass(frozen=True)
class Case:
    """What to run inside, and how its result becomes rows."""

    run: dict[str, Any]
    rows: Callable[[dict[str, Any]], list[Row]]


def delay_cases() -> Iterator[Case]:
    """An idle line: k fixed grants a frame, and status reports, at four distances."""
    # One grant carries one probe, so that a probe never finds the rest of a grant.
    grant_bytes = encapsulated_bytes(framing(XGS, UPSTREAM), PROBE_BYTES)
    for km in DISTANCES_KM:
        for grants in GRANTS:
            fixed_bps = grants * grant_bytes * 8 * 8000
            gold = {"fixed_bps": fixed_bps, "grants": grants, "reporting": "fixed"}
            run = {
                "measure": "idle_delay",
                "standard": XGS,
                "fibre_m": km * 1000,
                "tcont": "gold",
                "pon": {"tconts": {"gold": gold}},
            }
            yield Case(run, _fixed_rows(km, grants))
        yield Case({"measure": "idle_delay", "standard": XGS, "fibre_m": km * 1000}, _reported_rows(km))


def _fixed_rows(km: int, grants: int) -> Callable[[dict[str, Any]], list[Row]]:
    def rows(measured: dict[str, Any]) -> list[Row]:
        delays_ns = measured["delays_ns"]
        worst_ns, mean_ns = idle_delay_ns(grants, propagation_ns(km * 1000))
        configured = f"{km} km, {grants} fixed grants a frame"
        return [
            _delay_row(configured, "worst", worst_ns, max(delays_ns)),
            _delay_row(configured, "mean", mean_ns, sum(delays_ns) / len(delays_ns)),
        ]

    return rows


def _delay_row(configured: str, quantity: str, expected_ns: Fraction, measured_ns: float) -> Row:
    return Row(
        "delay", configured, quantity, float(expected_ns) / 1e3, measured_ns / 1e3, "us",
        DELAY_TOLERANCE_NS / 1e3, relative=False,
    )  # fmt: skip


def _reported_rows(km: int) -> Callable[[dict[str, Any]], list[Row]]:
    def rows(measured: dict[str, Any]) -> list[Row]:
        delays_ns = measured["delays_ns"]
        mean_us = sum(delays_ns) / len(delays_ns) / 1e3
        way_ns = propagation_ns(km * 1000)
        frame = framing(XGS, UPSTREAM)
        # Its one burst is the first of the frame: the report stands behind the guard time, and the grant.
        offset_ns = frame.burst_overhead_bytes * frame.frame_ns // frame.frame_bytes
        model_ns = status_report_mean_ns(way_ns, way_ns, offset_ns, offset_ns, taken_offset_ns=frame.frame_ns)
        floor_ns = status_report_floor_ns(way_ns)
        configured = f"{km} km, status reports"
        return [
            Row("delay", configured, "mean", float(model_ns) / 1e3, mean_us, "us", 0.1, relative=True),
            Row("delay", configured, "mean, floor", floor_ns / 1e3, mean_us, "us", 0, False, at_least=True),
        ]

    return rows


def goodput_cases() -> Iterator[Case]:
    """A saturated line: frames of four sizes, both ways, on XGS-PON and 50G-PON."""
    for standard in (XGS, FIFTY):
        for direction in (DOWNSTREAM, UPSTREAM):
            for frame_bytes in FRAMES_BYTES:
                yield _goodput_case("goodput", standard, direction, frame_bytes, 1, 0.001)


def burst_cases() -> Iterator[Case]:
    """A saturated upstream line with ever more bursts in a frame: what guard time and preamble cost."""
    for standard in (XGS, FIFTY):
        for onus in BURSTS:
            yield _goodput_case("bursts", standard, UPSTREAM, 1518, onus, 0.005)


def _goodput_case(
    group: str, standard: PonStandard, direction: Direction, frame_bytes: int, onus: int, limit: float
) -> Case:
    capacity = capacity_bps(standard, direction, onus)
    frames = _frames_for(capacity, frame_bytes)
    # A tenth more than fits, and a queue for four frames: it never runs empty.
    rate_bps = capacity * 11 // (10 * onus)
    loads = [
        {"home": f"home{n}", "direction": direction, "frame_bytes": frame_bytes, "rate_bps": rate_bps}
        for n in range(1, onus + 1)
    ]
    run = {
        "measure": "throughput",
        "standard": standard,
        "onus": onus,
        "loads": loads,
        "settle_ns": 5_000_000,
        "frames": frames,
        "queue_bytes": max(capacity // 8 // 2000 * 3 // onus, 100_000),
    }

    def rows(measured: dict[str, Any]) -> list[Row]:
        goodput = measured["packets"] * frame_bytes * 8 * 10**9 / measured["for_ns"]
        if group == "bursts":
            return _burst_rows(standard, frame_bytes, onus, measured, goodput, limit)
        expected_bps = goodput_bps(standard, direction, frame_bytes, onus)
        configured = f"{standard} {direction}, {frame_bytes} B"
        return [Row(group, configured, "goodput", expected_bps / 1e9, goodput / 1e9, "Gbit/s", limit, True)]

    return Case(run, rows)


def _burst_rows(
    standard: PonStandard,
    frame_bytes: int,
    bursts: int,
    measured: dict[str, Any],
    goodput: float,
    limit: float,
) -> list[Row]:
    """Payload of all bursts, which is what planning tables have, and the Ethernet frames in it."""
    frame = framing(standard, UPSTREAM)
    configured = f"{standard} upstream, {frame_bytes} B, {bursts} bursts a frame"
    data_bytes = evenly_long_bytes(standard, bursts)
    payload_bps = bursts * data_bytes * 8 * frame.frames_per_second
    used_bps = sum(measured["used_bytes"].values()) * 8 * 10**9 / measured["for_ns"]
    # A burst begins with the rest of a frame that the one before cut, under a header of its own.
    share = (data_bytes - frame.header_bytes) / data_bytes
    frames_bps = payload_bps * share * frame_bytes / encapsulated_bytes(frame, frame_bytes - FCS_BYTES)
    return [
        Row("bursts", configured, "payload", payload_bps / 1e9, used_bps / 1e9, "Gbit/s", limit, True),
        Row("bursts", configured, "goodput", frames_bps / 1e9, goodput / 1e9, "Gbit/s", limit, True),
    ]


def evenly_long_bytes(standard: PonStandard, bursts: int) -> int:
    """Payload of each of so many bursts that share a frame evenly.

    As `testbed.pon.capacity_bps` has it, but a burst does not begin a codeword that its parity would fill:
    with 128 bursts on 50G-PON that would be a twentieth of the line.
    """
    frame = framing(standard, UPSTREAM)
    around_bytes = frame.burst_header_bytes + frame.report_bytes + frame.burst_trailer_bytes
    return carried_bytes(frame, frame.frame_bytes // bursts - frame.burst_overhead_bytes) - around_bytes


def _frames_for(capacity: int, frame_bytes: int) -> int:
    """So many PON frames that one packet more or less is a fiftieth of a per mille of all of them."""
    packets_a_frame = capacity / 8000 / 8 / (frame_bytes + 12)
    return max(20, min(round(20_000 / packets_a_frame), 400))


def restoration_cases() -> Iterator[Case]:
    """An assured T-CONT comes back from silence while others have taken what it left."""
    assured_bps, starts_at_ns, until_ns = 2_000_000_000, 20_000_000, 40_000_000
    tcont = {"assured_bps": assured_bps, "onus": ["onu1"], "queue_bytes": 4_000_000}
    loads = [
        {
            "home": f"home{n}",
            "direction": UPSTREAM,
            "frame_bytes": 1518,
            "rate_bps": assured_bps * 21 // 20 if n == 1 else 5_000_000_000,
            "starts_at_ns": starts_at_ns if n == 1 else 0,
            **({"tcont": "assured"} if n == 1 else {}),
        }
        for n in range(1, 5)
    ]
    run = {
        "measure": "restoration",
        "standard": XGS,
        "onus": 4,
        "fibre_m": 20_000,
        "loads": loads,
        "until_ns": until_ns,
        "pon": {"tconts": {"assured": tcont}},
    }

    def rows(measured: dict[str, Any]) -> list[Row]:
        restored_ns = restored_after_ns(measured["arrivals_ns"], assured_bps, 1514)
        configured = "XGS-PON, 20 km, 2 Gbit/s assured returns into overload"
        return [Row("restoration", configured, "restored after", 0, restored_ns / 1e6, "ms", 2, False)]

    yield Case(run, rows)


def restored_after_ns(arrivals_ns: Sequence[int], assured_bps: int, sdu_bytes: int) -> int:
    """From when on every half millisecond brought the assured rate (less one packet), as carried."""
    window_ns, carried_bits = 500_000, encapsulated_bytes(framing(XGS, UPSTREAM), sdu_bytes) * 8
    least = assured_bps * window_ns // 10**9 // carried_bits - 1
    last = max(arrivals_ns)
    restored_ns = 0
    for begin_ns in range(0, last - window_ns, 50_000):
        if sum(begin_ns <= at_ns < begin_ns + window_ns for at_ns in arrivals_ns) < least:
            restored_ns = begin_ns + 50_000
    return restored_ns


def shares_cases() -> Iterator[Case]:
    """Mixes of T-CONTs under load against the reference model of G.9807.1 C.7."""
    for name, run, expected in share_cases():

        def rows(
            measured: dict[str, Any], name: str = name, expected: dict[str, Any] = expected
        ) -> list[Row]:
            return [
                Row("shares", name, label, share.expected_bps / 1e6, share.rate_bps(measured) / 1e6,
                    "Mbit/s", 0.01, True)
                for label, share in expected.items()
            ]  # fmt: skip

        yield Case(run, rows)


GROUPS: dict[str, Callable[[], Iterator[Case]]] = {
    "delay": delay_cases,
    "goodput": goodput_cases,
    "bursts": burst_cases,
    "shares": shares_cases,
    "restoration": restoration_cases,
}


def measured_in_kernel(cases: Sequence[Case], output: Path) -> tuple[list[Row], float]:
    """Boot, measure all cases; their rows, and the wall time.

    Raises:
        TestbedError: No kernel, or it failed.
        SystemExit: A measurement failed; says so with the console.
    """
    (output / CASES_FILE).write_text(json.dumps([case.run for case in cases]), encoding="utf-8")
    program = Path(__file__).with_name("fidelity_line.py").resolve()
    request = Boot(
        command=(sys.executable, str(program), OUTPUT_IN_GUEST),
        output_dir=output,
        seed=1,
        wall_limit_s=1800,
        stall_limit_s=1800,
        visible=(program.parent,),
    )
    outcome = boot(require(), request, on_progress=lambda _progress: None)
    if outcome.exit_status:
        raise SystemExit(outcome.console_path.read_text(encoding="utf-8", errors="replace"))
    measured = json.loads((output / MEASURED_FILE).read_text(encoding="utf-8"))
    rows = [row for case, result in zip(cases, measured, strict=True) for row in case.rows(result)]
    return rows, outcome.wall_s


def print_table(rows: Sequence[Row]) -> None:
    """All rows, group by group."""
    width = max(len(row.configured) for row in rows)
    print(
        f"{'configured':<{width}}  {'quantity':<16} {'expected':>12} {'measured':>12} {'':<7} {'error':>10}"
    )
    for row in rows:
        error = f"{row.error:+.3%}" if row.relative else f"{row.error:+.3f}"
        bound = ">= " if row.at_least else ""
        print(
            f"{row.configured:<{width}}  {row.quantity:<16} {bound + f'{row.expected:.3f}':>12} "
            f"{row.measured:>12.3f} {row.unit:<7} {error:>10}{'' if row.holds else '  OFF'}"
        )


def main() -> int:
    """The command line; see the top of the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    parser.add_argument("--only", choices=GROUPS, action="append", help="this group only; may be repeated")
    options = parser.parse_args()
    cases = [case for group in options.only or GROUPS for case in GROUPS[group]()]
    try:
        with tempfile.TemporaryDirectory(prefix="fidelity-") as output:
            rows, wall_s = measured_in_kernel(cases, Path(output))
    except TestbedError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    off = sum(not row.holds for row in rows)
    if options.json:
        table = [{**vars(row), "error": row.error, "holds": row.holds} for row in rows]
        print(json.dumps({"benchmark": "fidelity", "wall_s": round(wall_s, 3), "rows": table}, indent=2))
    else:
        print_table(rows)
        print(f"{len(rows)} rows, {off} off by more than their limit; {wall_s:.0f} s of wall time")
    return 1 if off else 0


if __name__ == "__main__":
    sys.exit(main())
