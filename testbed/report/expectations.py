"""Holds a run's numbers against what its scenario expects, and beside what others published."""

from collections.abc import Iterable, Mapping
from typing import Any, TypedDict

from testbed.model.quantity import Expectation, Kind, Measure, Quantified, Reference
from testbed.report.metrics import statistic
from testbed.units import RATE, milliseconds, percent

MEASURE_KEYS = {
    "probe": "probes",
    "frame": "frames",
    "packet": "packets",
    "command": "commands",
    "flow": "flows",
}
"""Where the numbers of a measure stand in a variant's summary."""


class Verdict(TypedDict):
    """Whether one expectation holds, and by which number in which `unit` (`Kind.unit`); null without one."""

    text: str
    holds: bool
    measured: int | None
    unit: str


class Compared(TypedDict):
    """A published figure beside ours, both in ns; `measured` is null if the run has no such number."""

    text: str
    published: int
    measured: int | None
    source: str


def measured(wanted: Quantified, variants: Mapping[str, Any]) -> int | None:
    """The number that is named, or None if the run does not have it."""
    variant = variants.get(wanted.variant, {})
    if wanted.measure is Measure.CHANNEL:
        return _of_channels(wanted, variant)
    found: Any = variant.get(MEASURE_KEYS[wanted.measure], {}).get(wanted.session)
    if found is not None and wanted.direction is not None:
        found = found.get(wanted.direction)
    return None if found is None else statistic(found, wanted.statistic)


def _of_channels(wanted: Quantified, variant: Mapping[str, Any]) -> int | None:
    """A number of one channel in a direction, or of all channels; the summary has its unit in its name."""
    kind = wanted.statistic.kind
    key = str(wanted.statistic) if kind is Kind.COUNT else f"{wanted.statistic}_{kind.unit}"
    if wanted.statistic.is_of_all_channels:
        found = variant.get("admission", {}).get(key)
        value = found[wanted.direction] if wanted.direction is not None and found is not None else found
    else:
        value = variant.get("channels", {}).get(wanted.session, {}).get(wanted.direction, {}).get(key)
    return None if value is None else int(value)


def evaluate(expectation: Expectation, variants: Mapping[str, Any]) -> Verdict:
    """Judge one expectation by the summary's variants. A number that is missing never holds."""
    value = measured(expectation, variants)
    lowest, highest = expectation.at_least, expectation.at_most
    holds = (
        value is not None and (lowest is None or value >= lowest) and (highest is None or value <= highest)
    )
    unit = expectation.statistic.kind.unit
    return Verdict(text=sentence(expectation), holds=holds, measured=value, unit=unit)


def compare(reference: Reference, variants: Mapping[str, Any]) -> Compared:
    """Set one published figure beside ours."""
    ours = measured(reference, variants)
    return Compared(
        text=quantity(reference), published=reference.value_ns, measured=ours, source=reference.source
    )


def judged(
    expectations: Iterable[Expectation], variants: Mapping[str, Any]
) -> tuple[list[Verdict], list[str]]:
    """The verdicts, and the sentences about variants that were not run, which nothing can be said about."""
    here, elsewhere = [], []
    for expectation in expectations:
        if expectation.variant in variants:
            here.append(evaluate(expectation, variants))
        else:
            elsewhere.append(sentence(expectation))
    return here, elsewhere


def sentence(expectation: Expectation) -> str:
    """An expectation in words: "elastic: player downstream probe p50 at most 8 ms"."""
    bounds = (("at least", expectation.at_least), ("at most", expectation.at_most))
    said = [
        f"{word} {expectation.statistic.kind.written(bound)}" for word, bound in bounds if bound is not None
    ]
    return f"{quantity(expectation)} {' and '.join(said)}"


def quantity(named: Quantified) -> str:
    """The number meant, in words: "elastic: player downstream probe p50"."""
    words = (named.session, named.direction, named.measure, named.statistic)
    return f"{named.variant}: {' '.join(word for word in words if word is not None)}"


def show_measured(verdict: Verdict) -> str:
    """What was measured, for people."""
    value = verdict["measured"]
    if value is None:
        return "nothing"
    shown = {Kind.RATE.unit: RATE.format_down, Kind.DELAY.unit: milliseconds, Kind.SHARE.unit: percent}
    return shown.get(verdict["unit"], str)(value)
