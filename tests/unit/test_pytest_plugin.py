"""The pytest plugin: where a test's scenarios run, where they are found, and what happens without a venue."""

import pytest

pytest_plugins = ["pytester"]

CONFTEST = """
import pytest
import testbed
from testbed.errors import NotReadyError

@pytest.fixture(autouse=True)
def recorded(monkeypatch, request):
    calls = []
    def run(scenario, **options):
        if scenario == "unready":
            raise NotReadyError("no kernel is built")
        if scenario == "crashing":
            options["out"].mkdir()
            raise NotReadyError("program x did not come up")
        calls.append((scenario, options))
        return calls
    monkeypatch.setattr(testbed, "run", run)
"""


def outcomes(pytester: pytest.Pytester, test: str, *options: str) -> pytest.RunResult:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test)
    return pytester.runpytest(*options)


def test_a_run_gets_a_folder_of_its_own_and_the_usual_venue(pytester: pytest.Pytester) -> None:
    test = """
        def test_it(testbed_run, tmp_path):
            testbed_run("cloud_gaming", seed=3)
            [(scenario, first), (_, second)] = testbed_run("cloud_gaming", variants=["elastic"])
            assert scenario == "cloud_gaming"
            assert (first["seed"], first["venue"], second["variants"]) == (3, "virtual", ["elastic"])
            assert [first["out"], second["out"]] == [tmp_path / "run1", tmp_path / "run2"]
    """
    outcomes(pytester, test).assert_outcomes(passed=1)


def test_a_scenario_is_found_beside_the_test(pytester: pytest.Pytester) -> None:
    pytester.makefile(".yaml", game="title: mine")
    test = """
        def test_it(testbed_run, request, monkeypatch, tmp_path):
            monkeypatch.chdir(tmp_path)
            [(scenario, _)] = testbed_run("game.yaml")
            assert scenario == str(request.path.parent / "game.yaml")
    """
    outcomes(pytester, test).assert_outcomes(passed=1)


def test_a_marker_goes_before_the_option_and_both_before_the_default(pytester: pytest.Pytester) -> None:
    test = """
        import pytest

        @pytest.mark.testbed_venue("virtual")
        def test_marked(testbed_run):
            assert testbed_run("x")[0][1]["venue"] == "virtual"

        def test_not_marked(testbed_run):
            assert testbed_run("x")[0][1]["venue"] == "host"
    """
    outcomes(pytester, test, "--testbed-venue", "host", "--strict-markers").assert_outcomes(passed=2)


def test_a_marker_that_names_no_venue_is_told(pytester: pytest.Pytester) -> None:
    test = """
        import pytest

        @pytest.mark.testbed_venue("moon")
        def test_it(testbed_run):
            testbed_run("x")
    """
    result = outcomes(pytester, test)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*testbed_venue('moon',) names no venue; write testbed_venue('virtual')*"])


def test_without_its_venue_a_test_is_skipped_and_says_why(pytester: pytest.Pytester) -> None:
    test = 'def test_it(testbed_run):\n    testbed_run("unready")'
    result = outcomes(pytester, test, "-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*the virtual venue is not ready: no kernel is built*"])


def test_a_venue_may_be_required(pytester: pytest.Pytester) -> None:
    test = 'def test_it(testbed_run):\n    testbed_run("unready")'
    outcomes(pytester, test, "--testbed-require").assert_outcomes(failed=1)


def test_a_run_that_fails_half_way_is_never_skipped(pytester: pytest.Pytester) -> None:
    """The control of skipping: the venue was there, and something else went wrong."""
    test = 'def test_it(testbed_run):\n    testbed_run("crashing")'
    outcomes(pytester, test).assert_outcomes(failed=1)
