"""What a sweep runs: every combination of values with every seed, each with a name that stays the same."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from testbed.errors import ScenarioError
from testbed.scenario import ScenarioFile, load
from testbed.scenario.extensions import origins
from testbed.sweep.axes import Axis, combinations
from testbed.text import counted

MOST_RUNS = 10_000
_LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class Point:
    """One combination: its value of each axis, and the effective scenario as text."""

    values: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One run: a point with a seed. `name` is that of its folder."""

    name: str
    point: Point
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepPlan:
    """The whole of a sweep, known before anything runs."""

    scenario: str
    title: str
    variants: tuple[str, ...]
    axes: tuple[Axis, ...]
    seeds: tuple[int, ...]
    points: tuple[Point, ...]
    kernel: str
    version: str
    extensions: tuple[str, ...] = ()
    """The packages that bring extensions of the scenario, with their versions."""

    @property
    def runs(self) -> tuple[PlannedRun, ...]:
        """All runs: point by point, and of each the seeds."""
        digits = len(str(len(self.points) * len(self.seeds)))
        pairs = [(point, seed) for point in self.points for seed in self.seeds]
        return tuple(
            PlannedRun(self._name(f"{number:0{digits}}", point, seed), point, seed)
            for number, (point, seed) in enumerate(pairs, start=1)
        )

    def settings(self, point: Point) -> tuple[str, ...]:
        """The point as settings of the command line."""
        return tuple(f"{axis.key}={value}" for axis, value in zip(self.axes, point.values, strict=True))

    def description(self) -> dict[str, Any]:
        """What makes a sweep this one, for its file; two that differ in any of it are different sweeps."""
        texts = hashlib.sha256("\0".join(point.text for point in self.points).encode())
        return {
            "testbed": self.version,
            "kernel": self.kernel,
            "scenario": self.scenario,
            "title": self.title,
            "variants": list(self.variants),
            "axes": {axis.key: list(axis.values) for axis in self.axes},
            "seeds": list(self.seeds),
            "scenarios_sha256": texts.hexdigest(),
            **({"extensions": list(self.extensions)} if self.extensions else {}),
        }

    @property
    def default_name(self) -> str:
        """A folder's name that the same sweep always has and no other, so that it is found again."""
        described = hashlib.sha256(repr(self.description()).encode()).hexdigest()
        return f"{self.scenario}-sweep-{described[:8]}"

    def _name(self, number: str, point: Point, seed: int) -> str:
        swept = [
            f"{axis.key.rpartition('.')[2]}_{value}"
            for axis, value in zip(self.axes, point.values, strict=True)
            if axis.is_swept
        ]
        # Only what needs no quotes in a shell or in a kernel's command line.
        plain = [re.sub(r"[^A-Za-z0-9.]+", "_", part).strip("_") for part in swept]
        return f"{'-'.join([number, *plain])[:_LONGEST_NAME]}-seed{seed}"


def make_plan(
    scenario: str,
    axes: Sequence[Axis],
    *,
    seeds: int,
    first_seed: int | None,
    variants: Sequence[str],
    kernel: str,
    version: str,
) -> SweepPlan:
    """Load the scenario at every combination. Seeds count up from the first, by default the scenario's own.

    Raises:
        ScenarioError: Some combination cannot be, or there are too many runs.
    """
    count = prod(len(axis.values) for axis in axes)
    if seeds < 1:
        raise ScenarioError(f"--seeds {seeds}: at least 1 is needed")
    if count * seeds > MOST_RUNS:
        runs = f"{counted(count, 'combination')} with {counted(seeds, 'seed')}"
        raise ScenarioError(f"{runs} are more than {MOST_RUNS:,} runs; sweep in parts")
    values = list(combinations(axes))
    first = _loaded(scenario, axes, values[0], first_seed, variants)
    seed = next(iter(first.variants.values())).seed
    files = [first, *(_loaded(scenario, axes, each, seed, variants) for each in values[1:])]
    return SweepPlan(
        scenario=first.name,
        title=first.title,
        variants=tuple(first.variants),
        axes=tuple(axes),
        seeds=tuple(range(seed, seed + seeds)),
        points=tuple(Point(each, file.text) for each, file in zip(values, files, strict=True)),
        kernel=kernel,
        version=version,
        extensions=_packages(files),
    )


def _packages(files: Sequence[ScenarioFile]) -> tuple[str, ...]:
    found = origins(script for file in files for script in file.variants.values())
    return tuple(dict.fromkeys(f"{origin.distribution} {origin.version}" for origin in found))


def _loaded(
    scenario: str, axes: Sequence[Axis], values: Sequence[str], seed: int | None, variants: Sequence[str]
) -> ScenarioFile:
    settings = [f"{axis.key}={value}" for axis, value in zip(axes, values, strict=True)]
    try:
        return load(scenario, seed=seed, settings=settings, variants=variants)
    except ScenarioError as error:
        swept = [text for text, axis in zip(settings, axes, strict=True) if axis.is_swept]
        if not swept:
            raise
        raise ScenarioError(f"with {', '.join(swept)}:\n{error}") from error
