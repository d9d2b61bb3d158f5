"""What pydantic finds is told in the words of someone who edits a file."""

import json
from enum import StrEnum
from typing import Annotated, Literal

import pytest
from pydantic import Field, ValidationError

from testbed.model.base import FROM_TEXT, Duration, Name, Size, Value
from testbed.scenario.compose import compose
from testbed.scenario.problems import problems_of


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


class Everything(Value):
    """One field of each type that a scenario or a topology may want."""

    whole: Annotated[int, Field(ge=1, le=9)] = 1
    real: Annotated[float, Field(gt=0, lt=1)] = 0.5
    flag: bool = True
    text: Annotated[str, Field(min_length=2, max_length=5)] = "abc"
    name: Name = "a"
    names: dict[Name, int] = Field(default_factory=dict)
    choice: Literal["tcp", "udp"] = "tcp"
    colour: Colour = Colour.RED
    several: Annotated[tuple[int, ...], Field(max_length=2)] = ()
    mapping: dict[str, int] = Field(default_factory=dict)
    size: Annotated[Size, Field(ge=64, le=1400)] = 100
    wait_ns: Annotated[Duration, Field(gt=0)] = 1
    either: int | str = 1


def told(text: str) -> list[str]:
    root = compose(text, "f")
    with pytest.raises(ValidationError) as refused:
        Everything.model_validate_json(
            json.dumps(root.plain()),
            strict=True,
            context=FROM_TEXT,
            by_alias=True,
            by_name=False,
        )
    return [f"{problem.path}: {problem.message}" for problem in problems_of(refused.value, root, Everything)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("whole: 1.5", "whole: 1.5 is not a whole number; write digits only, without quotes"),
        ("whole: 3.0", "whole: 3.0 is not written as a whole number; write 3"),
        ("whole: ten", "whole: the text 'ten' is not a whole number; write digits only, without quotes"),
        ("whole: 0", "whole: 0 is too small; write at least 1"),
        ("whole: 10", "whole: 10 is too large; write at most 9"),
        ("real: 0", "real: 0 is too small; write more than 0.0"),
        ("real: 1", "real: 1 is too large; write less than 1.0"),
        ("real: half", "real: the text 'half' is not a number; write digits, without quotes or a unit"),
        ("flag: off", "flag: the text 'off' is not true or false; did you mean false?"),
        ("flag: 1", "flag: 1 is not true or false"),
        ("text: 12", "text: 12 is not text; put it in quotes"),
        ("text: {a: b}", "text: a mapping stands where a text is wanted"),
        ("text: a", "text: 'a' is shorter than 2 characters"),
        ("text: abcdef", "text: 'abcdef' is longer than 5 characters"),
        (
            "name: a b",
            "name: 'a b' is not a name; a name begins with a letter or digit and goes on with letters, "
            "digits, - and _",
        ),
        (
            "names: {-a: 1}",
            "names.-a: '-a' is not a name; a name begins with a letter or digit and goes on with letters, "
            "digits, - and _",
        ),
        (f"names: {{{'a' * 41}: 1}}", f"names.{'a' * 41}: is longer than 40 characters; shorten the name"),
        ("choice: tpc", "choice: 'tpc' is not one of tcp, udp (did you mean 'tcp'?)"),
        ("choice: 6", "choice: 6 is not one of tcp, udp"),
        ("colour: blue", "colour: 'blue' is not one of red, green"),
        ("several: 3", "several: 3 stands where a list is wanted; write its items below, each with a dash"),
        ("several: [1, 2, 3]", "several: has 3 items; at most 2 may be there"),
        (
            "several: [1, x]",
            "several.1: the text 'x' is not a whole number; write digits only, without quotes",
        ),
        ("mapping: [1]", "mapping: a list stands where a mapping of keys is wanted"),
        ("size: 3 kB", "size: '3 kB' is too large; write at most 1.4 kB"),
        ("wait: 0 s", "wait: '0 s' is too small; write more than 0 ns"),
        ("flag:", "flag: is empty; write a value, or remove the key"),
        ("wait:", "wait: is empty; write a value, or remove the key"),
        ("wait_ns: 3 ms", "wait_ns: unknown key; did you mean 'wait'?"),
    ],
)
def test_a_finding_is_told_in_plain_words(text: str, message: str) -> None:
    assert told(text) == [message]


def test_a_value_that_is_of_no_type_of_a_union_is_told_at_its_own_key() -> None:
    assert {line.split(":")[0] for line in told("either: [1]")} == {"either"}


def test_what_is_right_raises_nothing() -> None:
    """The control: the class accepts what it should."""
    Everything.model_validate_json(
        '{"whole": 9, "text": "ab", "wait": "1 ns"}', strict=True, context=FROM_TEXT
    )
