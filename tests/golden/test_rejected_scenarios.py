"""Every file in `rejected/` is refused with exactly the message in the text beside it."""

from pathlib import Path

import pytest

from testbed.errors import ScenarioError
from testbed.scenario import load, shipped

REJECTED = Path(__file__).parent / "rejected"
NAMES = sorted(path.stem for path in REJECTED.glob("*.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_a_rejected_file_is_told_what_to_mend(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REJECTED)  # messages show paths from the current folder
    with pytest.raises(ScenarioError) as refused:
        load(f"{name}.yaml")
    assert f"{refused.value}\n" == (REJECTED / f"{name}.txt").read_text()
    assert refused.value.exit_status == 2


def test_the_file_that_the_rejected_ones_are_made_from_is_accepted() -> None:
    """The control: what is refused is refused for its one fault."""
    scenario = load(str(Path(__file__).parent / "accepted" / "base.yaml"))
    assert scenario.summary() == "base: 2 variants (best_effort, elastic), 1 session, 1 flow, 30 s"


def test_every_key_of_a_channel_is_accepted() -> None:
    """The control of the rejected channels: at the bounds, nothing is refused."""
    scenario = load(str(Path(__file__).parent / "accepted" / "channels.yaml"))
    variant = scenario.variants["elastic"]
    channel = variant.sessions["player"].channel
    assert (variant.channels.provisioning_ns, variant.channels.sample_ns) == (100_000_000, 1_000_000)
    assert channel is not None
    assert (channel.priority, channel.weight, channel.preempts) == (10, 3, True)
    assert (channel.delay_budget_ns, channel.lifetime_ns) == (5_000_000, 20_000_000_000)


def test_every_expected_message_has_its_file() -> None:
    assert sorted(path.stem for path in REJECTED.glob("*.txt")) == NAMES


def test_every_message_names_the_file_and_is_one_line_a_fault() -> None:
    for name in NAMES:
        for line in (REJECTED / f"{name}.txt").read_text().splitlines():
            assert line.startswith(f"{name}.yaml:")


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_scenario_loads_and_survives_its_own_text(name: str, tmp_path: Path) -> None:
    scenario = load(name)
    copy = tmp_path / "copy.yaml"
    copy.write_text(scenario.text)
    assert load(str(copy)) == scenario


def test_scenarios_are_shipped() -> None:
    """The control of the test above: no names, no cases."""
    assert "cloud_gaming" in shipped()
