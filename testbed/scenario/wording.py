"""Pydantic's findings in the words of someone who edits a scenario file."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic_core import ErrorDetails

from testbed.model.base import NAME_PATTERN
from testbed.scenario.tree import Node
from testbed.text import counted, instead, listed, nearest, quoted
from testbed.units import DURATION, LENGTH, RATE, SIZE, QuantityError

_BOOLEANS = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}


def wording(finding: ErrorDetails, node: Node, siblings: Sequence[str]) -> str:
    """What is wrong with a value, and what to write; `siblings` are the keys that may stand in its place."""
    kind, context = finding["type"], finding.get("ctx", {})
    if kind == "extra_forbidden":
        return f"unknown key; {instead(str(node.keys[-1]), siblings)}"
    if node.value is None:
        return "is empty; write a value, or remove the key" + _removal_hint(node)
    if "error" in context:
        return str(context["error"])
    if finding["loc"] and finding["loc"][-1] == "[key]":
        return _of_name(kind, str(node.keys[-1]), context)
    return _WORDINGS.get(kind, _unforeseen(finding))(node.value, context)


def _unforeseen(finding: ErrorDetails) -> Callable[[Any, Mapping[str, Any]], str]:
    """Types that only a topology of the user's own can bring in keep pydantic's words."""
    message = finding["msg"].removeprefix("Input ").removeprefix("Value ")
    return lambda value, _: f"{_what(value)} {message[:1].lower()}{message[1:]}"


def _removal_hint(node: Node) -> str:
    in_variant = node.keys[0] == "variants" and len(node.keys) > 3
    return " (null removes what the scenario has under this key, and it has nothing)" if in_variant else ""


def _what(value: Any) -> str:
    """A value with its kind, as the subject of "is not …"."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, tuple):
        return "a list"
    if isinstance(value, str):
        return f"the text {quoted(value)}"
    return quoted(value)


def _of_name(kind: str, name: str, context: Mapping[str, Any]) -> str:
    if kind == "string_too_long":
        return f"is longer than {context['max_length']} characters; shorten the name"
    return f"{quoted(name)} is not a name; {_NAME_RULE}"


_NAME_RULE = "a name begins with a letter or digit and goes on with letters, digits, - and _"


def _pattern(value: Any, context: Mapping[str, Any]) -> str:
    if context["pattern"] == NAME_PATTERN:
        return f"{quoted(value)} is not a name; {_NAME_RULE}"
    return f"{quoted(value)} does not match the pattern {context['pattern']}"


def _whole(value: Any, _: Mapping[str, Any]) -> str:
    if isinstance(value, float) and value.is_integer():
        return f"{value} is not written as a whole number; write {int(value)}"
    return f"{_what(value)} is not a whole number; write digits only, without quotes"


def _boolean(value: Any, _: Mapping[str, Any]) -> str:
    meant = _BOOLEANS.get(value.lower()) if isinstance(value, str) else None
    return f"{_what(value)} is not true or false" + (f"; did you mean {meant}?" if meant else "")


def _text(value: Any, _: Mapping[str, Any]) -> str:
    if isinstance(value, Mapping | tuple):
        return f"{_what(value)} stands where a text is wanted"
    return f"{quoted(value)} is not text; put it in quotes"


def _choice(value: Any, context: Mapping[str, Any]) -> str:
    # Pydantic writes the choices as 'a', 'b' or 'c'.
    choices = [part.strip("'") for part in context["expected"].replace(" or ", ", ").split(", ")]
    if not isinstance(value, str):
        return f"{_what(value)} is not one of {listed(choices)}"
    meant = nearest(value, choices)
    hint = f" (did you mean {meant!r}?)" if meant else ""
    return f"{quoted(value)} is not one of {listed(choices)}{hint}"


def _mapping(value: Any, _: Mapping[str, Any]) -> str:
    return f"{_what(value)} stands where a mapping of keys is wanted"


def _list(value: Any, _: Mapping[str, Any]) -> str:
    return f"{_what(value)} stands where a list is wanted; write its items below, each with a dash"


def _limit(word: str, key: str) -> Callable[[Any, Mapping[str, Any]], str]:
    def say(value: Any, context: Mapping[str, Any]) -> str:
        return f"{quoted(value)} is {word} {_in_units_of(value, context[key])}"

    return say


def _in_units_of(value: Any, bound: Any) -> str:
    """A bound in the kind of quantity that was written; bounds of plain numbers stay plain."""
    if isinstance(value, str) and isinstance(bound, int):
        for dimension in (RATE, DURATION, SIZE, LENGTH):
            try:
                dimension.parse(value)
            except QuantityError:
                continue
            return dimension.format(bound)
    return quoted(bound)


def _too_few(value: Any, context: Mapping[str, Any]) -> str:
    held = f"has {counted(len(value), 'item')}" if value else "is empty"
    return f"{held}; at least {context['min_length']} must be there"


def _too_many(value: Any, context: Mapping[str, Any]) -> str:
    return f"has {counted(len(value), 'item')}; at most {context['max_length']} may be there"


_WORDINGS: dict[str, Callable[[Any, Mapping[str, Any]], str]] = {
    **dict.fromkeys(("int_type", "int_from_float", "int_parsing", "int_parsing_size"), _whole),
    **dict.fromkeys(
        ("float_type", "float_parsing"),
        lambda value, _: f"{_what(value)} is not a number; write digits, without quotes or a unit",
    ),
    **dict.fromkeys(("bool_type", "bool_parsing"), _boolean),
    "string_type": _text,
    "string_pattern_mismatch": _pattern,
    "string_too_long": lambda value, context: (
        f"{quoted(value)} is longer than {context['max_length']} characters"
    ),
    "string_too_short": lambda value, context: (
        f"{quoted(value)} is shorter than {counted(context['min_length'], 'character')}"
    ),
    **dict.fromkeys(("enum", "literal_error"), _choice),
    **dict.fromkeys(("model_type", "model_attributes_type", "dict_type"), _mapping),
    **dict.fromkeys(("tuple_type", "list_type"), _list),
    "greater_than": _limit("too small; write more than", "gt"),
    "greater_than_equal": _limit("too small; write at least", "ge"),
    "less_than": _limit("too large; write less than", "lt"),
    "less_than_equal": _limit("too large; write at most", "le"),
    "too_short": _too_few,
    "too_long": _too_many,
}
