"""What `testbed serve` tells its user: where the API is, who may call it, and what becomes of channels."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from testbed.api.profiles import Profile
from testbed.api.server_settings import ApiSettings
from testbed.host.orders import ChannelOrder, ExtendOrder, News, Order
from testbed.model.base import DOWNSTREAM, UPSTREAM
from testbed.text import counted
from testbed.units import DURATION, RATE

_MOST_DEVICES = 8
"""More than so many are an operator's network, which nobody reads from a terminal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """Everything that a user needs for the first request; `host` is the address that is listened on."""

    scenario: str
    variant: str
    host: str
    settings: ApiSettings
    secret: str | None

    def lines(self, port: int) -> Iterator[str]:
        """The text, once the port is known."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        yield f"serving  {self.scenario}, variant {self.variant}, at http://{host}:{port} (Ctrl-C ends it)"
        yield "paths    /quality-on-demand/v1  /qos-profiles/v1  /qos-provisioning/v0.3  /testbed/v1/channels"
        may_look = "without a token" if self.secret is not None else "with a token that has testbed:read"
        yield f"look     http://{host}:{port}/ and /metrics, {may_look}"
        if self.secret is not None:
            yield f"token    {self.secret} (all scopes; made for this time only, as there is no --tokens)"
        else:
            yield f"tokens   {', '.join(token.name for token in self.settings.tokens)}"
        yield from self._devices()
        for profile in self.settings.profiles:
            yield f"profile  {described(profile)}"

    def _devices(self) -> Iterator[str]:
        subscribers = self.settings.subscribers
        for subscriber in subscribers[:_MOST_DEVICES]:
            yield f"device   {subscriber.host}  {subscriber.ipv4}  {subscriber.phone_number}"
        left = len(subscribers) - _MOST_DEVICES
        if left > 0:
            yield f"device   and {counted(left, 'other')}; `testbed plan` has their addresses"


def described(profile: Profile) -> str:
    """A profile's name, state and channel in a line."""
    rates = []
    for direction in (DOWNSTREAM, UPSTREAM):
        range_ = profile.channel.towards(direction)
        committed, peak = RATE.format(range_.committed_bps), RATE.format(range_.peak_bps)
        rates.append(
            f"{committed} {direction}" if committed == peak else f"{committed} to {peak} {direction}"
        )
    return f"{profile.name}  {profile.shown.status}, {profile.channel.policy}, {', '.join(rates)}"


def ordered(order: Order) -> str:
    """An order of the API in a line."""
    match order:
        case ChannelOrder():
            return f"channel  {order.session} ordered: {order.profile} for {order.device} with {order.server}"
        case ExtendOrder():
            return f"channel  {order.session} extended: {DURATION.format(order.lifetime_ns)} from its opening"
        case _:
            return f"channel  {order.session} withdrawn"


def became(news: News) -> str:
    """News of a channel in a line."""
    return f"channel  {news.session} {news.stage}: {news.reason}"


def say(line: str) -> None:
    """Print a line at once, also into a pipe."""
    print(line, flush=True)


def say_now(line: str) -> None:
    """Print a line with the time of day before it."""
    say(f"{datetime.now():%H:%M:%S} {line}")
