"""Quantities as people write them ("25 Gbit/s", "8 ms", "20 km", "675 kB") and as the program holds them.

Inside, every quantity is an integer in one SI unit: bit/s, nanoseconds, bytes, metres. Decimal
prefixes only, because links and standards count in thousands; "KiB" and friends are refused.
"""

import re
from dataclasses import dataclass
from decimal import ROUND_DOWN, Context, Decimal

from testbed.text import nearest, quoted

LARGEST = 2**63 - 1
"""What fits the 64-bit integers of samples and netlink messages: 292 years, 9.2 Ebit/s."""

_LONGEST_TEXT = 60
_QUANTITY = re.compile(r"([+-]?[0-9][0-9_]*(?:\.[0-9]+)?)\s*([^\s0-9].*)?")
# Decimal's usual 28 digits would round a long number without a word.
_EXACT = Context(prec=200)


class QuantityError(ValueError):
    """A text is not a quantity of the wanted kind; the message says what would be."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """One kind of quantity: its units with their size in the unit that the program holds."""

    name: str
    example: str
    units: dict[str, int]

    @property
    def pattern(self) -> str:
        """A regular expression for editors (ECMA 262): what `parse` may take, but for size and precision."""
        # With the micro sign goes the Greek letter, as in `_size`.
        spelt = [
            unit.replace("\N{MICRO SIGN}", "[\N{MICRO SIGN}\N{GREEK SMALL LETTER MU}]") for unit in self.units
        ]
        units = "|".join(spelt)
        return rf"^\s*[+]?[0-9][0-9_]*(\.[0-9]+)?\s*({units})\s*$"

    def parse(self, text: str) -> int:
        """Read a quantity exactly; the result is in the dimension's base unit.

        Raises:
            QuantityError: No number, no unit, a unit of another kind, negative, beyond 64 bits, or finer
                than the base unit.
        """
        match = _QUANTITY.fullmatch(text[:_LONGEST_TEXT].strip())
        if match is None or len(text) > _LONGEST_TEXT:
            raise QuantityError(self.refusal(text))
        number, unit = match.groups()
        if unit is None:
            raise QuantityError(f"{text!r} has no unit; a {self.name} is written as in {self.example!r}")
        exact = _EXACT.multiply(Decimal(number.replace("_", "")), self._size(text, unit))
        if exact < 0:
            raise QuantityError(f"{text!r} is negative; a {self.name} is at least 0")
        if exact != int(exact):
            raise QuantityError(f"{text!r} is finer than the testbed's resolution of 1 {self._base}")
        if exact > LARGEST:
            raise QuantityError(f"{text!r} is too large; the most is {self.format(LARGEST)}")
        return int(exact)

    def format(self, value: int) -> str:
        """Write a value in the largest unit in which it is exact to three decimals, else in the base unit."""
        for unit, size in sorted(self.units.items(), key=lambda item: -item[1]):
            if abs(value) >= size and value * 1000 % size == 0:
                return f"{_decimal(value, size)} {unit}"
        return f"{value} {self._base}"

    def format_down(self, value: int) -> str:
        """Write a value in the largest unit below it, cut off after three decimals: never more than it."""
        fitting = {unit: size for unit, size in self.units.items() if size <= max(value, 1)}
        unit = max(fitting, key=lambda unit: fitting[unit])
        return f"{_decimal(value, fitting[unit])} {unit}"

    def refusal(self, value: object) -> str:
        """What to say of something that is no such quantity at all."""
        return f"{quoted(value)} is not a {self.name}; write a number and a unit, as in {self.example!r}"

    def _size(self, text: str, unit: str) -> int:
        # The Greek letter and the micro sign look alike.
        unit = unit.replace("\N{GREEK SMALL LETTER MU}", "\N{MICRO SIGN}")
        if unit in self.units:
            return self.units[unit]
        known = ", ".join(self.units)
        raise QuantityError(
            f"{text!r}: {unit!r} is not a unit of a {self.name}; known are {known}{self._hint(unit)}"
        )

    def _hint(self, unit: str) -> str:
        if self.name == "rate" and re.fullmatch(r"[kKMGT]?B(?:ps|/s)", unit):
            return " (a rate counts bits, 8 to a byte)"
        usual = _usual(unit)
        if usual not in self.units:
            for other in (RATE, DURATION, SIZE, LENGTH, SHARE):
                if unit in other.units:
                    return f" ({unit!r} is a unit of a {other.name})"
        meant = usual if usual in self.units else nearest(unit, self.units)
        return f" (did you mean {meant!r}?)" if meant else ""

    @property
    def _base(self) -> str:
        return min(self.units, key=lambda unit: self.units[unit])


def _decimal(value: int, size: int) -> str:
    scaled = _EXACT.divide(Decimal(value), Decimal(size))
    thousandths = scaled.quantize(Decimal("0.001"), rounding=ROUND_DOWN, context=_EXACT)
    return f"{thousandths:f}".rstrip("0").rstrip(".")


def _usual(unit: str) -> str:
    """A unit as this module spells it, for the usual other spellings; any other unit unchanged."""
    rate = re.fullmatch(r"([kKMGT]?)b(?:it)?(?:ps|/s)?", unit)
    if rate is not None:
        return f"{rate[1].replace('K', 'k')}bit/s"
    return _SPELLINGS.get(unit.casefold(), unit)


_SPELLINGS = {
    "nsec": "ns",
    "usec": "us",
    "msec": "ms",
    "sec": "s",
    "secs": "s",
    "second": "s",
    "seconds": "s",
    "m": "min",
    "minute": "min",
    "minutes": "min",
    "byte": "B",
    "bytes": "B",
    "metre": "m",
    "metres": "m",
    "meter": "m",
    "meters": "m",
}


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
SHARE = Dimension("share", "35 %", {"ppm": 1, "%": 10**4})
"""Of a whole: inside in millionths, so that sums and comparisons are exact."""


def milliseconds(value_ns: float) -> str:
    """A delay for people: milliseconds with three decimals."""
    return f"{value_ns / 1e6:.3f} ms"


def percent(value_ppm: float) -> str:
    """A share for people: percent with one decimal."""
    return f"{value_ppm / 1e4:.1f} %"
