"""What the runs of a sweep say at each combination: every number's mean across seeds, with its interval."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import pyarrow.parquet as pq

from testbed.record.atomic import explained
from testbed.sweep.plan import SweepPlan
from testbed.sweep.statistics import Estimate, across_seeds
from testbed.sweep.sweep_directory import SweepDirectory


@dataclass(frozen=True, slots=True)
class Named:
    """Which number of a run; session and direction are None where it is of all of them."""

    variant: str
    session: str | None
    direction: str | None
    measure: str
    statistic: str

    def other(self, statistic: str) -> "Named":
        """Another statistic of the same."""
        return replace(self, statistic=statistic)


@dataclass(frozen=True, slots=True)
class Estimated:
    """One number at one combination; `seeds` is how many runs measured it, and without any there is none."""

    estimate: Estimate | None
    seeds: int
    unit: str


Estimates = Mapping[tuple[int, Named], Estimated]
"""By the combination's place in the plan, from 0, and the name of the number."""


def estimates(plan: SweepPlan, directory: SweepDirectory) -> Estimates:
    """Work all of them out from the sweep's table."""
    points = {point.values: index for index, point in enumerate(plan.points)}
    of_run = {run.name: points[run.point.values] for run in plan.runs}
    path = directory.numbers_path
    with explained("read", path):
        columns = pq.read_table(path).to_pydict()
    values: dict[tuple[int, Named], list[int]] = {}
    units: dict[tuple[int, Named], str] = {}
    names = zip(
        *(columns[key] for key in ("variant", "session", "direction", "measure", "statistic")), strict=True
    )
    for run, name, unit, value in zip(columns["run"], names, columns["unit"], columns["value"], strict=True):
        key = (of_run[run], Named(*name))
        units[key] = unit
        values.setdefault(key, []).extend([] if value is None else [value])
    return {
        key: Estimated(across_seeds(found) if found else None, len(found), units[key])
        for key, found in values.items()
    }


def named(found: Estimates) -> list[Named]:
    """Every number that some combination has, in the order in which they first occur."""
    return list(dict.fromkeys(name for _, name in found))


def streams(found: Estimates) -> Iterator[Named]:
    """One name for whatever has delays, as streams of packets do: its p50."""
    yield from (name for name in named(found) if name.statistic == "p50")
