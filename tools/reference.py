"""Writes docs/reference from the models, the parser and the errors: `python tools/reference.py`.

A test (tests/unit/test_docs_reference.py) says when it is stale.
"""

import sys
from collections.abc import Callable
from pathlib import Path

from documents import reference_commands, reference_keys, reference_results

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
PAGES: dict[str, Callable[[], str]] = {
    "scenario.md": reference_keys.page,
    "commands.md": reference_commands.page,
    "results.md": reference_results.page,
}
NOTE = (
    "\n<!-- Written by tools/reference.py; what it says is changed where it comes from, in the source. -->\n"
)


def main() -> int:
    """Write every page."""
    FOLDER.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page() + NOTE, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
