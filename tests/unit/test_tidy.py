"""The rules of style that no linter knows: sizes, names, and no waiting by guess."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
SOURCES = sorted(
    path
    for folder in ("testbed", "topologies", "bench", "tests")
    for path in (PROJECT / folder).rglob("*.py")
    if "rejected" not in path.parts
)
PROGRAM = [path for path in SOURCES if path.relative_to(PROJECT).parts[0] in ("testbed", "topologies")]

MOST_LINES = 400
MOST_FUNCTION_LINES = 60
VAGUE = {"manager", "helper", "helpers", "handler", "util", "utils", "data", "info"}
"""Words that say nothing of what a file, a class or a function is for."""

WRONG = {"bw", "bandwidth", "latency"}
"""A number of bits per second is a rate, and one of nanoseconds a delay or a round trip."""

COMMANDS = {"info"}
"""Functions that are called as the command that they carry out: `testbed kernel info`."""

SLEEPERS = {"testbed/host/clock.py": "the one place that waits for an instant of the timeline"}
"""Where sleeping is the work itself and not a guess at how long something else takes."""


def shown(path: Path) -> str:
    return str(path.relative_to(PROJECT))


def words(name: str) -> set[str]:
    """The words of a name in snake_case or CamelCase."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+", name)}


def defined(tree: ast.Module) -> Iterator[str]:
    """The names of functions and classes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name


def assigned(tree: ast.Module) -> Iterator[str]:
    """The names of arguments and of whatever is assigned."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg


def ill_named(name_of_file: str, tree: ast.Module) -> list[str]:
    """The names that break a rule."""
    named = {name_of_file, *defined(tree)} - COMMANDS
    vague = {name for name in named if words(name) & VAGUE}
    wrong = {name for name in (*named, *assigned(tree)) if words(name) & WRONG}
    return sorted(vague | wrong)


def sleeps(tree: ast.Module) -> Iterator[int]:
    """The lines that call time.sleep, by whatever import."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = node.func
            name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
            if name == "sleep":
                yield node.lineno


@pytest.mark.parametrize("path", SOURCES, ids=shown)
def test_a_file_is_short_enough_to_be_read_at_once(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MOST_LINES


@pytest.mark.parametrize("path", SOURCES, ids=shown)
def test_a_function_fits_a_screen(path: Path) -> None:
    functions = [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    long = [node.name for node in functions if (node.end_lineno or 0) - node.lineno >= MOST_FUNCTION_LINES]
    assert long == []


@pytest.mark.parametrize("path", PROGRAM, ids=shown)
def test_a_name_says_what_it_is(path: Path) -> None:
    assert ill_named(path.stem, ast.parse(path.read_text())) == []


@pytest.mark.parametrize("path", PROGRAM, ids=shown)
def test_a_module_tells_what_is_in_it(path: Path) -> None:
    if path.read_text().strip():
        assert ast.get_docstring(ast.parse(path.read_text()))


@pytest.mark.parametrize("path", PROGRAM, ids=shown)
def test_nothing_waits_by_guess(path: Path) -> None:
    if shown(path) not in SLEEPERS:
        assert list(sleeps(ast.parse(path.read_text()))) == []


@pytest.mark.parametrize("path", PROGRAM, ids=shown)
def test_nothing_is_left_for_later(path: Path) -> None:
    assert re.findall(r"\b(?:TODO|FIXME|XXX|NotImplementedError)\b", path.read_text()) == []


def test_the_rules_find_what_they_look_for() -> None:
    """The control: code that breaks each rule is caught."""
    tree = ast.parse("import time\nclass LinkManager:\n    def run(self, max_bw):\n        time.sleep(1)\n")
    assert ill_named("link_utils", tree) == ["LinkManager", "link_utils", "max_bw"]
    assert ill_named("links", ast.parse("def info(data): ...")) == []
    assert list(sleeps(tree)) == [4]
    assert words("HTBClass_info2") == {"htb", "class", "info", "2"}
    assert len(SOURCES) > 50
