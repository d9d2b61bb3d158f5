"""Admission never oversells: ten thousand random sequences, with books of our own beside the controller."""

from random import Random

import pytest
from channel_play import network

from testbed.channel import (
    ChannelState,
    Decision,
    Event,
    Extend,
    Link,
    Output,
    Release,
    RequestChannel,
    Tick,
    decide,
)
from testbed.model.base import Direction
from testbed.model.channel import ChannelRange, ChannelRequest

SEQUENCES, LONGEST = 10_000, 16
SESSIONS = ("a", "b", "c", "d")
LINKS = (
    *network(1000, 500).links,
    Link(name="node1", direction=Direction.DOWNSTREAM, capacity_bps=600, committed_bps=50),
    Link(name="node2", direction=Direction.DOWNSTREAM, capacity_bps=800),
    Link(name="node2", direction=Direction.UPSTREAM, capacity_bps=300),
)


def requests(random: Random, count: int) -> list[RequestChannel]:
    """Requests to draw from: making a new one for each event would take most of the time."""

    def bounds(most_bps: int) -> ChannelRange:
        committed_bps = random.randrange(most_bps)
        # Not checked: small numbers show a rounding that the rates of real classes would hide.
        return ChannelRange.model_construct(
            committed_bps=committed_bps, peak_bps=committed_bps + 500, queue_bytes=1
        )

    return [
        RequestChannel(
            session=random.choice(SESSIONS),
            channel=ChannelRequest(
                downstream=bounds(700),
                upstream=bounds(350),
                serialisation_ns=1,
                hold_ns=0,
                priority=random.randint(1, 3),
                preempts=random.random() < 0.5,
                lifetime_ns=random.choice((None, random.randint(1, 40))),
            ),
            links=random.choice((("pon", "node1"), ("pon", "node2"))),
        )
        for _ in range(count)
    ]


class Books:
    """Who holds which committed rates, by what the controller has said and nothing else."""

    def __init__(self) -> None:
        self.held: dict[str, RequestChannel] = {}

    def committed_bps(self, link: Link) -> int:
        return sum(
            each.channel.towards(link.direction).committed_bps
            for each in self.held.values()
            if link.name in each.links
        )

    def fits(self, request: RequestChannel, without: int = 101) -> bool:
        """Whether a request fits; `without` leaves out all channels from a priority on."""
        kept = Books()
        kept.held = {name: each for name, each in self.held.items() if each.channel.priority < without}
        return all(
            kept.committed_bps(link) + request.channel.towards(link.direction).committed_bps
            <= link.channels_bps
            for link in LINKS
            if link.name in request.links
        )

    def hear(self, decision: Decision, request: RequestChannel | None) -> None:
        session = str(decision.fields["session"])
        if decision.kind in ("channel.release", "channel.expire", "channel.preempt"):
            del self.held[session]
        elif decision.kind == "channel.admit":
            assert request is not None
            self.held[session] = request
        for link in LINKS:
            assert self.committed_bps(link) <= link.channels_bps, decision


def next_event(random: Random, state: ChannelState, pool: list[RequestChannel], now_ns: int) -> Event:
    request = random.choice(pool)
    session = request.session
    held = state.holders.get(session)
    if held is None or (held.expires_at_ns is not None and held.expires_at_ns <= now_ns):
        return request
    if random.random() < 0.5:
        return Release(session=session, reason="end")
    return Extend(session=session, lifetime_ns=random.randint(1, 40)) if random.random() < 0.7 else Tick()


def check_nobody_went_in_vain(books: Books, request: RequestChannel, outputs: list[Output]) -> None:
    """Had any one of the evicted stayed, the request would not have fitted."""
    ended = {"channel.preempt": set[str](), "channel.expire": set[str]()}
    for each in outputs:
        if isinstance(each, Decision) and each.kind in ended:
            ended[each.kind].add(str(each.fields["session"]))
    evicted = ended["channel.preempt"]
    for spared in evicted:
        kept = Books()
        gone = ended["channel.expire"] | evicted - {spared}
        kept.held = {name: each for name, each in books.held.items() if name not in gone}
        assert not kept.fits(request), f"{spared} of {evicted} need not have gone"


def play_one(random: Random, pool: list[RequestChannel], seen: set[str]) -> None:
    state = ChannelState(links=LINKS, provisioning_ns=random.choice((0, 7)))
    books, now_ns = Books(), 0
    for _ in range(random.randint(1, LONGEST)):
        now_ns += random.randrange(12)
        event = next_event(random, state, pool, now_ns)
        request = event if isinstance(event, RequestChannel) else None
        state, outputs = decide(state, event, now_ns)
        if request is not None:
            check_nobody_went_in_vain(books, request, outputs)
        for decision in (each for each in outputs if isinstance(each, Decision)):
            if decision.kind.startswith("channel.") and decision.kind != "channel.resize":
                seen.add(decision.kind)
                if decision.kind == "channel.refuse":
                    assert request is not None
                    assert not books.fits(request), "what fits is not refused"
                    lower = request.channel.priority + 1
                    assert not request.channel.preempts or not books.fits(request, without=lower)
                books.hear(decision, request)
        assert {*books.held} == {*state.holders}


def test_ten_thousand_random_sequences_never_oversell_a_committed_rate() -> None:
    random = Random(1)
    pool = requests(random, 500)
    seen: set[str] = set()
    for _ in range(SEQUENCES):
        play_one(random, pool, seen)
    kinds = ("admit", "active", "refuse", "preempt", "expire", "release")
    assert seen == {f"channel.{kind}" for kind in kinds}, "each way a channel can come and go was taken"


def test_books_that_are_oversold_are_found() -> None:
    """The control: an admission that the links do not carry is an error of these books."""
    books = Books()
    for number, request in enumerate(requests(Random(1), 50)):
        if not books.fits(request):
            decision = Decision(kind="channel.admit", fields={"session": f"s{number}"})
            with pytest.raises(AssertionError, match=r"channel\.admit"):
                books.hear(decision, request)
            return
        books.held[f"s{number}"] = request
    pytest.fail("50 requests fitted links that carry two or three")
