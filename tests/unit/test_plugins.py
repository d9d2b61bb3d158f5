"""What installed packages bring: found by name when asked for, refused with who, where and what to do."""

from pathlib import Path

import pytest
import scenario_documents
from example_install import install, install_example, lies_on_the_path

from testbed.api.profiles import SHIPPED as SHIPPED_PROFILES
from testbed.api.profiles import load_profiles
from testbed.channel import ClassCounters, Need, Observation, policy_called
from testbed.channel.interface import OfferedLoad
from testbed.errors import ScenarioError
from testbed.model.base import DOWNSTREAM, FROM_TEXT
from testbed.model.channel import CHANNEL_POLICIES, ResizePolicy
from testbed.model.placement import Placement, PlacementPolicy
from testbed.placement import JobPlacement, JobRequest, Node, PairDelays, Refused, Scheduler
from testbed.plugins import ExtensionError, Kind, Origin
from testbed.scenario import load
from testbed.scenario.extensions import origins
from testbed.scenario.json_schema import json_schema

POLICIES = "testbed.channel_policies"
GOOD = """
from testbed.channel import Answer, Need
uses_scenes, uses_counters = True, False
def decide(told):
    return Answer(Need(rate_bps=told.peak_bps, reason="all of it"))
"""


def brings(
    monkeypatch: pytest.MonkeyPatch, folder: Path, text: str, group: str = POLICIES, name: str = "mine"
) -> None:
    """A package whose one entry point is a module of this text."""
    lies_on_the_path(
        monkeypatch, install(folder / "packages", {"acme_policy": text}, {group: {name: "acme_policy"}})
    )


def told(**changes: object) -> Observation:
    bounds = {"committed_bps": 10, "peak_bps": 100, "serialisation_ns": 10**6, "hold_ns": 0}
    return Observation(direction=DOWNSTREAM, now_ns=5, rate_bps=10, **bounds)._replace(**changes)


def refused(policy: str, folder: Path) -> str:
    channel = f"channel:\n          policy: {policy}"
    with pytest.raises(ScenarioError) as error:
        load(scenario_documents.write(folder, ("channel:", channel)))
    return str(error.value)


# Names


def test_a_shipped_name_is_found_without_looking_at_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    def looked(**_: object) -> None:
        raise AssertionError("packages were looked at")

    monkeypatch.setattr("importlib.metadata.entry_points", looked)
    monkeypatch.syspath_prepend("/nowhere")  # whatever was found before was found along another path
    for policy in ResizePolicy:
        assert policy_called(policy) is policy_called(str(policy))
        assert Kind(group="none", noun="thing", shipped=(str(policy),)).origin(policy) is None
    with pytest.raises(AssertionError, match="looked at"):
        CHANNEL_POLICIES.origin("mine")  # the control


def test_an_unknown_name_is_told_what_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert refused("rachet", tmp_path).endswith(
        "sessions.player.channel.policy: 'rachet' is no channel policy; shipped are static, signalled, "
        "measured, predictive, and no package brings it"
    )
    lies_on_the_path(monkeypatch, install_example(tmp_path / "packages"))
    assert refused("rachet", tmp_path).endswith(
        "'rachet' is no channel policy (did you mean 'ratchet'?); shipped are static, signalled, measured, "
        "predictive, and installed packages bring ratchet"
    )


def test_a_name_that_two_packages_bring_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("acme", "bolt"):
        points = {POLICIES: {"mine": "acme_policy"}}
        lies_on_the_path(monkeypatch, install(tmp_path / name, {"acme_policy": GOOD}, points, name=name))
    with pytest.raises(ExtensionError) as error:
        policy_called("mine")
    assert (
        str(error.value) == "acme 3.1 and bolt 3.1 both bring a channel policy 'mine'; uninstall one of them"
    )


def test_a_shipped_name_cannot_be_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    brings(monkeypatch, tmp_path, GOOD, name="static")
    assert policy_called("static").decide(told()).need.rate_bps == 10


# Loading


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1 / 0\n", "cannot be loaded: acme_policy.py, line 1: ZeroDivisionError: division by zero"),
        ("def decide(:\n", "cannot be loaded: {folder}/acme_policy.py, line 1: invalid syntax"),
        ("import nowhere_at_all\n", "cannot be loaded: acme_policy.py, line 1: ModuleNotFoundError"),
        ("uses_scenes = uses_counters = True\n", "has no function decide, called with 1 value"),
        ("def decide(told): ...\n", "has no uses_scenes that is True or False"),
    ],
    ids=["error", "syntax", "import", "function", "attribute"],
)
def test_what_does_not_load_or_is_no_policy_is_told_with_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, why: str
) -> None:
    brings(monkeypatch, tmp_path, text)
    found = refused("mine", tmp_path)
    assert "small.yaml:" in found
    who = "the channel policy 'mine' of acme 3.1 (entry point acme_policy) "
    assert f"sessions.player.channel.policy: {who}{why.format(folder=tmp_path / 'packages')}" in found


@pytest.mark.parametrize(
    ("group", "keys", "placement"),
    [
        ("testbed.placement_policies", "placement.policy", "policy: mine"),
        ("testbed.placement_scores", "placement.scores.mine", "scores: {mine: 5}"),
    ],
)
def test_what_places_jobs_is_loaded_before_a_run_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group: str, keys: str, placement: str
) -> None:
    brings(monkeypatch, tmp_path, "1 / 0\n", group)
    path = scenario_documents.write(tmp_path, ("title:", f"placement: {{{placement}}}\ntitle:"))
    with pytest.raises(ScenarioError, match=rf"small\.yaml:1: {keys}: the placement \w+ 'mine' of acme 3\.1"):
        load(path)


def test_a_topology_that_is_no_module_or_lacks_something_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = {"testbed.topologies": {"bare": "acme_policy", "number": "acme_policy:NUMBER"}}
    lies_on_the_path(monkeypatch, install(tmp_path / "packages", {"acme_policy": "NUMBER = 1\n"}, points))
    for name, why in (
        ("bare", "defines no class Parameters(testbed.model.base.Value)"),
        ("number", "is no module; let the entry point name one"),
    ):
        path = scenario_documents.write(tmp_path, ("small.py", name))
        with pytest.raises(ScenarioError) as error:
            load(path)
        assert f"small.yaml:3: network.topology: the topology '{name}' of acme 3.1" in str(error.value)
        assert why in str(error.value)


def test_an_entry_point_that_names_nothing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    points = {POLICIES: {"mine": "acme_policy:absent"}}
    lies_on_the_path(monkeypatch, install(tmp_path / "packages", {"acme_policy": GOOD}, points))
    assert "has no attribute 'absent'; mend or reinstall acme 3.1" in refused("mine", tmp_path)


def test_a_class_is_no_policy_and_an_instance_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = "uses_scenes, uses_counters = True, False\n    def decide(self, told): return decide(told)"
    text = f"{GOOD}\nclass Mine:\n    {body}\nmine = Mine()\n"
    points = {POLICIES: {"class": "acme_policy:Mine", "instance": "acme_policy:mine"}}
    lies_on_the_path(monkeypatch, install(tmp_path / "packages", {"acme_policy": text}, points))
    with pytest.raises(ExtensionError, match="is a class; let the entry point name an instance of it"):
        policy_called("class")
    assert policy_called("instance").decide(told()).need == Need(rate_bps=100, reason="all of it")


def test_the_schema_offers_what_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offered() -> tuple[list[str], list[str], bool]:
        definitions = json_schema()["$defs"]
        of = [definitions[name]["properties"]["policy"]["enum"] for name in ("ChannelRequest", "Placement")]
        campus = "campus" in definitions["NetworkChoice"]["properties"]["topology"]["examples"]
        return of[0][4:], of[1][9:], campus

    assert offered() == ([], [], False)
    lies_on_the_path(monkeypatch, install_example(tmp_path))
    assert offered() == (["ratchet"], ["consolidate"], True)


def test_a_scenario_tells_which_packages_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert origins(load("cloud_gaming").variants.values()) == []
    lies_on_the_path(monkeypatch, install_example(tmp_path))
    scenario = scenario_documents.write(
        tmp_path,
        ("title:", "placement: {scores: {energy: 5}}\ntitle:"),
        ("channel:", "channel:\n          policy: ratchet"),
    )
    names = [origin.name for origin in origins(load(scenario).variants.values())]
    assert names == ["ratchet", "energy"]
    ours = Origin(
        group=POLICIES,
        name="ratchet",
        distribution="example-testbed",
        version="1.2.0",
        entry_point="example_testbed.ratchet",
    )
    assert CHANNEL_POLICIES.origin("ratchet") == ours


# Channel policies


def test_a_profile_of_the_api_may_name_a_policy_that_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as it is mended, the served network never comes to ask for it."""
    path = tmp_path / "profiles.yaml"
    path.write_text(SHIPPED_PROFILES.read_text().replace("policy: measured", "policy: mine", 1))
    brings(monkeypatch, tmp_path, GOOD)
    assert "mine" in [profile.channel.policy for profile in load_profiles(path)]
    (tmp_path / "packages" / "acme_policy.py").write_text("1 / 0  # broken\n")
    lies_on_the_path(monkeypatch, tmp_path / "packages")
    monkeypatch.syspath_prepend(str(tmp_path))  # another path, so that it is loaded again
    with pytest.raises(ScenarioError, match=r"channel\.policy: the channel policy 'mine' of acme 3.1"):
        load_profiles(path)


def test_a_policy_of_a_package_is_asked_as_the_shipped_ones_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lies_on_the_path(monkeypatch, install_example(tmp_path))
    ratchet = policy_called("ratchet")
    assert (ratchet.uses_scenes, ratchet.uses_counters) == (True, False)
    wide = told(peak_bps=10**9, scene="uhd", load=OfferedLoad(mean_bps=60_000_000, burst_bytes=1, burst=""))
    need, memory = ratchet.decide(wide)
    assert (need, memory) == (Need(rate_bps=100_000_000, reason="2 steps, up to scene uhd"), 60_000_000)
    less = wide._replace(load=OfferedLoad(mean_bps=1, burst_bytes=1, burst=""), memory=memory)
    assert ratchet.decide(less).need.rate_bps == 100_000_000


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (
            "Answer(Need(rate_bps=9, reason=''))",
            "wants 9 bit/s; it must be a whole number from 10 bit/s to 100 bit/s",
        ),
        ("Answer(Need(rate_bps=101, reason=''))", "wants 101 bit/s"),
        ("Answer(Need(rate_bps=50.0, reason=''))", "wants 50.0 bit/s"),
        ("Answer(Need(rate_bps=True, reason=''))", "wants true bit/s"),
        ("50", "answered 50, which is no Answer with a Need"),
        ("None", "answered null, which is no Answer with a Need"),
        ("told.load.mean_bps", "failed: acme_policy.py, line 5: AttributeError: 'NoneType' object"),
    ],
)
def test_an_answer_that_cannot_be_is_refused_and_not_bent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, why: str
) -> None:
    brings(
        monkeypatch,
        tmp_path,
        GOOD.replace('Answer(Need(rate_bps=told.peak_bps, reason="all of it"))', answer),
    )
    with pytest.raises(ExtensionError) as error:
        policy_called("mine").decide(told())
    who = "the channel policy 'mine' of acme 3.1 (entry point acme_policy), asked downstream at 5 ns, "
    assert str(error.value).startswith(who + why)


def test_a_policy_that_uses_counters_is_held_to_their_rules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    brings(monkeypatch, tmp_path, GOOD.replace("True, False", "False, True"))
    document = scenario_documents.write(
        tmp_path,
        ("title:", "channels: {sample: 600 ms}\ntitle:"),
        ("channel:", "channel:\n          policy: mine"),
    )
    with pytest.raises(ScenarioError, match="600 ms: a mine channel would follow every reading"):
        load(document)
    assert policy_called("mine").decide(
        told(counted=ClassCounters(interval_ns=1, sent_bytes=0, backlog_bytes=0))
    )


# Placement


def fleet(policy: Placement, used: int = 0, explained: bool = True) -> Scheduler:
    """Two nodes: `far` has work of this weight."""
    nodes = [Node(name="near", capacity=10), Node(name="far", capacity=10)]
    delays = PairDelays({("home", "near"): 1000, ("home", "far"): 2000, ("near", "far"): 2000})
    scheduler = Scheduler(nodes, delays, policy, explained=explained)
    if used:
        scheduler.fleet.run(1, JobRequest(name="there", weight=used))
    return scheduler


def placed(scheduler: Scheduler) -> JobPlacement | Refused:
    outcome = scheduler.place(JobRequest(name="job", weight=4, partners={"home": 1.0}, backup=False))[-1]
    assert isinstance(outcome, JobPlacement | Refused)
    return outcome


def test_a_placement_policy_of_a_package_chooses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lies_on_the_path(monkeypatch, install_example(tmp_path))
    chosen = [placed(fleet(Placement(policy="consolidate"), used)) for used in (0, 1, 7)]
    assert [outcome.node for outcome in chosen if isinstance(outcome, JobPlacement)] == [
        "near",
        "far",
        "near",
    ]
    assert chosen[1].reason.startswith("consolidate: far of 2 that can, then 5 of 10 used")


def test_a_further_score_counts_by_its_weight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Near: load 60, delay 50, energy 0. Far: load 50, delay 0, energy 100."""
    lies_on_the_path(monkeypatch, install_example(tmp_path))
    light, heavy = (Placement(scores={"energy": weight}) for weight in (20, 50))
    first, second = (placed(fleet(policy, used=1)) for policy in (light, heavy))
    assert isinstance(first, JobPlacement)
    assert isinstance(second, JobPlacement)
    assert (first.node, second.node) == ("near", "far")
    assert first.scores == {"near": pytest.approx(56 / 1.2), "far": pytest.approx((30 + 20) / 1.2)}
    assert "energy 100.0 x 20" in first.reason
    assert isinstance(plain := placed(fleet(Placement(), used=1)), JobPlacement)  # the control: without it
    assert plain.scores == {"near": pytest.approx(56), "far": pytest.approx(30)}
    for policy in (light, heavy):
        quick = placed(fleet(policy, used=1, explained=False))
        assert isinstance(quick, JobPlacement)
        assert quick.node == (first if policy is light else second).node


def test_all_weights_may_be_those_of_further_scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lies_on_the_path(monkeypatch, install_example(tmp_path))
    placement = Placement(load_weight=0, delay_weight=0, scores={"energy": 1})
    assert isinstance(outcome := placed(fleet(placement, used=1)), JobPlacement)
    assert outcome.scores == {"near": 0, "far": 100}
    with pytest.raises(ValueError, match="at least one of them must count"):
        Placement(load_weight=0, delay_weight=0, scores={"energy": 0})
    with pytest.raises(ValueError, match="are nothing to nearest; policy: supernode goes by scores"):
        Placement(policy=PlacementPolicy.NEAREST, scores={"energy": 1})
    with pytest.raises(ValueError, match="'enrgy' is no placement score"):
        Placement.model_validate({"scores": {"enrgy": 1}}, context=FROM_TEXT)


CHOICE = "def looks_at_delays(placement):\n    return False\ndef choose(question):\n    return {}\n"
SCORE = "def scores(question):\n    return {}\n"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("2", "chose node number 2; there are 0 to 1"),
        ("-1", "chose node number -1"),
        ("'near'", "chose 'near'; that is to be a node's number, or None"),
        ("1", "chose far, which cannot take it: needs 4, 3 of 10 free"),
        ("1 // 0", "failed: acme_policy.py, line 4: ZeroDivisionError"),
    ],
)
def test_a_choice_that_cannot_be_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, why: str
) -> None:
    brings(monkeypatch, tmp_path, CHOICE.format(answer), "testbed.placement_policies")
    with pytest.raises(ExtensionError) as error:
        placed(fleet(Placement(policy="mine"), used=7))
    who = "the placement policy 'mine' of acme 3.1 (entry point acme_policy), asked for job, "
    assert str(error.value).startswith(who + why)


def test_a_policy_may_choose_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    brings(monkeypatch, tmp_path, CHOICE.format("None"), "testbed.placement_policies")
    outcome = placed(fleet(Placement(policy="mine")))
    assert isinstance(outcome, Refused)
    assert outcome.reason == "mine chose none of 2 nodes that can take it"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("[1.0]", "gave 1 scores; there are 2 nodes"),
        ("50.0", "gave 1 scores; there are 2 nodes"),
        ("[0.0, 100.5]", "scores far 100.5; a score is 0 to 100"),
        ("[float('nan'), 1.0]", "scores near nan; a score is 0 to 100"),
        ("['a', 'b']", "failed: plugin_policies.py, line"),
        ("[question.fraction('x') * 200 - 300] * 2", "scores near -"),
        ("question.used.fill(0)", "failed: acme_policy.py, line 2: ValueError: assignment destination is"),
    ],
)
def test_a_score_that_is_none_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, why: str
) -> None:
    brings(monkeypatch, tmp_path, SCORE.format(answer), "testbed.placement_scores")
    with pytest.raises(ExtensionError) as error:
        placed(fleet(Placement(scores={"mine": 5})))
    who = "the placement score 'mine' of acme 3.1 (entry point acme_policy), asked for job, "
    assert str(error.value).startswith(who + why)


def test_what_is_drawn_for_a_job_follows_from_seed_job_and_purpose() -> None:
    def drawn(seed: int, job: str, purpose: str) -> float:
        scheduler = Scheduler([Node(name="n", capacity=1)], PairDelays({}), seed=seed)
        return scheduler._holdings.question(JobRequest(name=job, weight=1)).fraction(purpose)

    first = drawn(1, "a", "x")
    assert 0 <= first < 1
    assert first == drawn(1, "a", "x")
    assert len({first, drawn(2, "a", "x"), drawn(1, "b", "x"), drawn(1, "a", "y")}) == 4
