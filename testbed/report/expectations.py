"""Holds a run's numbers against what its scenario expects, and beside what others published."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict

from testbed.applications.quantity import Expectation, Quantified, Reference
from testbed.model.measure import Unit
from testbed.report.metrics import statistic
from testbed.units import RATE, milliseconds, percent

_ENDINGS = {Unit.DELAY: "_ns", Unit.COUNT: "", Unit.RATE: "_bps", Unit.SHARE: "_ppm"}
"""How the summary's names of numbers end, by what they count in."""


class Verdict(TypedDict):
    """Whether one expectation holds, and by which number in which `unit` (`Unit.unit`); null without one."""

    text: str
    holds: bool
    measured: int | None
    unit: str


class Compared(TypedDict):
    """A published figure beside ours, both in `unit` (`Unit.unit`); null is a number that the run lacks."""

    text: str
    published: int
    measured: int | None
    unit: str
    source: str


def measured(wanted: Quantified, variants: Mapping[str, Any]) -> int | None:
    """The number that is named, or None if the run does not have it."""
    variant = variants.get(wanted.variant, {})
    if wanted.measure == "channel":
        return _of_channels(wanted, variant)
    found: Any = variant.get(wanted.of.key, {})
    if not wanted.is_of_all:
        found = found.get(wanted.session, {})
    if not wanted.of.is_stream:
        return _of_a_whole(wanted, found)
    found = found.get(wanted.direction or wanted.of.direction)
    return None if found is None else statistic(found, wanted.statistic)


def _of_a_whole(wanted: Quantified, numbers: Mapping[str, Any]) -> int | None:
    """A number of a whole, such as a flow or all jobs; the summary has its unit in its name."""
    value = numbers.get(f"{wanted.statistic}{_ENDINGS[wanted.unit]}")
    return None if value is None else int(value)


def _of_channels(wanted: Quantified, variant: Mapping[str, Any]) -> int | None:
    """A number of one channel in a direction, or of all channels; the summary has its unit in its name."""
    key = f"{wanted.statistic}{_ENDINGS[wanted.unit]}"
    if wanted.is_of_all:
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
    unit = expectation.unit.unit
    return Verdict(text=sentence(expectation), holds=holds, measured=value, unit=unit)


def compare(reference: Reference, variants: Mapping[str, Any]) -> Compared:
    """Set one published figure beside ours."""
    return Compared(
        text=quantity(reference),
        published=reference.value,
        measured=measured(reference, variants),
        unit=reference.unit.unit,
        source=reference.source,
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
    said = [f"{word} {expectation.unit.written(bound)}" for word, bound in bounds if bound is not None]
    return f"{quantity(expectation)} {' and '.join(said)}"


def quantity(named: Quantified) -> str:
    """The number meant, in words: "elastic: player downstream probe p50"."""
    words = (named.session, named.direction, named.measure, named.statistic)
    return f"{named.variant}: {' '.join(word for word in words if word is not None)}"


def verdict_line(judged: Sequence[Verdict]) -> str:
    """The outcome in one sentence."""
    failed = sum(not verdict["holds"] for verdict in judged)
    if not judged:
        return "No expectation was judged."
    if failed:
        return f"{failed} of {len(judged)} expectations do not hold."
    return f"All {len(judged)} expectations hold." if len(judged) > 1 else "The one expectation holds."


def show(value: int | None, unit: str) -> str:
    """A number in a unit of `Unit.unit`, for people."""
    if value is None:
        return "nothing"
    shown = {Unit.RATE.unit: RATE.format_down, Unit.DELAY.unit: milliseconds, Unit.SHARE.unit: percent}
    return shown.get(unit, str)(value)
