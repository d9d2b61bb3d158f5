"""Every page of the documents, done as it says: its scenarios and commands run, its outputs compared.

What is run, shortened or left to other tests, and why, is in `tools/documents/table.py`.
"""

from pathlib import Path

import pytest
from documents.pages import PROJECT, documents, steps, title
from documents.running import follow
from documents.table import TABLE, Elsewhere
from venue_boot import embedded_kernel

RENEW = "python tools/docs.py --write"


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("page", [page for page in documents() if steps(page.read_text())], ids=title)
def test_a_page_can_be_done_as_it_says(page: Path, tmp_path: Path) -> None:
    embedded_kernel()
    course = follow(page, tmp_path)
    assert not course.faults, "\n\n".join(course.faults)
    stale = [output.block.line for output, printed in course.printed if not output.agrees(printed)]
    assert not stale, f"{title(page)}: the outputs of lines {stale} are others now; renew them: {RENEW}"


@pytest.mark.parametrize("how", [how for how in TABLE.values() if isinstance(how, Elsewhere)], ids=str)
def test_a_test_that_is_named_in_place_of_a_run_is_there(how: Elsewhere) -> None:
    assert (PROJECT / how.test).is_file()
