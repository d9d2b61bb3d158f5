"""A run's summary as a list of numbers: one for each variant, session, direction, measure and statistic."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from testbed.model.base import DOWNSTREAM, UPSTREAM, Direction
from testbed.model.quantity import (
    OF_ALL_CHANNELS,
    ONE_WAY,
    OWN_STATISTICS,
    Measure,
    Quantified,
    Statistic,
    statistics_of,
)
from testbed.report.expectations import MEASURE_KEYS, measured

_DIRECTIONS = (DOWNSTREAM, UPSTREAM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """One number with its name; `value` is in `unit` (`Kind.unit`), None if it was not measured."""

    variant: str
    session: str | None
    direction: str | None
    measure: str
    statistic: str
    unit: str
    value: int | None


def numbers(summary: Mapping[str, Any]) -> Iterator[Number]:
    """Every number that an expectation could name and the summary has, in the summary's order."""
    variants = summary["variants"]
    for variant, found in variants.items():
        for measure in Measure:
            for session, direction, statistic in _named(found, measure):
                wanted = Quantified(
                    variant=variant,
                    session=session,
                    direction=direction,
                    measure=measure,
                    statistic=statistic,
                )
                yield Number(
                    variant=variant,
                    session=session,
                    direction=direction and str(direction),
                    measure=str(measure),
                    statistic=str(statistic),
                    unit=statistic.kind.unit,
                    value=measured(wanted, variants),
                )


def _named(
    found: Mapping[str, Any], measure: Measure
) -> Iterator[tuple[str | None, Direction | None, Statistic]]:
    """What of one measure a variant has, as (session, direction, statistic)."""
    if measure is Measure.CHANNEL:
        yield from _of_channels(found)
        return
    names = found.get(MEASURE_KEYS[measure], {})
    if measure is Measure.JOBS:
        yield from ((None, None, statistic) for statistic in statistics_of(measure))
    elif measure in OWN_STATISTICS or measure in ONE_WAY:
        yield from ((name, None, statistic) for name in names for statistic in statistics_of(measure))
    else:
        for session, directions in names.items():
            for direction in (each for each in _DIRECTIONS if each in directions):
                yield from ((session, direction, statistic) for statistic in statistics_of(measure))


def _of_channels(found: Mapping[str, Any]) -> Iterator[tuple[str | None, Direction | None, Statistic]]:
    if not found["channels"]:
        return
    for statistic in OF_ALL_CHANNELS:
        for direction in _DIRECTIONS if statistic is Statistic.FAIRNESS else (None,):
            yield None, direction, statistic
    of_one = [each for each in statistics_of(Measure.CHANNEL) if each not in OF_ALL_CHANNELS]
    for session in found["channels"]:
        for direction in _DIRECTIONS:
            yield from ((session, direction, statistic) for statistic in of_one)
