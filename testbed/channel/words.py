"""Numbers as reasons tell them: rounded to the digits that matter, never to be read back."""

from decimal import Context, Decimal

from testbed.units import DURATION, RATE, SIZE, Dimension


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
    rounded = int(Context(prec=digits).create_decimal(value))
    unit, unit_size = max(
        ((name, size) for name, size in dimension.units.items() if size <= max(rounded, 1)),
        key=lambda item: item[1],
    )
    return f"{(Decimal(rounded) / unit_size).normalize():f} {unit}"
