"""The pages of a sweep and of a comparison in a real browser: drawn, offline, and fit for a phone."""

from collections.abc import Iterator

import pytest
import synthetic_run
from headless import CHROMIUM, OPEN_ALL, TOLD_BY_COLOUR_ALONE, Page
from synthetic_seeds import FAILED, plan, write_sweep

from testbed.report.compare_page import write_page
from testbed.report.comparison import compared

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here to show the pages in")

UNDRAWN = "[...document.querySelectorAll('.plot')].filter(plot => !plot.querySelector('.trace')).length"
WIDE = (
    "[...document.querySelectorAll('.scroll')].filter(place => place.scrollWidth > place.clientWidth).length"
)


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("pages")
    runs = [synthetic_run.make_run(folder / name) for name in ("before", "after")]
    comparison = folder / "compare.html"
    write_page(compared(runs), comparison)
    sweep = write_sweep(folder / "sweep", plan(), [FAILED])
    return {"sweep": sweep.report_path.as_uri(), "compare": comparison.as_uri()}


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    assert CHROMIUM is not None
    with Page(CHROMIUM) as page:
        yield page


@pytest.mark.parametrize("colour_scheme", ["light", "dark"])
@pytest.mark.parametrize("width_px", [390, 1280])
@pytest.mark.parametrize("name", ["sweep", "compare"])
def test_the_page_is_drawn_offline_and_nothing_of_it_is_wider_than_the_screen(
    page: Page, addresses: dict[str, str], name: str, width_px: int, colour_scheme: str
) -> None:
    page.open(addresses[name], width_px, colour_scheme)
    page.evaluate(OPEN_ALL)
    assert page.evaluate("document.querySelectorAll('.plot').length") > 0
    assert page.evaluate(UNDRAWN) == 0
    assert page.evaluate(TOLD_BY_COLOUR_ALONE) == []
    assert page.evaluate(WIDE) == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width_px
    assert page.complaints() == []
    assert page.requests() == [addresses[name]]


@pytest.mark.parametrize("name", ["sweep", "compare"])
def test_the_page_without_its_stacked_tables_would_be_too_wide_for_a_phone(
    page: Page, addresses: dict[str, str], name: str
) -> None:
    page.open(addresses[name], 390)
    page.evaluate(OPEN_ALL)
    page.evaluate("document.querySelectorAll('.stacked').forEach(table => table.classList.remove('stacked'))")
    assert page.evaluate(WIDE) > 0
