"""Rates and times as CAMARA writes them: a whole number and a unit."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, Strict

from testbed.api.base_models import LARGEST_INT32, ApiModel

_MOST = 1024
"""The largest number that the specification allows before the unit of a rate."""


class RateUnit(StrEnum):
    """Units of rate, as the specification spells them."""

    BPS = "bps"
    KBPS = "kbps"
    MBPS = "Mbps"
    GBPS = "Gbps"
    TBPS = "Tbps"


class TimeUnit(StrEnum):
    """Units of time, as the specification spells them."""

    DAYS = "Days"
    HOURS = "Hours"
    MINUTES = "Minutes"
    SECONDS = "Seconds"
    MILLISECONDS = "Milliseconds"
    MICROSECONDS = "Microseconds"
    NANOSECONDS = "Nanoseconds"


_BPS: dict[RateUnit, int] = {unit: 1000**power for power, unit in enumerate(RateUnit)}
_NS = {
    TimeUnit.DAYS: 86_400 * 10**9,
    TimeUnit.HOURS: 3600 * 10**9,
    TimeUnit.MINUTES: 60 * 10**9,
    TimeUnit.SECONDS: 10**9,
    TimeUnit.MILLISECONDS: 10**6,
    TimeUnit.MICROSECONDS: 1000,
    TimeUnit.NANOSECONDS: 1,
}


class Rate(ApiModel):
    """A rate: a whole number up to 1024, and a unit. 2.5 Gbit/s is none."""

    value: Annotated[int, Strict(), Field(ge=0, le=_MOST)]
    unit: RateUnit

    @property
    def rate_bps(self) -> int:
        """The same in bit/s."""
        return self.value * _BPS[self.unit]


class TimeSpan(ApiModel):
    """A length of time: a whole number and a unit."""

    value: Annotated[int, Strict(), Field(ge=1, le=LARGEST_INT32)]
    unit: TimeUnit

    @property
    def span_ns(self) -> int:
        """The same in nanoseconds."""
        return self.value * _NS[self.unit]


def rate_at_most(rate_bps: int) -> Rate:
    """The largest rate that the specification can express and that is not above this one."""
    reachable = [(min(rate_bps // size, _MOST) * size, unit) for unit, size in _BPS.items()]
    # Of several ways to write the same rate, the one in the largest unit.
    best_bps, unit = max(reachable, key=lambda each: (each[0], _BPS[each[1]]))
    return Rate(value=best_bps // _BPS[unit], unit=unit)


def time_span(span_ns: int) -> TimeSpan:
    """A length of time above 0 in the largest unit in which it is whole."""
    unit, size_ns = next((unit, size_ns) for unit, size_ns in _NS.items() if span_ns % size_ns == 0)
    return TimeSpan(value=span_ns // size_ns, unit=unit)
