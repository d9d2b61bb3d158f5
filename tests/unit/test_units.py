"""Quantities are read exactly or refused with a word on what to write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.units import DURATION, LARGEST, LENGTH, RATE, SIZE, Dimension, QuantityError

DIMENSIONS = (RATE, DURATION, SIZE, LENGTH)


@pytest.mark.parametrize(
    ("dimension", "text", "value"),
    [
        (RATE, "25 Gbit/s", 25_000_000_000),
        (RATE, "8.667648 Gbit/s", 8_667_648_000),
        (RATE, "100Mbit/s", 100_000_000),
        (RATE, "1_000 kbit/s", 1_000_000),
        (DURATION, " 8 ms ", 8_000_000),
        (DURATION, "0.5 us", 500),
        (DURATION, "35 µs", 35_000),
        (DURATION, "35 \N{GREEK SMALL LETTER MU}s", 35_000),
        (DURATION, "2 min", 120_000_000_000),
        (SIZE, "675 kB", 675_000),
        (LENGTH, "20 km", 20_000),
        (LENGTH, "0 m", 0),
    ],
)
def test_a_quantity_is_read_in_its_base_unit(dimension: Dimension, text: str, value: int) -> None:
    assert dimension.parse(text) == value


@pytest.mark.parametrize(
    ("dimension", "text", "message"),
    [
        (RATE, "fast", "'fast' is not a rate; write a number and a unit, as in '100 Mbit/s'"),
        (RATE, "", "'' is not a rate; write a number and a unit, as in '100 Mbit/s'"),
        (RATE, "25", "'25' has no unit; a rate is written as in '100 Mbit/s'"),
        (DURATION, "-1 ms", "'-1 ms' is negative; a duration is at least 0"),
        (DURATION, "0.1 ns", "'0.1 ns' is finer than the testbed's resolution of 1 ns"),
        (
            DURATION,
            "1e3 ms",
            "'1e3 ms': 'e3 ms' is not a unit of a duration; known are ns, us, µs, ms, s, min",
        ),
        (
            LENGTH,
            "1 ms",
            "'1 ms': 'ms' is not a unit of a length; known are m, km ('ms' is a unit of a duration)",
        ),
    ],
)
def test_what_is_not_a_quantity_is_told_why(dimension: Dimension, text: str, message: str) -> None:
    with pytest.raises(QuantityError) as refused:
        dimension.parse(text)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("dimension", "unit", "meant"),
    [
        (RATE, "Gbps", "Gbit/s"),
        (RATE, "Mb/s", "Mbit/s"),
        (RATE, "Kbit", "kbit/s"),
        (RATE, "gbit/s", "Gbit/s"),
        (DURATION, "msec", "ms"),
        (DURATION, "seconds", "s"),
        (DURATION, "m", "min"),
        (SIZE, "KB", "kB"),
        (LENGTH, "Km", "km"),
    ],
)
def test_a_usual_misspelling_of_a_unit_is_recognised(dimension: Dimension, unit: str, meant: str) -> None:
    with pytest.raises(QuantityError, match=f"did you mean '{meant}'"):
        dimension.parse(f"3 {unit}")


@pytest.mark.parametrize("unit", ["MB/s", "GBps"])
def test_bytes_per_second_are_not_taken_for_bits(unit: str) -> None:
    with pytest.raises(QuantityError, match="a rate counts bits"):
        RATE.parse(f"3 {unit}")


def test_a_value_beyond_64_bits_is_refused_and_the_largest_is_not() -> None:
    assert RATE.parse(f"{LARGEST} bit/s") == LARGEST
    with pytest.raises(QuantityError, match="too large"):
        RATE.parse(f"{LARGEST + 1} bit/s")
    with pytest.raises(QuantityError, match="too large"):
        DURATION.parse("9" * 40 + " min")


def test_a_very_long_text_is_refused_without_being_repeated() -> None:
    with pytest.raises(QuantityError) as refused:
        RATE.parse("4" * 100_000 + " Mbit/s")
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize("dimension", DIMENSIONS, ids=lambda dimension: dimension.name)
@given(value=st.integers(min_value=0, max_value=LARGEST))
def test_what_is_written_is_read_back(dimension: Dimension, value: int) -> None:
    assert dimension.parse(dimension.format(value)) == value


@given(value=st.integers(min_value=0, max_value=LARGEST))
def test_a_value_written_downwards_is_never_more_and_hardly_less(value: int) -> None:
    read = RATE.parse(RATE.format_down(value))
    assert value - value // 1000 <= read <= value


@given(thousandths=st.integers(min_value=1, max_value=10**12))
def test_reading_is_exact_where_floating_point_is_not(thousandths: int) -> None:
    assert SIZE.parse(f"{thousandths // 1000}.{thousandths % 1000:03} kB") == thousandths


@pytest.mark.parametrize(
    ("value", "text"),
    [(25_000_000_000, "25 Gbit/s"), (8_667_648_000, "8667.648 Mbit/s"), (0, "0 bit/s"), (999, "999 bit/s")],
)
def test_a_value_is_written_in_the_largest_unit_that_keeps_it_exact(value: int, text: str) -> None:
    assert RATE.format(value) == text


def test_a_value_written_downwards_has_three_decimals_at_most() -> None:
    assert RATE.format_down(8_667_648_999) == "8.667 Gbit/s"
    assert RATE.format_down(8_000_000_000) == "8 Gbit/s"
    assert RATE.format_down(0) == "0 bit/s"
