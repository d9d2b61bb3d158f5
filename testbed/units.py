"""Quantities as people write them ("25 Gbit/s", "8 ms", "20 km", "675 kB") and as the program holds them.

Inside, every quantity is an integer in one SI unit: bit/s, nanoseconds, bytes, metres. Decimal
prefixes only, because links and standards count in thousands; "KiB" and friends are refused.
"""

import re
from dataclasses import dataclass
from decimal import Decimal


class QuantityError(ValueError):
    """A text is not a quantity of the wanted kind; the message says what would be."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """One kind of quantity: its units with their size in the unit that the program holds."""

    name: str
    example: str
    units: dict[str, int]

    def parse(self, text: str) -> int:
        """Read a quantity exactly; the result is in the dimension's base unit.

        Raises:
            QuantityError: No number, no unit, a unit of another kind, negative, or finer than the base unit.
        """
        match = re.fullmatch(r"\s*([+-]?[0-9][0-9_]*(?:\.[0-9]+)?)\s*([^\s0-9].*?)?\s*", text)
        if match is None:
            raise QuantityError(f"{text!r} is not a {self.name}; write a number and a unit, as in {self.example!r}")
        number, unit = match.groups()
        if unit is None:
            raise QuantityError(f"{text!r} has no unit; a {self.name} is written as in {self.example!r}")
        if unit not in self.units:
            known = ", ".join(self.units)
            raise QuantityError(f"{unit!r} is not a unit of a {self.name}; known are {known}")
        exact = Decimal(number.replace("_", "")) * self.units[unit]
        if exact < 0:
            raise QuantityError(f"{text!r} is negative; a {self.name} is at least 0")
        if exact != int(exact):
            smallest = min(self.units, key=lambda name: self.units[name])
            raise QuantityError(f"{text!r} is finer than the testbed's resolution of 1 {smallest}")
        return int(exact)

    def format(self, value: int) -> str:
        """Write a value in the largest unit in which it is exact to three decimals, else in the base unit."""
        for unit, size in sorted(self.units.items(), key=lambda item: -item[1]):
            scaled = Decimal(value) / size
            if abs(scaled) >= 1 and scaled == round(scaled, 3):
                return f"{scaled.normalize():f} {unit}"
        base = min(self.units, key=lambda name: self.units[name])
        return f"{value} {base}"


RATE = Dimension(
    "rate",
    "100 Mbit/s",
    {"bit/s": 1, "kbit/s": 10**3, "Mbit/s": 10**6, "Gbit/s": 10**9, "Tbit/s": 10**12},
)
DURATION = Dimension(
    "duration", "8 ms", {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "min": 60 * 10**9}
)
SIZE = Dimension("size", "675 kB", {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9})
LENGTH = Dimension("length", "20 km", {"m": 1, "km": 10**3})


def milliseconds(value_ns: float) -> str:
    """A delay for people: milliseconds with three decimals."""
    return f"{value_ns / 1e6:.3f} ms"
