"""The report in a real browser: it draws, stays offline, complains about nothing and fits a phone."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from headless import CHROMIUM, OPEN_ALL, TOLD_BY_COLOUR_ALONE, Page

SYNTHETIC_RUN = Path(__file__).parents[1] / "unit" / "synthetic_run.py"
SYNTHETIC_SWEEP = SYNTHETIC_RUN.with_name("synthetic_sweep.py")
SYNTHETIC_WORK = SYNTHETIC_RUN.with_name("synthetic_work.py")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here to show the report in")

EVENTS_SHOWN = "[...document.querySelectorAll('#event-table tbody tr')].filter(row => !row.hidden).length"
DRAWN = "[...document.querySelectorAll('.plot')].map(plot => plot.querySelectorAll('.trace').length)"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    run = tmp_path_factory.mktemp("browser") / "run"
    subprocess.run([sys.executable, SYNTHETIC_RUN, run], check=True)
    return (run / "report.html").as_uri()


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> str:
    run = tmp_path_factory.mktemp("sweep") / "run"
    subprocess.run([sys.executable, SYNTHETIC_SWEEP, run], check=True)
    return (run / "report.html").as_uri()


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> str:
    run = tmp_path_factory.mktemp("work") / "run"
    subprocess.run([sys.executable, SYNTHETIC_WORK, run], check=True)
    return (run / "report.html").as_uri()


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    assert CHROMIUM is not None
    with Page(CHROMIUM) as page:
        yield page


@pytest.mark.parametrize("colour_scheme", ["light", "dark"])
@pytest.mark.parametrize("width_px", [390, 1280])
def test_the_report_draws_its_plots_and_complains_about_nothing(
    page: Page, address: str, width_px: int, colour_scheme: str
) -> None:
    page.open(address, width_px, colour_scheme)
    drawn = page.evaluate(DRAWN)
    assert len(drawn) == 5
    assert all(traces >= 2 for traces in drawn)
    assert page.evaluate("document.querySelectorAll('svg.network rect.station').length") == 26
    assert page.complaints() == []
    assert page.requests() == [address]


@pytest.mark.parametrize("width_px", [390, 1280])
def test_the_page_never_scrolls_sideways(page: Page, address: str, width_px: int) -> None:
    page.open(address, width_px)
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width_px


WIDE_TABLES = """[...document.querySelectorAll('.scroll')].filter(
  place => place.querySelector('table') && place.scrollWidth > place.clientWidth
).map(place => place.getAttribute('aria-label'))"""
STACKED = "document.querySelectorAll('table.stacked').length"
UNSTACK = "document.querySelectorAll('table.stacked').forEach(table => table.classList.remove('stacked'))"
FIRST_CELL = """(cell => [
  cell.getAttribute('role'), cell.dataset.name, getComputedStyle(cell, '::before').content
])(document.querySelector('table.stacked td'))"""


@pytest.mark.parametrize("pages", ["address", "sweep", "work"])
def test_on_a_phone_a_wide_table_is_shown_row_by_row_with_its_columns_names(
    page: Page, pages: str, request: pytest.FixtureRequest
) -> None:
    page.open(request.getfixturevalue(pages), 390)
    page.evaluate(OPEN_ALL)
    assert page.evaluate(STACKED) >= 3
    assert page.evaluate(WIDE_TABLES) == []
    role, name, shown = page.evaluate(FIRST_CELL)
    assert role == "cell"
    assert shown == f'"{name}"'
    page.evaluate(UNSTACK)
    assert len(page.evaluate(WIDE_TABLES)) >= 3, "without the script the tables would be too wide"


def test_on_a_desk_a_table_is_a_table(page: Page, address: str) -> None:
    page.open(address, 1280)
    page.evaluate(OPEN_ALL)
    assert page.evaluate(STACKED) == 0


LEGENDS_IN_THE_WAY = """[...document.querySelectorAll('.plot')].filter(plot => {
  const box = name => plot.querySelector(name).getBoundingClientRect();
  return box('.legend').top < box('.modebar').bottom || box('.legend').bottom > box('.plotbg, .bglayer').top
    || box('.legend').right > innerWidth;
}).map(plot => plot.id)"""


@pytest.mark.parametrize("width_px", [390, 1280])
def test_twelve_variants_and_measured_flows_are_drawn_and_their_legends_keep_clear(
    page: Page, sweep: str, width_px: int
) -> None:
    page.open(sweep, width_px)
    drawn = page.evaluate(DRAWN)
    assert len(drawn) == 1 + 2 + 2 * 3
    assert drawn[0] == 4 * 3
    assert all(traces >= 11 for traces in drawn)  # nothing of `up` arrives in the last variant
    assert page.evaluate(LEGENDS_IN_THE_WAY) == []
    assert page.evaluate(TOLD_BY_COLOUR_ALONE) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width_px
    assert page.complaints() == []


WORDS_BEYOND_THEIR_PLOT = """[...document.querySelectorAll('.plot')].filter(plot => {
  const right = plot.querySelector('.plotbg, .bglayer').getBoundingClientRect().right;
  return [...plot.querySelectorAll('.annotation-text-g text')].some(
    text => text.textContent.includes('(') && text.getBoundingClientRect().right > right + 2);
}).map(plot => plot.id)"""


@pytest.mark.parametrize("colour_scheme", ["light", "dark"])
@pytest.mark.parametrize("width_px", [390, 1280])
def test_work_on_nodes_and_what_breaks_is_drawn_and_fits(
    page: Page, work: str, width_px: int, colour_scheme: str
) -> None:
    page.open(work, width_px, colour_scheme)
    drawn = page.evaluate(DRAWN)
    # Probes twice, recoveries once; clients, experts and requests twice each, a transfer three times.
    assert len(drawn) == 2 + 1 + 3 * 2 + 3
    assert all(traces >= 2 for traces in drawn)
    assert page.evaluate(LEGENDS_IN_THE_WAY) == []
    assert page.evaluate(WORDS_BEYOND_THEIR_PLOT) == []
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width_px
    assert page.complaints() == []
    assert page.requests() == [work]


def test_a_page_that_is_too_wide_would_be_noticed(page: Page, address: str) -> None:
    page.open(address, 390)
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<div style=width:500px>wide</div>')")
    assert page.evaluate("document.documentElement.scrollWidth") > 390


def test_a_request_from_the_page_is_forbidden_by_the_page(page: Page, address: str) -> None:
    page.open(address, 1280)
    assert page.evaluate("fetch('http://127.0.0.1:9/').then(() => 'sent', () => 'refused')") == "refused"
    assert any("Content Security Policy" in complaint for complaint in page.complaints())


def test_no_button_of_a_plot_leads_outside(page: Page, address: str) -> None:
    page.open(address, 1280)
    titles = page.evaluate(
        "[...document.querySelectorAll('.modebar-btn')].map(button => button.dataset.title)"
    )
    assert set(titles) == {"Zoom", "Pan", "Zoom in", "Zoom out", "Reset axes", "Download plot as a PNG"}


def test_the_colours_of_the_plots_follow_the_theme(page: Page, address: str) -> None:
    colour = "getComputedStyle(document.querySelector('.plot .xtick text')).fill"
    page.open(address, 1280, "light")
    light = page.evaluate(colour)
    page.open(address, 1280, "dark")
    assert page.evaluate(colour) != light


def test_the_events_can_be_filtered(page: Page, address: str) -> None:
    page.open(address, 1280)
    everything = page.evaluate(EVENTS_SHOWN)
    page.evaluate(
        "(box => { box.value = 'elastic RESIZE'; box.dispatchEvent(new Event('input')); })"
        "(document.getElementById('event-filter'))"
    )
    assert everything == 31
    assert page.evaluate(EVENTS_SHOWN) == 4
    assert page.evaluate("document.getElementById('event-count').textContent") == "4 of 31"


def test_the_delay_axis_can_be_logarithmic(page: Page, address: str) -> None:
    page.open(address, 1280)
    page.evaluate("document.querySelector('[data-logarithmic]').click()")
    assert page.evaluate("document.querySelector('.plot').layout.yaxis.type") == "log"
    assert page.complaints() == []
