"""Numbers as reasons tell them: rounded to the digits that matter, never to be read back."""

from testbed.units import DURATION, RATE, SIZE, Dimension

_UNITS = {
    dimension.name: sorted(dimension.units.items(), key=lambda unit: -unit[1]) for dimension in (RATE, SIZE)
}
"""The largest units first."""


def rate(value_bps: int) -> str:
    """A rate to four digits: "1.125 Gbit/s"."""
    return _about(RATE, value_bps, 4)


def size(value_bytes: int) -> str:
    """A size to three digits: "141 kB"."""
    return _about(SIZE, value_bytes, 3)


def duration(value_ns: int) -> str:
    """A duration, exactly: "1 ms"."""
    return DURATION.format(value_ns)


def _about(dimension: Dimension, value: int, digits: int) -> str:
    # In whole numbers: a reason is put into words for every rate that changes.
    place = 10 ** max(0, len(str(value)) - digits)
    rounded = (value + place // 2) // place * place
    unit, unit_size = next(each for each in _UNITS[dimension.name] if each[1] <= max(rounded, 1))
    whole, rest = divmod(rounded, unit_size)
    decimals = str(unit_size + rest)[1:].rstrip("0")
    return f"{whole}.{decimals} {unit}" if decimals else f"{whole} {unit}"
