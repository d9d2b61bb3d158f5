"""Bulk over planes: no block is lost or delivered twice, whatever breaks; dead planes are noticed."""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.applications.transfer.striping import PROBE, Delivery, Output, PlaneChanged, SendBlock, Striper

TIMEOUT_NS, RETRY_NS = 1_000, 5_000
BLOCK_NS, ONE_WAY_NS = 20, 100


def blocks(outputs: Sequence[Output]) -> list[tuple[int, int]]:
    """Plane and number of every block that is sent."""
    return [(each.plane, each.number) for each in outputs if isinstance(each, SendBlock)]


def striper(planes: int = 2, window: int = 2) -> Striper:
    return Striper(planes, window, TIMEOUT_NS, RETRY_NS)


def test_at_first_every_window_is_filled_in_turn() -> None:
    assert blocks(striper().begin(0)) == [(0, 0), (1, 1), (0, 2), (1, 3)]


def test_an_acknowledgement_makes_room_for_the_next_block_on_its_plane() -> None:
    sender = striper()
    sender.begin(0)
    assert sender.acknowledged(1, 1, 50) == [SendBlock(1, 4)]
    assert sender.acknowledged(1, 1, 60) == [], "the second one makes none"


def test_a_silent_plane_is_given_up_and_its_blocks_go_to_the_others() -> None:
    sender = striper()
    sender.begin(0)
    for number in (1, 3):
        sender.acknowledged(1, number, 700)
    assert sender.wake(TIMEOUT_NS - 1) == []
    assert sender.wake_at_ns == TIMEOUT_NS
    assert sender.wake(TIMEOUT_NS) == [PlaneChanged(0, False, TIMEOUT_NS, 2)]
    assert sender.acknowledged(1, 4, 1_100) == [SendBlock(1, 0, again=True)]
    assert sender.acknowledged(1, 5, 1_200) == [SendBlock(1, 2, again=True)]
    assert sender.sent_again == 2


def test_a_plane_on_which_nothing_is_on_its_way_is_not_silent() -> None:
    sender = striper()
    sender.begin(0)
    sender.finish()
    for plane, number in ((0, 0), (0, 2), (1, 1), (1, 3)):
        sender.acknowledged(plane, number, 100)
    assert sender.is_done
    assert sender.wake_at_ns is None
    assert sender.wake(10 * TIMEOUT_NS) == []


def test_a_given_up_plane_is_asked_every_retry_and_lives_with_the_first_answer() -> None:
    sender = striper()
    sender.begin(0)
    sender.acknowledged(1, 1, 900)
    sender.wake(TIMEOUT_NS)
    asked_at_ns = TIMEOUT_NS + RETRY_NS
    sender.acknowledged(1, 3, asked_at_ns - 1)
    assert sender.wake(asked_at_ns) == [SendBlock(0, PROBE)]
    assert sender.wake(asked_at_ns + 1) == [], "not before the next retry"
    revived = sender.acknowledged(0, PROBE, asked_at_ns + 200)
    assert revived[0] == PlaneChanged(0, True, RETRY_NS + 200)
    assert {plane for plane, _ in blocks(revived)} == {0}, "the revived plane has room for new blocks"


def test_a_block_is_lost_when_the_third_after_it_arrives() -> None:
    sender = striper(planes=1, window=4)
    sender.begin(0)
    assert blocks(sender.acknowledged(0, 1, 10)) == [(0, 4)]
    assert blocks(sender.acknowledged(0, 2, 20)) == [(0, 5)]
    # The third after block 0; in its place it goes again before anything new.
    assert sender.acknowledged(0, 3, 30) == [SendBlock(0, 0, again=True), SendBlock(0, 6)]


def test_a_late_answer_takes_back_what_was_to_be_sent_again() -> None:
    sender = striper()
    sender.begin(0)
    for number in (1, 3):
        sender.acknowledged(1, number, 900)
    sender.wake(TIMEOUT_NS)
    late = sender.acknowledged(0, 0, TIMEOUT_NS + 1)
    assert late[0] == PlaneChanged(0, True, 1)
    assert (0, 0) not in blocks(late)
    assert (0, 2) in blocks(late), "the other one of the plane is still missing"


def test_blocks_arrive_once_and_the_longest_waits_are_known() -> None:
    delivery = Delivery()
    taken = [delivery.take(number, at_ns) for number, at_ns in [(0, 0), (2, 10), (2, 15), (3, 70), (1, 75)]]
    assert taken == [True, True, False, True, True]
    assert delivery.blocks == 4
    assert delivery.outage_ns == 60, "from block 2 to block 3"
    assert delivery.stalled_ns == 75, "from block 0 to block 1, which the reader was waiting for"
    assert not delivery.take(0, 80)


@dataclass
class Wires:
    """Planes in simulated time: each carries one block after another, and loses what the test wants lost."""

    sender: Striper
    loses: Callable[[int, int], bool]
    now_ns: int = 0
    delivery: Delivery = field(default_factory=Delivery)
    delivered: list[int] = field(default_factory=list)
    changes: list[tuple[int, PlaneChanged]] = field(default_factory=list)
    _queue: list[tuple[int, int, Callable[[], None]]] = field(default_factory=list)
    _order: count = field(default_factory=count)  # type: ignore[type-arg]
    _free_at_ns: dict[int, int] = field(default_factory=dict)

    def at(self, at_ns: int, call: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (at_ns, next(self._order), call))

    def carry_out(self, outputs: Sequence[Output]) -> None:
        for output in outputs:
            if isinstance(output, PlaneChanged):
                self.changes.append((self.now_ns, output))
                continue
            plane, number = output.plane, output.number
            leaves_ns = max(self.now_ns, self._free_at_ns.get(plane, 0)) + BLOCK_NS
            self._free_at_ns[plane] = leaves_ns
            if not self.loses(plane, leaves_ns):
                self.at(leaves_ns + ONE_WAY_NS, lambda p=plane, n=number: self._arrive(p, n))  # type: ignore[misc]

    def _arrive(self, plane: int, number: int) -> None:
        if number != PROBE and self.delivery.take(number, self.now_ns):
            self.delivered.append(number)
        if not self.loses(plane, self.now_ns):
            self.at(
                self.now_ns + ONE_WAY_NS,
                lambda: self.carry_out(self.sender.acknowledged(plane, number, self.now_ns)),
            )

    def run(self, until_ns: int) -> None:
        """Until everything is acknowledged, or that instant."""
        while not self.sender.is_done or self._queue:
            wake_ns = self.sender.wake_at_ns
            event_ns = self._queue[0][0] if self._queue else None
            next_ns = min(each for each in (wake_ns, event_ns) if each is not None)
            if next_ns > until_ns:
                return
            self.now_ns = next_ns
            if event_ns == next_ns:
                heapq.heappop(self._queue)[2]()
            else:
                self.carry_out(self.sender.wake(self.now_ns))


@settings(max_examples=40, deadline=None)
@given(
    planes=st.integers(1, 8),
    window=st.integers(1, 40),
    loss=st.sampled_from([0.0, 0.02, 0.3]),
    deaths=st.lists(st.tuples(st.integers(0, 7), st.integers(0, 30_000), st.integers(1, 20_000)), max_size=6),
    seed=st.integers(0, 1000),
)
def test_whatever_is_lost_every_block_is_delivered_once(
    planes: int, window: int, loss: float, deaths: list[tuple[int, int, int]], seed: int
) -> None:
    random, healed_ns = Random(seed), 60_000

    def loses(plane: int, at_ns: int) -> bool:
        dead = any(plane == which and start <= at_ns < start + span for which, start, span in deaths)
        return dead or (at_ns < healed_ns and random.random() < loss)

    wires = Wires(striper(planes, window), loses)
    wires.carry_out(wires.sender.begin(0))
    wires.at(20_000, wires.sender.finish)
    wires.run(until_ns=400_000)
    assert wires.sender.is_done
    assert sorted(wires.delivered) == list(range(wires.sender.blocks))
    assert wires.sender.blocks > 0


def rate(wires: Wires, start_ns: int, end_ns: int) -> float:
    """Blocks a nanosecond between two instants."""
    before = len(wires.delivered)
    wires.run(start_ns)
    at_start = len(wires.delivered)
    wires.run(end_ns)
    assert at_start >= before
    return (len(wires.delivered) - at_start) / (end_ns - start_ns)


@pytest.mark.parametrize("planes", [2, 4, 8])
def test_without_one_of_k_planes_the_rate_is_that_of_the_others(planes: int) -> None:
    fails_ns, back_ns = 50_000, 150_000
    wires = Wires(striper(planes, 16), lambda plane, at_ns: plane == 0 and fails_ns <= at_ns < back_ns)
    wires.carry_out(wires.sender.begin(0))
    whole = rate(wires, 10_000, fails_ns)
    broken = rate(wires, fails_ns + 2 * TIMEOUT_NS, back_ns)
    again = rate(wires, back_ns + 2 * RETRY_NS, 250_000)
    assert whole == pytest.approx(planes / BLOCK_NS, rel=0.01)
    assert broken / whole == pytest.approx((planes - 1) / planes, rel=0.01)
    assert again == pytest.approx(whole, rel=0.01)
    (lost_at_ns, lost), (_, found) = wires.changes
    assert (lost.plane, lost.alive, found.plane, found.alive) == (0, False, 0, True)
    assert TIMEOUT_NS <= lost.after_ns <= TIMEOUT_NS + BLOCK_NS
    assert fails_ns < lost_at_ns <= fails_ns + TIMEOUT_NS + BLOCK_NS + 2 * ONE_WAY_NS


def test_without_a_timeout_worth_the_name_a_dead_plane_holds_its_blocks_for_good() -> None:
    """The control: the silence is what brings the blocks of a dead plane to the others."""
    dead = lambda plane, at_ns: plane == 0 and at_ns >= 1_000  # noqa: E731
    deaf = Wires(Striper(2, 16, timeout_ns=10**12, retry_ns=RETRY_NS), dead)
    deaf.carry_out(deaf.sender.begin(0))
    deaf.run(100_000)
    deaf.sender.finish()
    deaf.run(200_000)
    assert not deaf.sender.is_done
    assert len(deaf.delivered) < deaf.sender.blocks
