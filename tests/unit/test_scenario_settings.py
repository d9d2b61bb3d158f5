"""Settings of the command line win over the file, in every variant, and name themselves when wrong."""

from pathlib import Path

import pytest
import scenario_documents

from testbed.errors import ScenarioError
from testbed.scenario import load


def refusal(path: str, *settings: str) -> str:
    with pytest.raises(ScenarioError) as refused:
        load(path, settings=settings)
    return str(refused.value)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return scenario_documents.write(tmp_path)


def test_a_setting_changes_every_variant(path: str) -> None:
    scenario = load(path, settings=["sessions.player.scenes.1.rate=2 Gbit/s", "duration=12 s"])
    for variant in scenario.variants.values():
        assert variant.sessions["player"].scenes[1].rate_bps == 2_000_000_000
        assert variant.duration_ns == 12_000_000_000
    assert load(path).variants["elastic"].duration_ns == 10_000_000_000  # the control


def test_a_setting_wins_over_what_a_variant_writes_itself(tmp_path: Path) -> None:
    path = scenario_documents.write(tmp_path, ("best_effort: {}", "best_effort: {seed: 5}"))
    assert load(path).variants["best_effort"].seed == 5
    assert {variant.seed for variant in load(path, seed=7).variants.values()} == {7}


def test_a_setting_reaches_what_only_one_variant_has(path: str) -> None:
    scenario = load(path, settings=["sessions.player.channel.hold=1 s"])
    assert scenario.variants["best_effort"].sessions["player"].channel is None
    channel = scenario.variants["elastic"].sessions["player"].channel
    assert channel is not None
    assert channel.hold_ns == 1_000_000_000


def test_a_setting_leaves_removed_what_a_variant_removes(tmp_path: Path) -> None:
    path = scenario_documents.write(
        tmp_path,
        ("best_effort: {}", "best_effort: {background: {download: null}}"),
    )
    scenario = load(path, settings=["background.download.flows=8"])
    assert scenario.variants["best_effort"].background == {}
    assert scenario.variants["elastic"].background["download"].flows == 8


def test_a_setting_of_one_variant_leaves_the_other(path: str) -> None:
    scenario = load(path, settings=["variants.best_effort.placement.backup=false"])
    assert not scenario.variants["best_effort"].placement.backup
    assert scenario.variants["elastic"].placement.backup


def test_a_setting_makes_the_mapping_that_it_needs(path: str) -> None:
    assert not load(path, settings=["placement.backup=false"]).variants["elastic"].placement.backup


def test_a_setting_may_be_a_whole_mapping_or_list(path: str) -> None:
    flow = "{protocol: udp, source: home1, destination: home2, starts: 0 s, ends: 1 s, rate: 1 Mbit/s}"
    scenario = load(path, settings=[f"background.new={flow}", "network.parameters.extra=[tablet]"])
    assert list(scenario.variants["elastic"].background) == ["download", "new"]
    assert "tablet" in [station.name for station in scenario.networks["elastic"].stations]


@pytest.mark.parametrize("value", ["null", "", "~"])
def test_null_removes(path: str, value: str) -> None:
    assert load(path, settings=[f"background.download={value}"]).variants["elastic"].background == {}


def test_null_of_one_variant_removes_there_only(path: str) -> None:
    scenario = load(path, settings=["variants.elastic.background.download=null"])
    assert scenario.variants["elastic"].background == {}
    assert list(scenario.variants["best_effort"].background) == ["download"]


def test_later_settings_win(path: str) -> None:
    assert load(path, settings=["seed=3", "seed=4"]).variants["elastic"].seed == 4


def test_expectations_can_be_set(path: str) -> None:
    assert load(path, settings=["expect.0.at_most=9 ms"]).expectations[0].at_most == 9_000_000


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("duration", "is not KEY=VALUE; write for example --set duration='10 s'"),
        ("=3", "is not KEY=VALUE; write for example --set duration='10 s'"),
        ("duratoin=3 s", "duratoin: unknown key; did you mean 'duration'?"),
        ("sessions.plyer.job.weight=3", "sessions.plyer: unknown key; did you mean 'player'?"),
        ("sessions.player.jb.weight=3", "sessions.player.jb: unknown key; did you mean 'job'?"),
        ("sessions.player.job.wight=3", "sessions.player.job.wight: unknown key; did you mean 'weight'?"),
        ("sessions.gone=null", "sessions.gone: unknown key; known is player"),
        ("duration.length=3", "duration is a single value and has no key 'length'"),
        (
            "sessions.player.scenes.2.rate=1 Mbit/s",
            "sessions.player.scenes has 2 items, counted from 0; '2' is none of them",
        ),
        (
            "sessions.player.scenes.first.rate=1 Mbit/s",
            "sessions.player.scenes has 2 items, counted from 0; 'first' is none of them",
        ),
        ("variants.elstic.seed=3", "no variant 'elstic'; did you mean 'elastic'?"),
        ("variants.elastic=3", "names a whole variant; write variants.NAME.KEY=VALUE"),
        (
            "variants.elastic.expect=[]",
            "expect belongs to the whole file, not to a variant; write expect=…",
        ),
        ("duration=30", "duration: 30 is not a duration; write a number and a unit, as in '8 ms'"),
        ("duration=*x", "aliases (*x) are not read; write the value out"),
        ("title=[1", "is not YAML: while parsing a flow sequence"),
        ("network.parameters.capacty=3", "network.parameters.capacty: unknown key; did you mean 'capacity'?"),
        ("sessions.player.ends=1 min", "sessions.player.ends: 1 min is after the scenario's end at 10 s"),
    ],
)
def test_a_wrong_setting_names_itself(path: str, setting: str, message: str) -> None:
    assert refusal(path, setting).startswith(f"--set {setting}: {message}")


def test_a_wrong_seed_names_its_option(path: str) -> None:
    with pytest.raises(ScenarioError, match=r"^--seed -1: seed: -1 is too small; write at least 0$"):
        load(path, seed=-1)


def test_a_list_that_a_variant_replaces_must_have_the_item_too(tmp_path: Path) -> None:
    short = "best_effort: {sessions: {player: {scenes: [{name: only, at: 1 s, rate: 1 Mbit/s}]}}}"
    path = scenario_documents.write(tmp_path, ("best_effort: {}", short))
    setting = "sessions.player.scenes.1.rate=2 Mbit/s"
    assert "variants.best_effort.sessions.player.scenes has 1 item, counted from 0" in refusal(path, setting)
    load(path, settings=["sessions.player.scenes.0.rate=2 Mbit/s"])
