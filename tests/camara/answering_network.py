"""A network for the API with nothing in it: the channel controller decides, the test says when it answers."""

from collections.abc import Callable
from datetime import datetime, timedelta

from testbed.channel import ChannelState, Decision, Link, Release, RequestChannel, decide
from testbed.host.orders import ChannelOrder, ExtendOrder, News, Order, Stage, WithdrawOrder
from testbed.model.base import DOWNSTREAM, UPSTREAM
from testbed.model.channel import ChannelRange, ChannelRequest, ResizePolicy

DOWNSTREAM_BPS, UPSTREAM_BPS = 42_024_960_000, 21_012_480_000
"""What 50G-PON with a 25G upstream carries after error correction (ITU-T G.9804.3)."""


class StandingClock:
    """A clock that stands but for a millisecond at each reading, so that no two instants are the same."""

    def __init__(self) -> None:
        self._now = datetime.fromisoformat("2030-05-01T12:00:00+00:00")

    def __call__(self) -> datetime:
        self.advance(timedelta(milliseconds=1))
        return self._now

    def advance(self, duration: timedelta) -> None:
        """Let time pass."""
        self._now += duration


class AnsweringNetwork:
    """Takes the API's orders; answers at once, or when told to if it `holds` answers or withdrawals."""

    def __init__(self) -> None:
        self.holds_answers = False
        self.holds_withdrawals = False
        self.refused: list[str] = []
        self.withdrawn: list[str] = []
        self._state = ChannelState(
            links=(
                Link(name="pon", direction=DOWNSTREAM, capacity_bps=DOWNSTREAM_BPS),
                Link(name="pon", direction=UPSTREAM, capacity_bps=UPSTREAM_BPS),
            )
        )
        self._held: list[Order] = []
        self._tell: Callable[[News], None] | None = None

    def on_news(self, listener: Callable[[News], None]) -> None:
        self._tell = listener

    def order(self, order: Order) -> None:
        held = self.holds_withdrawals if isinstance(order, WithdrawOrder) else self.holds_answers
        if held:
            self._held.append(order)
        else:
            self._carry_out(order)

    def answer(self) -> None:
        """Carry out all orders that were held, and hold no more."""
        self.holds_answers = self.holds_withdrawals = False
        assert self._held, "nothing was ordered"
        while self._held:
            self._carry_out(self._held.pop(0))

    def fill(self) -> None:
        """Commit all that is left of the line to somebody, so that nothing else fits it."""
        refusal = self._decide(_fixed("more than the line", DOWNSTREAM_BPS + 1, UPSTREAM_BPS + 1))
        left_bps = refusal.fields["fits"]
        assert isinstance(left_bps, dict)
        filling = self._decide(_fixed("all that is left", left_bps[DOWNSTREAM], left_bps[UPSTREAM]))
        assert filling.kind == "channel.admit"

    def _carry_out(self, order: Order) -> None:
        match order:
            case ChannelOrder():
                self._open(order)
            case WithdrawOrder():
                if self._state.has(order.session):
                    self._decide(Release(session=order.session, reason="withdrawn"))
                self.withdrawn.append(order.session)
                self._say(order.session, Stage.RELEASED)
            case ExtendOrder():
                assert self._state.has(order.session), f"{order.session} has no channel to extend"

    def _open(self, order: ChannelOrder) -> None:
        request = RequestChannel(session=order.session, channel=order.channel, links=("pon",))
        if self._decide(request).kind == "channel.refuse":
            self.refused.append(order.session)
            self._say(order.session, Stage.REFUSED)
        else:
            self._say(order.session, Stage.ADMITTED)
            self._say(order.session, Stage.ACTIVE)

    def _decide(self, event: RequestChannel | Release) -> Decision:
        """What is decided first."""
        self._state, outputs = decide(self._state, event, self._state.at_ns + 1)
        return next(output for output in outputs if isinstance(output, Decision))

    def _say(self, session: str, stage: Stage) -> None:
        assert self._tell is not None, "nobody listens to the network"
        self._tell(News(session=session, stage=stage, reason=f"the test's network says {stage}"))


def _fixed(session: str, downstream_bps: int, upstream_bps: int) -> RequestChannel:
    """A request for a channel of fixed rates."""
    downstream, upstream = (
        ChannelRange(committed_bps=rate_bps, peak_bps=rate_bps, queue_bytes=1_000_000)
        for rate_bps in (downstream_bps, upstream_bps)
    )
    channel = ChannelRequest(
        policy=ResizePolicy.STATIC,
        downstream=downstream,
        upstream=upstream,
        serialisation_ns=1_000_000,
        hold_ns=0,
    )
    return RequestChannel(session=session, channel=channel, links=("pon",))
