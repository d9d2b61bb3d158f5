"""QoS profiles: the file that maps them to channels, what it promises, and who may see which."""

from pathlib import Path
from typing import Any

import pytest
from api_caller import HOME, OTHER_HOME, PROFILE_LIST, PROFILES, RETRIEVE_PROFILES, Caller, refused
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.api.measures import Rate, RateUnit, TimeSpan, TimeUnit, rate_at_most, time_span
from testbed.api.profiles import Profile, load_profiles
from testbed.errors import ScenarioError
from testbed.model.channel import ResizePolicy

GBPS = 10**9
CHANNEL = """    channel:
      policy: static
      downstream: {committed: 50 Mbit/s, peak: 100 Mbit/s, queue: 250 kB}
      upstream: {committed: 10 Mbit/s, peak: 20 Mbit/s, queue: 125 kB}
      serialisation: 20 ms
      hold: 0 s
"""


def written(folder: Path, text: str) -> tuple[Profile, ...]:
    """The profiles of a file with this text."""
    path = folder / "mine.yaml"
    path.write_text(text)
    return load_profiles(path)


def one(folder: Path, fields: str, channel: str = CHANNEL) -> Profile:
    """A profile with these lines in its entry."""
    [profile] = written(folder, f"profiles:\n  mine:\n    status: ACTIVE\n{fields}{channel}")
    return profile


def test_profiles_from_100_mbits_to_25_gbits_are_shipped() -> None:
    profiles = {profile.name: profile for profile in load_profiles()}
    rates = [
        profile.channel.downstream.committed_bps
        for profile in profiles.values()
        if profile.channel.policy is ResizePolicy.STATIC
    ]
    assert rates == [GBPS // 10, GBPS // 4, GBPS // 2, GBPS, 5 * GBPS // 2, 5 * GBPS, 10 * GBPS, 25 * GBPS]
    elastic = profiles["elastic-100m-25g"].channel
    assert elastic.policy is ResizePolicy.MEASURED
    assert (elastic.downstream.committed_bps, elastic.downstream.peak_bps) == (GBPS // 10, 25 * GBPS)


@pytest.mark.parametrize("profile", load_profiles(), ids=lambda profile: profile.name)
def test_a_shipped_profile_shows_its_rates_or_says_that_it_cannot(profile: Profile) -> None:
    shown = profile.shown
    exact = [
        (shown.target_min_downstream_rate, profile.channel.downstream.committed_bps),
        (shown.max_downstream_rate, profile.channel.downstream.peak_bps),
        (shown.target_min_upstream_rate, profile.channel.upstream.committed_bps),
        (shown.max_upstream_rate, profile.channel.upstream.peak_bps),
    ]
    assert all(rate is not None and rate.rate_bps <= rate_bps for rate, rate_bps in exact)
    is_exact = all(rate is not None and rate.rate_bps == rate_bps for rate, rate_bps in exact)
    assert is_exact == ("cannot express it" not in str(shown.description))
    assert is_exact == (profile.name != "rate-2.5g")


def test_a_rate_that_cannot_be_expressed_is_the_nearest_lower_one_and_said_to_be() -> None:
    with Caller(settings={"profiles": load_profiles()}) as caller:
        shown = caller.call("GET", f"{PROFILES}/rate-2.5g").json()
    assert shown["targetMinDownstreamRate"] == {"value": 2, "unit": "Gbps"}
    assert shown["description"].endswith(
        "The exact rate is 2.5 Gbit/s downstream; this API cannot express it and gives the nearest lower one."
    )


@settings(deadline=None, derandomize=True)
@given(st.integers(0, 1024 * 10**12))
def test_no_expressible_rate_lies_between_a_rate_and_what_is_given_for_it(rate_bps: int) -> None:
    given_bps = rate_at_most(rate_bps).rate_bps
    assert given_bps <= rate_bps
    for unit in RateUnit:
        size_bps = Rate(value=1, unit=unit).rate_bps
        below_bps = min(rate_bps // size_bps, 1024) * size_bps
        assert below_bps <= given_bps


@settings(deadline=None, derandomize=True)
@given(st.integers(1, 10**6), st.sampled_from(TimeUnit))
def test_a_length_of_time_is_given_exactly(value: int, unit: TimeUnit) -> None:
    span = TimeSpan(value=value, unit=unit)
    assert time_span(span.span_ns).span_ns == span.span_ns


def test_what_is_not_written_follows_from_the_channel(tmp_path: Path) -> None:
    profile = one(tmp_path, "")
    shown = profile.shown.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert shown == {
        "name": "mine",
        "status": "ACTIVE",
        "targetMinDownstreamRate": {"value": 50, "unit": "Mbps"},
        "maxDownstreamRate": {"value": 100, "unit": "Mbps"},
        "targetMinUpstreamRate": {"value": 10, "unit": "Mbps"},
        "maxUpstreamRate": {"value": 20, "unit": "Mbps"},
        "priority": 50,
    }
    assert (profile.shortest_s, profile.longest_s, profile.open_to) == (1, None, None)


def test_priority_delay_budget_and_durations_reach_the_channel(tmp_path: Path) -> None:
    profile = one(
        tmp_path,
        "    priority: 7\n"
        "    packetDelayBudget: {value: 8, unit: Milliseconds}\n"
        "    minDuration: {value: 1500, unit: Milliseconds}\n"
        "    maxDuration: {value: 2, unit: Minutes}\n"
        "    devices: [home1, home2]\n",
    )
    assert (profile.channel.priority, profile.channel.delay_budget_ns) == (7, 8_000_000)
    assert (profile.shortest_s, profile.longest_s) == (2, 120)
    assert profile.open_to == {"home1", "home2"}
    by_channel = one(tmp_path, "", CHANNEL + "      priority: 3\n      delay_budget: 90 us\n")
    assert by_channel.shown.priority == 3
    assert by_channel.shown.packet_delay_budget == TimeSpan(value=90, unit=TimeUnit.MICROSECONDS)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ("    jiter: {value: 1, unit: Seconds}\n", "mine.yaml:4: profiles.mine.jiter: "),
        ("    priority: 0\n", "mine.yaml:4: profiles.mine.priority: "),
        ("    priority: '7'\n", "mine.yaml:4: profiles.mine.priority: "),
        ("    maxDuration: {value: 1, unit: seconds}\n", "mine.yaml:4: profiles.mine.maxDuration.unit: "),
        ("    maxDuration: 60 s\n", "mine.yaml:4: profiles.mine.maxDuration: "),
        (
            "    targetMinDownstreamRate: {value: 51, unit: Mbps}\n",
            "mine.yaml:4: profiles.mine.targetMinDownstreamRate: promises 51 Mbit/s; the channel carries 50 ",
        ),
        (
            "    maxUpstreamRate: {value: 21, unit: Mbps}\n",
            "promises 21 Mbit/s; the channel carries 20 Mbit/s",
        ),
        ("    maxUpstreamBurstRate: {value: 1, unit: Gbps}\n", "promises 1 Gbit/s"),
        (
            "    maxDownstreamRate: {value: 1025, unit: Mbps}\n",
            "mine.yaml:4: profiles.mine.maxDownstreamRate.value",
        ),
        (
            "    minDuration: {value: 2, unit: Hours}\n    maxDuration: {value: 1, unit: Hours}\n",
            "mine.yaml:5: profiles.mine.maxDuration: is shorter than minDuration",
        ),
    ],
)
def test_an_entry_that_is_wrong_is_refused_with_file_profile_and_key(
    tmp_path: Path, fields: str, told: str
) -> None:
    with pytest.raises(ScenarioError) as error:
        one(tmp_path, fields)
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            ("committed: 50 Mbit/s", "committed: 500 Mbit/s"),
            "mine.yaml:6: profiles.mine.channel.downstream.peak",
        ),
        (("queue: 250 kB", "queue: 250000"), "mine.yaml:6: profiles.mine.channel.downstream.queue"),
        (("hold: 0 s", "hold: 0 s\n      lifetime: 1 min"), "mine.yaml:10: profiles.mine.channel.lifetime"),
        (("policy: static", "policy: statick"), "mine.yaml:5: profiles.mine.channel.policy"),
        (
            ("hold: 0 s", "hold: 0 s\n      priority: 8"),
            "mine.yaml:4: profiles.mine.priority: is 7, the channel's 8",
        ),
    ],
)
def test_a_channel_that_is_wrong_is_refused_with_file_profile_and_key(
    tmp_path: Path, change: tuple[str, str], told: str
) -> None:
    fields = "    priority: 7\n" if "priority" in change[1] else ""
    with pytest.raises(ScenarioError) as error:
        one(tmp_path, fields, CHANNEL.replace(*change))
    assert told in str(error.value)


@pytest.mark.parametrize(
    "text",
    ["", "profiles: {}", "profile: {}", "- a", "profiles: {'a b': {}}", "profiles: {x: 1}", "profiles: ["],
)
def test_a_file_that_holds_no_profiles_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ScenarioError, match=r"mine\.yaml"):
        written(tmp_path, text)


def test_a_file_of_profiles_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="cannot read the profiles in"):
        load_profiles(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("body", "who", "names"),
    [
        ({}, "client", ["plain", "slept", "old"]),
        ({"status": "ACTIVE"}, "client", ["plain"]),
        ({"status": "INACTIVE"}, "client", ["slept"]),
        ({"status": "DEPRECATED"}, "client", ["old"]),
        ({"name": "old"}, "client", ["old"]),
        ({"name": "old", "status": "ACTIVE"}, "client", []),
        ({"name": "missing"}, "client", []),
        ({"name": "for-home1"}, "client", []),
        ({"device": HOME, "status": "ACTIVE"}, "client", ["plain", "for-home1"]),
        ({"device": OTHER_HOME, "status": "ACTIVE"}, "client", ["plain"]),
        ({"status": "ACTIVE"}, "at home1", ["plain", "for-home1"]),
        ({"status": "ACTIVE"}, "at home2", ["plain"]),
    ],
)
def test_profiles_are_found_by_name_status_and_device(
    body: dict[str, Any], who: str, names: list[str]
) -> None:
    with Caller() as caller:
        response = caller.call("POST", RETRIEVE_PROFILES, body, who)
        assert response.status_code == 200
        assert [each["name"] for each in response.json()] == names


def test_a_device_to_which_every_profile_is_closed_has_an_empty_list() -> None:
    closed = tuple(profile for profile in PROFILE_LIST if profile.open_to is not None)
    with Caller(settings={"profiles": closed}) as caller:
        assert caller.call("POST", RETRIEVE_PROFILES, {"device": OTHER_HOME}).json() == []


def test_a_profile_is_read_by_its_name() -> None:
    with Caller() as caller:
        response = caller.call("GET", f"{PROFILES}/plain")
        assert response.status_code == 200
        assert response.json()["maxDuration"] == {"value": 10, "unit": "Minutes"}
        assert refused(caller.call("GET", f"{PROFILES}/missing")) == (404, "NOT_FOUND")
        for name in ("no", "x" * 257, "with%20space", "with$"):
            assert refused(caller.call("GET", f"{PROFILES}/{name}")) == (400, "INVALID_ARGUMENT")


def test_a_profile_for_other_devices_is_not_there_for_the_token_of_a_device() -> None:
    with Caller() as caller:
        assert caller.call("GET", f"{PROFILES}/for-home1", who="at home1").status_code == 200
        assert caller.call("GET", f"{PROFILES}/for-home1", who="client").status_code == 200
        assert refused(caller.call("GET", f"{PROFILES}/for-home1", who="at home2")) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    "body", [{"status": "active"}, {"name": "no"}, {"name": 17}, {"device": {}}, [], "x"]
)
def test_a_question_for_profiles_that_breaks_the_schema_is_an_invalid_argument(body: Any) -> None:
    with Caller() as caller:
        assert refused(caller.call("POST", RETRIEVE_PROFILES, body)) == (400, "INVALID_ARGUMENT")
