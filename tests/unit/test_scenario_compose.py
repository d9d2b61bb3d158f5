"""YAML is read as far as a scenario needs it, and hostile text is refused before it costs anything."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.errors import ScenarioError
from testbed.scenario.compose import MAX_DEPTH, MAX_NODES, compose, resolve
from testbed.scenario.dump import dump

QUICK_S = 2.0
"""CPU time: beside other work the slowest of these has been counted 0.51 s."""


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("12", 12),
        ("-3", -3),
        ("0", 0),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        # The surprises of YAML 1.1, all of them text here.
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("off", "off"),
        ("12:30", "12:30"),
        ("010", "010"),
        ("0x10", "0x10"),
        ("1_000", "1_000"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("1e999", "1e999"),
        ("2025-01-01", "2025-01-01"),
        ("tRUE", "tRUE"),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_a_plain_scalar_is_what_it_looks_like(written: str, value: object) -> None:
    resolved = resolve(written)
    assert resolved == value
    assert type(resolved) is type(value)


def test_quotes_make_text_of_anything() -> None:
    assert compose("a: '12'\nb: \"true\"\nc: |\n  3\n", "f").plain() == {"a": "12", "b": "true", "c": "3\n"}


def test_keys_are_text_whatever_they_look_like() -> None:
    assert compose("5: a\non: b\nnull: c\n", "f").plain() == {"5": "a", "on": "b", "null": "c"}


def test_every_value_knows_its_line_and_its_keys() -> None:
    root = compose("a:\n  b:\n    - 1\n    - c: 2\n", "f.yaml")
    node, beyond = root.find(("a", "b", 1, "c"))
    assert (str(node.place), node.keys, beyond) == ("f.yaml:4", ("a", "b", 1, "c"), ())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "f: is empty; it must hold a mapping of keys"),
        ("a: &x 1", "f:1: anchors (&x) are not read; write the value where it is needed"),
        ("a: *x", "f:1: aliases (*x) are not read; write the value out"),
        ("a: !env HOME", "f:1: tags (!env) are not read; remove it, values find their own type"),
        ("a: 1\n<<: {b: 1}", "f:2: merge keys (<<) are not read; write the keys out"),
        ("a: 1\nb: 2\na: 3", "f:3: key 'a' is here twice; the first is on line 1"),
        ("a: 1\n---\nb: 2", "f:2: a second document begins here; one file holds one"),
        ("a:\n\tb: 1", "f:2: has a tab; write spaces"),
        ("a: \x07", "f:1: is not text: it has a control character"),
        ("? [a]\n: b", "f:1: a mapping's key is a mapping or a list; write one word"),
        ("'': b", "f:1: a mapping has an empty key; write its name before the colon"),
    ],
)
def test_what_a_scenario_does_not_need_is_refused_at_its_line(text: str, message: str) -> None:
    with pytest.raises(ScenarioError) as refused:
        compose(text, "f")
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[" * 500_000, "nested"),
        ("- " * 400_000, "nested"),
        ("{a: " * 200_000, "nested"),
        ("\n".join(" " * depth + "a:" for depth in range(1200)), "nested"),
        ("- 1\n" * 200_000, "20,000 values"),
        ("x" * 900_000, "900,000 characters"),
        (f"? {'k' * 900_000}\n: 1", "900,000 characters"),
        ("a: &a [x]\n" + "".join(f"b{n}: &b{n} [*a, *a, *a, *a]\n" for n in range(20_000)), "anchors"),
        ("'" + "\n" * 900_000, "quote"),
    ],
    ids=lambda value: value[:8].replace("\n", " ") if len(value) > 20 else value,
)
def test_hostile_text_is_refused_quickly(text: str, word: str) -> None:
    began_s = time.process_time()
    with pytest.raises(ScenarioError, match=word):
        compose(text, "f")
    assert time.process_time() - began_s < QUICK_S


def test_text_just_within_the_limits_is_read() -> None:
    """The control of the limits: they refuse what is beyond them and nothing before."""
    assert len(compose("- 1\n" * (MAX_NODES - 1), "f").items) == MAX_NODES - 1
    deep = compose("[" * MAX_DEPTH + "]" * MAX_DEPTH, "f")
    assert deep.plain() != []
    with pytest.raises(ScenarioError, match="nested"):
        compose("[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2), "f")


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(min_value=-(10**30), max_value=10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
    | st.sampled_from(["yes", "1e3", "010", "12:30", "null", "", "~", "<<", "- a", "a: b", "#", "\t", "a\nb"])
)
KEYS = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20).filter(
    lambda key: key != "<<"
)


@given(
    st.dictionaries(
        KEYS,
        st.recursive(
            SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4)
        ),
        min_size=1,
        max_size=5,
    )
)
def test_dumped_text_composes_to_the_same_values(document: dict[str, object]) -> None:
    assert compose(dump(document), "f").plain() == document
