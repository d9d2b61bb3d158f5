"""What the features say of a property of a session or an assignment beyond its schema.

A property that "exists only if" something holds must also exist if it does: that is what the
descriptions in the specifications say, and what makes the rule worth a check.
"""

import re
from datetime import datetime
from typing import Any

from json_path import MISSING, find

_GIVEN = re.compile(r"exists only if provided (in the request body|for \w+) and with the same value")
_SAME = re.compile(r"(has the )?(same value as in the request body|value provided for \w+)")
_STATE = re.compile(
    r'exists only if "(?:\$\.)?(?P<other>\w+)" is (?P<negated>not )?"(?P<state>\w+)"'
    r"(?: and (?P<instant>.+))?"
)
_PAST = re.compile(r"(the )?value is in the past")
_LATER = re.compile(r'(the value is )?later than "(\$\.)?startedAt"')


def hold(condition: str, path: str, item: dict[str, Any], request: dict[str, Any], now: datetime) -> None:
    """Check the rule for one property of `item`, which answers `request`.

    Raises:
        AssertionError: It does not hold.
        ValueError: There is no such rule.
    """
    value = find(item, path)
    if _GIVEN.fullmatch(condition):
        _same(path, value, find(request, path))
    elif _SAME.fullmatch(condition):
        assert find(request, path) is not MISSING, f"the request has no {path} to compare with"
        _same(path, value, find(request, path))
    elif (rule := _STATE.fullmatch(condition)) is not None:
        expected = (find(item, rule["other"]) == rule["state"]) is (rule["negated"] is None)
        _exists(path, value, expected)
        if rule["instant"] is not None and expected:
            _instant(rule["instant"], path, item, now)
    else:
        raise ValueError(f"no such rule: {condition}")


def in_the_past(path: str, item: dict[str, Any], now: datetime) -> None:
    """Check that a property is an instant before `now`."""
    assert _read(path, item) < now, f"{path} is {find(item, path)}, not before {now}"


def _instant(rule: str, path: str, item: dict[str, Any], now: datetime) -> None:
    if _PAST.fullmatch(rule):
        in_the_past(path, item, now)
    elif _LATER.fullmatch(rule):
        started = _read("startedAt", item)
        assert _read(path, item) > started, f"{path} is {find(item, path)}, not later than {started}"
    else:
        raise ValueError(f"no such rule: {rule}")


def _read(path: str, item: dict[str, Any]) -> datetime:
    value = find(item, path)
    assert isinstance(value, str), f"{path} is {value!r}, not an instant"
    instant = datetime.fromisoformat(value)
    assert instant.tzinfo is not None, f"{path} is {value} without a time zone"
    return instant


def _exists(path: str, value: Any, expected: bool) -> None:
    assert (value is not MISSING) is expected, f"{path} is {value!r}, {'missing' if expected else 'too much'}"


def _same(path: str, value: Any, given: Any) -> None:
    assert value == given, f"{path} is {value!r}, the request has {given!r}"
