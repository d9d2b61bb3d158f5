"""The same seed gives the same bytes, whatever the host is doing; another seed gives other ones."""

from pathlib import Path

import pytest
from venue_boot import PYTHON, every_core_busy, run_inside

from testbed.venue.virtual import OUTPUT_IN_GUEST

PROBE = Path(__file__).with_name("determinism_probe.py")


def observed(output_dir: Path, *, seed: int = 1) -> bytes:
    """Everything that the probe could think of that might differ between two runs."""
    command = (PYTHON, str(PROBE), OUTPUT_IN_GUEST)
    outcome = run_inside(output_dir, *command, seed=seed, visible=(PROBE,))
    assert outcome.exit_status == 0, outcome.console_path.read_text()
    return (output_dir / "observed.txt").read_bytes()


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return observed(tmp_path_factory.mktemp("reference"))


def test_two_boots_see_the_same_bytes(tmp_path: Path, reference: bytes) -> None:
    assert observed(tmp_path) == reference


def test_a_busy_host_is_not_seen_inside(tmp_path: Path, reference: bytes) -> None:
    with every_core_busy():
        assert observed(tmp_path) == reference


def test_neither_the_host_s_environment_nor_paths_nor_terminal_are_seen(
    tmp_path: Path, reference: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_LONG_VARIABLE", "x" * 10_000)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.chdir("/usr")
    longer = tmp_path / "a_much_longer_path_than_that_of_the_other_runs" / "run"
    longer.parent.mkdir()
    assert observed(longer) == reference


def test_another_seed_sees_other_bytes(tmp_path: Path, reference: bytes) -> None:
    other = dict(line.split(" = ", 1) for line in observed(tmp_path, seed=2).decode().splitlines())
    first = dict(line.split(" = ", 1) for line in reference.decode().splitlines())
    assert other.keys() == first.keys()
    for random_thing in ("urandom", "hash", "uuid", "jittered delays"):
        assert other[random_thing] != first[random_thing]
