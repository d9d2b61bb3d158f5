"""A run's summary as a list of numbers: one for each variant, session, direction, measure and statistic."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from testbed.applications.quantity import MEASURES, OF_ALL_CHANNELS, STATISTICS, Quantified, statistics_of
from testbed.model.base import DOWNSTREAM, UPSTREAM, Direction
from testbed.model.measure import Measure
from testbed.report.expectations import measured

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
        for measure in MEASURES.values():
            for session, direction, statistic in _named(found, measure):
                wanted = Quantified(
                    variant=variant,
                    session=session,
                    direction=direction,
                    measure=measure.name,
                    statistic=statistic,
                )
                yield Number(
                    variant=variant,
                    session=session,
                    direction=direction and str(direction),
                    measure=measure.name,
                    statistic=statistic,
                    unit=STATISTICS[statistic].kind.unit,
                    value=measured(wanted, variants),
                )


def _named(found: Mapping[str, Any], measure: Measure) -> Iterator[tuple[str | None, Direction | None, str]]:
    """What of one measure a variant has, as (session, direction, statistic)."""
    if measure.name == "channel":
        yield from _of_channels(found)
        return
    names = found.get(measure.key, {})
    if measure.name == "jobs":
        yield from ((None, None, statistic) for statistic in statistics_of(measure.name))
    elif not measure.is_stream or measure.direction is not None:
        yield from ((name, None, statistic) for name in names for statistic in statistics_of(measure.name))
    else:
        for session, directions in names.items():
            for direction in (each for each in _DIRECTIONS if each in directions):
                yield from ((session, direction, statistic) for statistic in statistics_of(measure.name))


def _of_channels(found: Mapping[str, Any]) -> Iterator[tuple[str | None, Direction | None, str]]:
    if not found["channels"]:
        return
    for statistic in OF_ALL_CHANNELS:
        for direction in _DIRECTIONS if statistic == "fairness" else (None,):
            yield None, direction, statistic
    of_one = [each for each in statistics_of("channel") if each not in OF_ALL_CHANNELS]
    for session in found["channels"]:
        for direction in _DIRECTIONS:
            yield from ((session, direction, statistic) for statistic in of_one)
