"""Quantities and events in few characters, for a line of a terminal or a row of a page."""

from typing import Any

from testbed.units import RATE

_PREFIXES = ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k"))
_LEFT_OUT = ("at_ns", "kind", "scores", "reason")
NOTHING = "-"
"""What stands for a value that there is not."""


def rate(value_bps: int | None) -> str:
    """A rate with three digits: "8.12 Mbit/s"."""
    return NOTHING if value_bps is None else f"{_three_digits(value_bps)}bit/s"


def size(value_bytes: int | None) -> str:
    """A size with three digits: "12.5 kB"."""
    return NOTHING if value_bytes is None else f"{_three_digits(value_bytes)}B"


def delay(value_ns: int | None) -> str:
    """A delay with three digits: "4.81 ms", "61.3 ms", "1.20 s"."""
    if value_ns is None:
        return NOTHING
    if value_ns >= 999_500_000:
        return f"{_digits(value_ns / 1e9)} s"
    return f"{_digits(value_ns / 1e6)} ms"


def seconds(value_ns: int) -> str:
    """An instant of a run: "12.3 s"."""
    return f"{value_ns / 1e9:.1f} s"


def fields(event: dict[str, Any]) -> str:
    """What an event says beside its kind and its instant, its reason last."""
    # An order goes by its own name, unless its packets are a session's.
    named_twice = {"order"} if event.get("order") == event.get("session") else set()
    told = [_field(key, value) for key, value in event.items() if key not in {*_LEFT_OUT, *named_twice}]
    if "reason" in event:
        told.append(f"({event['reason']})")
    return " ".join(part for part in told if part)


def _field(key: str, value: Any) -> str:
    match value:
        case None:
            return ""
        case dict():
            return " ".join(f"{name} {_value(key, each)}" for name, each in value.items())
        case _:
            words = _value(key, value)
            return words if isinstance(value, str) else f"{_named(key)} {words}"


def _named(key: str) -> str:
    return key.removesuffix("_bps").removesuffix("_ns").replace("_", " ")


def _value(key: str, value: Any) -> str:
    if isinstance(value, int) and key.endswith(("_bps", "rates", "fits")):
        return RATE.format_down(value)
    if isinstance(value, int) and key.endswith("_ns"):
        return delay(value)
    return str(value)


def _three_digits(value: int) -> str:
    """A number with a prefix of the SI; whole below 1000."""
    for factor, prefix in _PREFIXES:
        if value >= 0.9995 * factor:
            return f"{_digits(value / factor)} {prefix}"
    return f"{value} "


def _digits(value: float) -> str:
    if value >= 99.95:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"
