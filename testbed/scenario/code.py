"""A scenario built in code, turned into what a file would hold."""

import math
import numbers
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from testbed.errors import ScenarioError
from testbed.model.base import Value
from testbed.scenario.compose import MAX_DEPTH
from testbed.scenario.tree import Keys, Scalar, spelt
from testbed.text import quoted


def as_written(value: Any, name: str, keys: Keys = ()) -> Any:
    """Plain dicts, lists and scalars for a document that may hold values of the model anywhere.

    Raises:
        ScenarioError: Something in it cannot stand in a file; the message has its keys.
    """

    if len(keys) > MAX_DEPTH:
        raise _refusal(name, keys, f"is nested more than {MAX_DEPTH} deep; no scenario is")
    if isinstance(value, Value):
        return value.model_dump(mode="json", by_alias=True)
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise _refusal(name, keys, f"{quoted(key)} is no key; keys are text")
        return {str(key): as_written(item, name, (*keys, key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_written(item, name, (*keys, index)) for index, item in enumerate(value)]
    return _scalar(value, name, keys)


def _scalar(value: Any, name: str, keys: Keys) -> Scalar:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str | Path):
        return str(value)
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real) and math.isfinite(value):
        return float(value)
    raise _refusal(name, keys, f"{quoted(value)} ({type(value).__name__}) cannot be written to a file")


def _refusal(name: str, keys: Keys, message: str) -> ScenarioError:
    return ScenarioError(": ".join(part for part in (name, spelt(keys), message) if part))
