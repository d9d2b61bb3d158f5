"""The reference of results: measures, statistics, events and exit statuses."""

import signal
from dataclasses import MISSING, Field, fields
from types import NoneType
from typing import Any, get_args

from documents.tables import table
from testbed.applications.quantity import MEASURES, OF_ALL_CHANNELS, STATISTICS, statistics_of
from testbed.cli.interrupts import SIGNALS
from testbed.errors import (
    EXPECTATION_FAILED,
    InvariantError,
    KernelError,
    LimitError,
    NotReadyError,
    ScenarioError,
)
from testbed.model.measure import Measure, Statistic
from testbed.record.event import Event, event_classes
from testbed.scenario.meanings import meanings

INTRODUCTION = """\
# Reference: results

What a run measures and writes down. The files of a run directory and the columns of its tables are in
[ARCHITECTURE.md](../../ARCHITECTURE.md#the-run-directory). In files delays are whole nanoseconds, rates
bit/s and shares millionths; instants count from the scenario's start.
"""
_OF_A_STREAM = "delays and counts"


def page() -> str:
    """The whole page."""
    return "\n".join(
        [
            INTRODUCTION,
            "## Measures\n\nThe key `measure` of expectations, and the column of samples and summary.\n",
            table(("Measure", "Direction", "Statistics", "Meaning"), map(_measure, MEASURES.values())),
            "## Statistics\n\nThe key `statistic`. Delays, rates and shares have their units, as `8 ms`,\n"
            "`2 Gbit/s` and `35 %`; a count is a bare number.\n",
            table(("Statistic", "Is a", "Of", "Meaning"), map(_statistic, STATISTICS.values())),
            "## Events\n\nThe lines of `events.jsonl`, each with `variant`, `at_ns`, `kind`, and these:\n",
            table(("Kind", "Fields", "When"), map(_event, event_classes().values())),
            "## Exit statuses\n",
            table(("Status", "Meaning"), _statuses()),
        ]
    )


def _event(described: type[Event]) -> tuple[str, ...]:
    said = meanings(described)
    told = (_field(each, said.get(each.name)) for each in fields(described))
    return f"`{described.kind}`", "; ".join(told), " ".join((described.__doc__ or "").split())


def _field(described: Field[Any], meaning: str | None) -> str:
    """A field's name, whether it may be null or missing, and what it means."""
    may_be = "null" if described.default is MISSING else "missing"
    is_optional = NoneType in get_args(described.type)
    name = f"`{described.name}`" + (f" (may be {may_be})" if is_optional else "")
    return f"{name}: {meaning.removesuffix('.')}" if meaning else name


def _measure(measure: Measure) -> tuple[str, ...]:
    one_way = not measure.is_stream or measure.direction is not None
    direction = "not written" if one_way else "required"
    if measure.name == "channel":
        direction = "as the statistic says"
    statistics = _OF_A_STREAM if measure.statistics is None else _listed(measure.statistics)
    return f"`{measure.name}`", direction, statistics, measure.meaning


def _statistic(statistic: Statistic) -> tuple[str, ...]:
    name = statistic.name
    of = ["every stream"] if name in statistics_of("probe") else []
    for measure in MEASURES.values():
        if name not in (measure.statistics or ()):
            continue
        if measure.name != "channel":
            of.append(f"`{measure.name}`")
        elif name not in OF_ALL_CHANNELS:
            of.append("one `channel`, in a direction")
        else:
            direction = ", in a direction" if name == OF_ALL_CHANNELS[-1] else ""
            of.append(f"all channels{direction}; no session is written")
    return f"`{name}`", str(statistic.kind), ", ".join(of), statistic.meaning


def _listed(statistics: tuple[str, ...]) -> str:
    return ", ".join(f"`{each}`" for each in statistics)


_KEYS = {signal.SIGINT: " (Ctrl-C)"}


def _statuses() -> list[tuple[str, str]]:
    errors = (ScenarioError, KernelError, NotReadyError, LimitError, InvariantError)
    return [
        ("0", "Done; every expectation holds."),
        (str(EXPECTATION_FAILED), "The run was good, and an expectation does not hold."),
        *((str(each.exit_status), " ".join((each.__doc__ or "").split())) for each in errors),
        *(
            (str(128 + signum), f"Ended by {signum.name}{_KEYS.get(signum, '')}; nothing is left running.")
            for signum in sorted(SIGNALS)
        ),
    ]
