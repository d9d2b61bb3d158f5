"""A pytest plugin: scenarios as tests of a project of one's own.

    def test_the_game_is_near(testbed_run):
        run = testbed_run("game.yaml", seed=3)
        assert run.number("elastic", "player", "downstream", "p99") < 10_000_000

Installed with the testbed; it does nothing until a test asks for `testbed_run`. What a run needs is loaded
then, not when pytest starts.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from testbed.venue.registry import VENUES, default_venue

if TYPE_CHECKING:
    from testbed.cli.python import Run

_MARKER = "testbed_venue(name): run this test's scenarios in this venue: virtual (the default) or host"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the plugin's options; pytest's name."""
    group = parser.getgroup("testbed", "network emulation testbed")
    group.addoption(
        "--testbed-venue",
        choices=tuple(VENUES),
        help="where scenarios run, for tests without a marker testbed_venue (default: virtual)",
    )
    group.addoption(
        "--testbed-require",
        action="store_true",
        help="fail tests whose venue is not ready (no kernel built, no right to), instead of skipping them",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker; pytest's name."""
    config.addinivalue_line("markers", _MARKER)


@pytest.fixture
def testbed_run(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., "Run"]:
    """Runs a scenario and gives its `Run`: numbers, tables, and the directory with everything else.

    Called as `testbed.run`, without `out`: each run lies in the test's own temporary folder, so that pytest
    keeps those of the last tests. A relative path counts from the test's file.
    """
    venue = _venue(request)
    runs = 0

    def run(
        scenario: str | Path | Mapping[str, Any],
        *,
        seed: int | None = None,
        variants: Sequence[str] = (),
        settings: Sequence[str] = (),
    ) -> "Run":
        import testbed
        from testbed.errors import NotReadyError

        nonlocal runs
        runs += 1
        out = tmp_path / f"run{runs}"
        found = scenario if isinstance(scenario, Mapping) else _found(str(scenario), request.path.parent)
        try:
            return testbed.run(found, seed=seed, variants=variants, settings=settings, venue=venue, out=out)
        except NotReadyError as error:
            # A program that did not come up leaves a run directory; a venue that is not there leaves none.
            if out.exists() or request.config.getoption("--testbed-require"):
                raise
            pytest.skip(f"the {venue} venue is not ready: {error}")

    return run


def _venue(request: pytest.FixtureRequest) -> str:
    marker = request.node.get_closest_marker("testbed_venue")
    venue: str = request.config.getoption("--testbed-venue") or default_venue()
    if marker is not None:
        venue = marker.args[0] if len(marker.args) == 1 else ""
    if venue not in VENUES:
        raise pytest.UsageError(
            f"{request.node.nodeid}: testbed_venue{marker.args if marker else ''} names no venue; "
            f"write {' or '.join(f'testbed_venue({name!r})' for name in VENUES)}"
        )
    return venue


def _found(scenario: str, folder: Path) -> str:
    """A path beside the test's file; anything else is a shipped scenario's name, or a path as it is."""
    beside = folder / scenario
    return str(beside) if beside.is_file() else scenario
