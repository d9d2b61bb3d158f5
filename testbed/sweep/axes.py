"""What is varied: `--set KEY=VALUE,VALUE` as an axis, and the combinations of several."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from testbed.errors import ScenarioError
from testbed.scenario.compose import resolve
from testbed.scenario.tree import Scalar
from testbed.text import quoted
from testbed.units import DURATION, LENGTH, RATE, SHARE, SIZE, QuantityError

_CLOSING = {"[": "]", "{": "}"}
_DIMENSIONS = (DURATION, RATE, SIZE, LENGTH, SHARE)


@dataclass(frozen=True, slots=True)
class Axis:
    """A key of the scenario with the values that it takes, each as YAML and in the order given."""

    key: str
    values: tuple[str, ...]

    @classmethod
    def from_text(cls, text: str) -> "Axis":
        """An axis as typed after `--set`: commas part values, except within brackets and quotes.

        Raises:
            ScenarioError: It is not KEY=VALUE, or has an empty or a repeated value.
        """
        key, equals, written = text.partition("=")
        label, key = f"--set {quoted(text)}", key.strip()
        if not (equals and key):
            raise ScenarioError(
                f"{label}: is not KEY=VALUE,VALUE; write for example --set network.parameters.onus=8,16"
            )
        if key == "seed":
            raise ScenarioError(f"{label}: seeds are chosen by --seeds COUNT, and by --seed for the first")
        values = tuple(_parts(written, label))
        if "" in values:
            raise ScenarioError(f"{label}: has an empty value; write null to remove a key")
        repeated = next((value for value in values if values.count(value) > 1), None)
        if repeated is not None:
            raise ScenarioError(f"{label}: has {quoted(repeated)} twice; write it once")
        return cls(key, values)

    @property
    def is_swept(self) -> bool:
        """Whether it has several values; with one it is a plain setting."""
        return len(self.values) > 1

    @property
    def scalars(self) -> tuple[Scalar, ...]:
        """The values as YAML reads them; lists and mappings as they were written."""
        return tuple(resolve(value) for value in self.values)


def parsed_axes(texts: Sequence[str]) -> tuple[Axis, ...]:
    """All axes of a command line.

    Raises:
        ScenarioError: As `Axis.from_text`, or a key is there twice.
    """
    axes = tuple(Axis.from_text(text) for text in texts)
    keys = [axis.key for axis in axes]
    for key in keys:
        if keys.count(key) > 1:
            raise ScenarioError(f"--set {key}=… is there twice; write all its values in one, with commas")
    return axes


def combinations(axes: Sequence[Axis]) -> Iterator[tuple[str, ...]]:
    """Every combination of values, one of each axis; the last axis changes first."""
    yield from product(*(axis.values for axis in axes))


@dataclass(frozen=True, slots=True)
class Scale:
    """Where the values of an axis stand in a plot: at their numbers, or one after another as words."""

    places: tuple[float, ...] | None
    unit: str


def scale(values: Sequence[Scalar]) -> Scale:
    """The scale of an axis: numbers, and quantities of one dimension in the first one's unit, have places."""
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(numbers) == len(values):
        return Scale(tuple(map(float, numbers)), "")
    texts = [value for value in values if isinstance(value, str)]
    if not texts or len(texts) != len(values):
        return Scale(None, "")
    for dimension in _DIMENSIONS:
        try:
            sizes = [dimension.parse(text) for text in texts]
        except QuantityError:
            continue
        unit = texts[0].strip().lstrip("+0123456789._").strip()
        return Scale(tuple(size / dimension.parse(f"1 {unit}") for size in sizes), unit)
    return Scale(None, "")


def _parts(text: str, label: str) -> Iterator[str]:
    """The text between the commas that stand outside of brackets and quotes."""
    part, open_brackets, quote = "", [], ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"" and part.strip()[-1:] in ("", "[", "{", ",", ":"):
            quote = character
        elif character in _CLOSING:
            open_brackets.append(_CLOSING[character])
        elif open_brackets and character == open_brackets[-1]:
            open_brackets.pop()
        elif character == "," and not open_brackets:
            yield part.strip()
            part = ""
            continue
        part += character
    if quote or open_brackets:
        raise ScenarioError(f"{label}: a {'quote' if quote else 'bracket'} is open; close it")
    yield part.strip()
