"""Lists the module names and the class names that occur more than once in a package.

    python tools/names.py            # of testbed/
    python tools/names.py FOLDER     # of another source tree

Private classes (`_Name`) count too: a reader who searches for a class finds them all.
"""

import ast
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

PROJECT = Path(__file__).parents[1]

Places = Mapping[str, list[str]]
"""For each name, the files that define it, sorted."""


def modules(sources: Iterable[Path], root: Path) -> Places:
    """The modules by name; a package's `__init__` is left out."""
    found: dict[str, list[str]] = {}
    for path in sources:
        if path.stem != "__init__":
            found.setdefault(path.stem, []).append(str(path.relative_to(root)))
    return found


def classes(sources: Iterable[Path], root: Path) -> Places:
    """The top-level classes by name, without leading underscores."""
    found: dict[str, list[str]] = {}
    for path in sources:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name.lstrip("_"), []).append(str(path.relative_to(root)))
    return found


def repeated(places: Places) -> Places:
    """The names that occur more than once."""
    return {name: found for name, found in sorted(places.items()) if len(found) > 1}


def main(folder: Path) -> None:
    """Print both lists, each with its count."""
    sources = sorted(folder.rglob("*.py"))
    for what, places in (("module", modules(sources, folder)), ("class", classes(sources, folder))):
        twice = repeated(places)
        print(f"{len(twice)} {what} names occur more than once, in {sum(map(len, twice.values()))} files")
        for name, found in twice.items():
            print(f"  {name}: {', '.join(found)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else PROJECT / "testbed")
