"""Paths such as $.device.ipv4Address: found, assigned and removed in a JSON document.

A name that meets an array goes on into each of its items, as the features write $.devicePorts.ranges.from.
"""

import re
from typing import Any, Final

_PART = re.compile(r"\[(\d+|\*)\]|\.?([^.\[\]$]+)")


class Missing:
    """The type of what is not there, which is different from null."""

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING: Final = Missing()


def find(document: Any, path: str) -> Any:
    """The value at a path, MISSING if there is none."""
    for part in _parts(path):
        if isinstance(document, dict) and part in document:
            document = document[part]
        elif isinstance(document, list) and part.isdecimal() and int(part) < len(document):
            document = document[int(part)]
        else:
            return MISSING
    return document


def assign(document: dict[str, Any], path: str, value: Any) -> None:
    """Put a value at a path; objects on the way are made where they are missing."""
    *way, last = _parts(path)
    for holder in _holders(document, way):
        if isinstance(holder, list):
            for index, item in enumerate(holder):
                if last == "*":
                    holder[index] = value
                else:
                    item[last] = value
        else:
            holder[last] = value


def remove(document: dict[str, Any], path: str) -> None:
    """Take away what is at a path, if anything."""
    *way, last = _parts(path)
    for holder in _holders(document, way):
        holder.pop(last, None)


def _holders(document: dict[str, Any], way: list[str]) -> list[Any]:
    holders: list[Any] = [document]
    for part in way:
        flat = [item for holder in holders for item in (holder if isinstance(holder, list) else [holder])]
        holders = [holder.setdefault(part, {}) for holder in flat]
    return holders


def _parts(path: str) -> list[str]:
    if _PART.sub("", path.removeprefix("$")):
        raise ValueError(f"not a path: {path}")
    return [index or name for index, name in _PART.findall(path.removeprefix("$"))]
