"""What the pages about several runs have in common: templates, plots as JSON, numbers in words."""

import json
import re
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from testbed.model.measure import Unit
from testbed.report.figures import Plot
from testbed.sweep.statistics import Estimate

_SCALES = {Unit.DELAY.unit: (1e6, "ms"), Unit.RATE.unit: (1e6, "Mbit/s"), Unit.SHARE.unit: (1e4, "%")}
"""By unit inside: what one of the unit for people is, and its name."""


_FOREIGN_TAG = re.compile(r"<(?!(?:br|/?b|/?extra)>)")


def environment() -> Environment:
    """The templates of this package, which escape whatever is put into them."""
    made = Environment(
        loader=PackageLoader("testbed.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["figure_json"] = figure_json
    return made


def figure_json(plot: Plot) -> Markup:
    """A figure as JSON that cannot end the script element around it.

    Plotly reads some markup in its texts, links too. What the figures use of it stays; any other tag is the
    content of a run, and is shown as it is written.
    """
    content = _without_foreign_tags(json.loads(plot.figure.to_json()))
    return Markup(json.dumps(content, separators=(",", ":")).replace("<", "\\u003c"))


def _without_foreign_tags(value: Any) -> Any:
    if isinstance(value, str):
        return _FOREIGN_TAG.sub("&lt;", value) if "<" in value else value
    if isinstance(value, list):
        return [_without_foreign_tags(each) for each in value]
    if isinstance(value, dict):
        return {key: _without_foreign_tags(each) for key, each in value.items()}
    return value


def for_people(value: float, unit: str) -> float:
    """A value in the unit that people read: ms, Mbit/s, % or a plain count."""
    return value / _SCALES.get(unit, (1, ""))[0]


def unit_for_people(unit: str) -> str:
    """That unit's name, empty for a count."""
    return _SCALES.get(unit, (1, ""))[1]


def written(estimate: Estimate | None, unit: str, *, signed: bool = False) -> str:
    """An estimate with half the width of its interval: "6.123 ± 0.012"; a dash for none."""
    if estimate is None:
        return "-"
    text = in_digits(for_people(estimate.value, unit), unit, signed=signed)
    if estimate.low is None or estimate.high is None:
        return text
    return f"{text} ± {in_digits(for_people((estimate.high - estimate.low) / 2, unit), unit)}"


def bounds(estimate: Estimate, unit: str) -> str:
    """The bounds of an interval: "-0.2 to 1.4"; a dash for none."""
    if estimate.low is None or estimate.high is None:
        return "-"
    low, high = (for_people(bound, unit) for bound in (estimate.low, estimate.high))
    return f"{in_digits(low, unit, signed=True)} to {in_digits(high, unit, signed=True)}"


def in_digits(value: float, unit: str, *, signed: bool = False) -> str:
    """A number for people with as many decimals as its unit has: three, or for a count as few as will do."""
    sign = "+" if signed else ""
    if unit in _SCALES:
        return f"{value:{sign}.3f}"
    return f"{value:{sign}.2f}".rstrip("0").rstrip(".") if value % 1 else f"{value:{sign}.0f}"
