"""The pages about extensions: their code is the example package's, and what they promise is there."""

import importlib
import re
import tomllib
from pathlib import Path

import pytest
from documents.pages import PROJECT, blocks
from example_install import EXAMPLE

PAGES = sorted((PROJECT / "docs" / "how-to").glob("own-*.md"))
EXTENDING = PROJECT / "docs" / "extending.md"
POINTS = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]["entry-points"]
_NAMED = re.compile(r"^\| `([\w.]+)` \| (.+) \|$", re.MULTILINE)


def code(page: Path) -> dict[str, str]:
    """The files of the package that a page shows."""
    found = {}
    for block in blocks(page.read_text()):
        if block.language == "python" and block.name and block.name.startswith("example_testbed/"):
            found[block.name] = block.text.partition("\n")[2]
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_code_of_a_page_is_that_of_the_example_package(page: Path) -> None:
    for name, text in code(page).items():
        assert text == (EXAMPLE / name).read_text(), f"{page.name}: {name} is another in {EXAMPLE.name}"


def test_the_pages_show_the_whole_package() -> None:
    shown = {name for page in PAGES for name in code(page)}
    there = {
        str(path.relative_to(EXAMPLE)) for path in EXAMPLE.rglob("*.py") if path.parent.parent != EXAMPLE
    }
    there |= {str(path.relative_to(EXAMPLE)) for path in EXAMPLE.glob("*/*.py") if path.name != "__init__.py"}
    assert shown == there
    assert len(PAGES) == 6


def test_the_pages_have_the_entry_points_of_the_package() -> None:
    found: dict[str, dict[str, str]] = {}
    for page in PAGES:
        for block in blocks(page.read_text()):
            if block.language == "toml":
                found |= tomllib.loads(block.text)["project"]["entry-points"]
    assert found == POINTS


def test_every_group_is_explained() -> None:
    rows = [first for first, _ in _NAMED.findall(EXTENDING.read_text())]
    assert {*POINTS} <= {*rows}


def test_every_name_of_the_interface_is_there() -> None:
    """A row has a module and its names, or one name with its members behind a colon."""
    rows = [
        (module, names) for module, names in _NAMED.findall(EXTENDING.read_text()) if module not in POINTS
    ]
    assert len(rows) > 10
    for module, names in rows:
        before, _, members = names.partition(": ")
        for name, member in re.findall(r"`(\w+)(?:\.(\w+))?`", before):
            found = getattr(importlib.import_module(module), name)
            for each in (member, *re.findall(r"`(\w+)`", members)):
                assert not each or hasattr(found, each), f"{module}.{name} has no {each}"
