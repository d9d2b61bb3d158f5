"""The example of docs/testing-with-pytest.md runs as it stands, in a project of its own."""

import os
import re
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

# Read before pytester moves the home away, and the kernels with it.
CACHE = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
PAGE = Path(__file__).parents[2] / "docs" / "testing-with-pytest.md"


def test_the_documented_project_passes_and_its_control_fails(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", CACHE)
    files = dict(re.findall(r"`(\S+\.(?:yaml|py))`:\n\n```\w+\n(.*?)^```$", PAGE.read_text(), re.M | re.S))
    assert sorted(files) == ["game.yaml", "test_delay.py"]
    for name, text in files.items():
        (pytester.path / name).write_text(text)
    result = pytester.runpytest_subprocess("--testbed-require")
    result.assert_outcomes(passed=2)

    stricter = files["test_delay.py"].replace("< 5_000_000", "< 5")
    assert stricter != files["test_delay.py"]
    (pytester.path / "test_delay.py").write_text(stricter)
    pytester.runpytest_subprocess("--testbed-require").assert_outcomes(passed=1, failed=1)
