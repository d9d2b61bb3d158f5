"""Renews what the documents show of programs' output: `python tools/docs.py [--write] [PAGE…]`.

Each page is done as it says (`documents.running`); without `--write` nothing is changed, and the exit
status is 1 if an output is not what the page shows. `docs/reference` is renewed by `tools/reference.py`.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from documents.pages import documents, steps, title
from documents.running import Course, follow


def main() -> int:
    """Renew or check the pages that are named, or all that show an output."""
    parser = argparse.ArgumentParser(description="Renew the outputs that documents show.")
    parser.add_argument("pages", nargs="*", type=Path, metavar="PAGE", help="default: all with an output")
    parser.add_argument("--write", action="store_true", help="change the pages")
    options = parser.parse_args()
    with_output = [page for page in documents() if any(step.output for step in steps(page.read_text()))]
    status = 0
    for page in [each.resolve() for each in options.pages] or with_output:
        with tempfile.TemporaryDirectory(prefix="testbed-docs-") as folder:
            course = follow(page, Path(folder))
        for fault in course.faults:
            print(fault, file=sys.stderr)
        stale = [pair for pair in course.printed if not pair[0].agrees(pair[1])]
        print(f"{title(page)}: {len(stale)} of {len(course.printed)} outputs differ")
        status |= bool(course.faults) or (bool(stale) and not options.write)
        if options.write and not course.faults:
            page.write_text(renewed(page.read_text(encoding="utf-8"), course), encoding="utf-8")
    return status


def renewed(text: str, course: Course) -> str:
    """A page with every output that differs put right.

    Raises:
        ValueError: An output is not there any more, because the page was changed meanwhile.
    """
    done = ""
    for output, printed in course.printed:
        fence = f"```text{output.block.options}\n"
        before, found, text = text.partition(f"{fence}{output.block.text}```\n")
        if not found:
            raise ValueError(f"the output of line {output.block.line} is not there any more; try again")
        done += before + (found if output.agrees(printed) else f"{fence}{output.shown(printed)}```\n")
    return done + text


if __name__ == "__main__":
    sys.exit(main())
