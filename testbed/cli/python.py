"""The testbed for scripts: a run as an object with its tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import ValidationError

from testbed.applications.quantity import Quantified
from testbed.cli.running import run_scenario
from testbed.errors import ScenarioError
from testbed.record.run_directory import RunDirectory
from testbed.report import rates, samples, summary_frame, write
from testbed.report.expectations import measured
from testbed.scenario import from_mapping, load
from testbed.text import instead


@dataclass(frozen=True)
class Run:
    """A finished run."""

    directory: RunDirectory
    expectations: tuple[Mapping[str, Any], ...]
    """Each with its text, whether it holds, and what was measured."""
    variants: Mapping[str, Any] = field(repr=False)
    """The numbers of each variant, as summary.json has them."""

    def number(
        self,
        variant: str,
        session: str | None,
        direction: str | None,
        statistic: str,
        measure: str = "probe",
    ) -> int | None:
        """One number, named as in a scenario's `expect`: ns, bit/s, a count or millionths.

        None if the run did not measure it, as the delay of a stream of which nothing arrived.

        Raises:
            ScenarioError: There can be no such number, or the run has no such variant.
        """
        named = {"variant": variant, "session": session, "direction": direction}
        try:
            wanted = Quantified.model_validate({**named, "statistic": statistic, "measure": measure})
        except ValidationError as error:
            reasons = "; ".join(": ".join([*map(str, each["loc"]), each["msg"]]) for each in error.errors())
            raise ScenarioError(f"no number {statistic!r} of a {measure}: {reasons}") from error
        if variant not in self.variants:
            raise ScenarioError(f"no variant {variant!r} in this run; {instead(variant, self.variants)}")
        return measured(wanted, self.variants)

    @property
    def holds(self) -> bool:
        """Whether every expectation holds."""
        return all(expectation["holds"] for expectation in self.expectations)

    @cached_property
    def samples(self) -> pd.DataFrame:
        """One row per packet, probe, command and frame; delays in ns, missing where lost."""
        return samples(self.directory)

    @cached_property
    def summary(self) -> pd.DataFrame:
        """One row per variant, session, direction and measure."""
        return summary_frame(self.directory)

    @cached_property
    def rates(self) -> pd.DataFrame:
        """Rates allocated and used, every 100 ms."""
        return rates(self.directory)


def run_and_report(
    scenario: str | Path | Mapping[str, Any],
    *,
    seed: int | None,
    variants: Sequence[str],
    settings: Sequence[str],
    venue: str | None,
    out: str | Path | None,
    force: bool,
) -> Run:
    """See `testbed.run`."""
    if isinstance(scenario, Mapping):
        if seed is not None or variants or settings:
            raise ScenarioError(
                "a scenario built in code has its seed and variants in itself; leave the arguments out"
            )
        scenario_file = from_mapping(scenario, str(scenario.get("name", "scenario")))
    else:
        scenario_file = load(str(scenario), seed=seed, settings=settings, variants=variants)
    directory = run_scenario(
        scenario_file, venue=venue, out=Path(out) if out else None, settings=settings, force=force
    )
    summary = write(directory)
    verdicts = tuple(dict(verdict) for verdict in summary["expectations"])
    return Run(directory, verdicts, summary["variants"])
