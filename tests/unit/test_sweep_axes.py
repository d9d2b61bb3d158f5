"""What is varied: how axes are read from the command line, and where their values stand in a plot."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.errors import ScenarioError
from testbed.sweep.axes import Axis, combinations, parsed_axes, scale


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("pon.onus=8,16,32", ("8", "16", "32")),
        ("duration=10 s", ("10 s",)),
        ("x=10 km, 20 km", ("10 km", "20 km")),
        ("x=[1, 2],[3]", ("[1, 2]", "[3]")),
        ("x={a: [1, 2], b: 3},{a: 4}", ("{a: [1, 2], b: 3}", "{a: 4}")),
        ("title='near, by','far'", ("'near, by'", "'far'")),
        ("x=['a]', 'b'],c", ("['a]', 'b']", "c")),
        ("title=it's here,there", ("it's here", "there")),
        ("x=a=b,c", ("a=b", "c")),
        ("x=null,1", ("null", "1")),
    ],
)
def test_commas_part_values_except_within_brackets_and_quotes(text: str, values: tuple[str, ...]) -> None:
    assert Axis.from_text(text).values == values


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("onus", "is not KEY=VALUE"),
        ("=8", "is not KEY=VALUE"),
        ("onus=8,,16", "empty value"),
        ("onus=", "write null to remove"),
        ("onus=8,16,8", "'8' twice"),
        ("onus=[8,16", "a bracket is open"),
        ("onus='8,16", "a quote is open"),
        ("seed=1,2", "--seeds COUNT"),
    ],
)
def test_what_is_no_axis_is_refused_with_what_to_write(text: str, said: str) -> None:
    with pytest.raises(ScenarioError, match=r"^--set ") as refused:
        Axis.from_text(text)
    assert said in str(refused.value)


def test_a_key_that_is_there_twice_is_refused() -> None:
    with pytest.raises(ScenarioError, match="twice"):
        parsed_axes(["onus=8", "onus=16"])
    assert len(parsed_axes(["onus=8", "rate=16"])) == 2


@given(st.lists(st.lists(st.integers(), min_size=1, max_size=4, unique=True), max_size=4))
def test_every_combination_is_there_once(values: list[list[int]]) -> None:
    axes = [Axis(f"key{n}", tuple(map(str, each))) for n, each in enumerate(values)]
    found = list(combinations(axes))
    expected = 1
    for each in values:
        expected *= len(each)
    assert len(found) == len(set(found)) == expected
    assert all(value in axis.values for row in found for axis, value in zip(axes, row, strict=True))


@pytest.mark.parametrize(
    ("values", "places", "unit"),
    [
        ("8,16,32", (8, 16, 32), ""),
        ("0.5,2", (0.5, 2), ""),
        ("10 km,500 m", (10, 0.5), "km"),
        ("1 Gbit/s,500 Mbit/s", (1, 0.5), "Gbit/s"),
        ("1 ms,2 km", None, ""),
        ("true,false", None, ""),
        ("bbr,cubic", None, ""),
        ("8,many", None, ""),
        ("[1],[2]", None, ""),
    ],
)
def test_numbers_and_quantities_have_places_and_words_have_none(
    values: str, places: tuple[float, ...] | None, unit: str
) -> None:
    found = scale(Axis.from_text(f"x={values}").scalars)
    assert (found.places, found.unit) == (places, unit)
