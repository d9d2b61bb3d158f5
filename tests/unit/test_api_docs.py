"""The files that docs/northbound-api.md shows can be read, and it says what ships and which limits hold."""

import re
from pathlib import Path

from testbed.api.bookings import KEPT
from testbed.api.outbox import _BACKOFF_S, _MOST_WAITING
from testbed.api.profiles import load_profiles
from testbed.api.server_settings import ApiSettings, RateLimits
from testbed.api.tokens import load_tokens

TEXT = (Path(__file__).parents[2] / "docs" / "northbound-api.md").read_text()
TOKENS, PROFILES = re.findall(r"^```yml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def test_the_documented_tokens_are_read(tmp_path: Path) -> None:
    path = tmp_path / "tokens.yaml"
    path.write_text(TOKENS)
    app, of_home = load_tokens(path)
    assert app.owner == of_home.owner == "app"
    assert of_home.host == "home1"


def test_the_documented_profile_is_read_and_shows_the_nearest_lower_rate(tmp_path: Path) -> None:
    path = tmp_path / "profiles.yaml"
    path.write_text(PROFILES)
    [gaming] = load_profiles(path)
    rate = gaming.shown.target_min_downstream_rate
    assert rate is not None
    assert rate.rate_bps == 2 * 10**9
    assert "The exact rate is 2.5 Gbit/s downstream" in str(gaming.shown.description)
    assert gaming.channel.delay_budget_ns == 8_000_000


def test_every_shipped_profile_is_named() -> None:
    assert [profile.name for profile in load_profiles() if f"`{profile.name}`" not in TEXT] == []


def test_the_documented_limits_are_those_that_hold() -> None:
    limits = RateLimits()
    first, second, third = _BACKOFF_S
    text = " ".join(TEXT.split())
    for said in (
        f"read for {KEPT.seconds} s",
        f"{limits.burst} requests at once and {limits.requests_per_second:.0f} a second",
        f"{limits.most_channels} channels",
        f"tried four times, {first}, {second:.0f} and {third:.0f} s apart",
        f"At most {_MOST_WAITING} events wait",
    ):
        assert said in text, said
    assert ApiSettings(profiles=(), tokens=(), subscribers=()).max_body_bytes == 64 * 1024
