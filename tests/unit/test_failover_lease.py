"""A node's lease is over before anybody else takes its jobs, whatever the network does."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from testbed.workload.lease import Lease, Watch
from testbed.workload.terms import Terms, Way, terms

MS = 1_000_000
SILENCE_NS = 30 * MS
NEAR = terms(10 * MS, 3, Way(), Way())
"""On a way without any delay the lease is as long as the silence."""


@dataclass
class Play:
    """A node and its monitor on a network of drawn delays and losses; `given_up` has boot and instant."""

    ways: list[tuple[int | None, int | None]]
    """For each heartbeat how long it and its answer take; None is lost."""
    terms: Terms = NEAR
    leases: list[tuple[int, int]] = field(default_factory=list)
    """The boot and the end of every lease that the node ever had, as renewed."""
    given_up: list[tuple[int, int]] = field(default_factory=list)
    careless: bool = False
    """Whether the node counts its lease from the arrival of the answer: the control."""

    def run(self, interval_ns: int) -> None:
        lease, watch = Lease(1, self.terms.lease_ns), Watch({"node": self.terms}, 0)
        todo: list[tuple[int, int, str, tuple[int, int]]] = [
            (turn * interval_ns, turn, "beat", (turn, 0)) for turn in range(len(self.ways))
        ]
        order = len(todo)
        answers_ns: dict[tuple[int, int], int | None] = {}
        while todo:
            todo.sort()
            at_ns, _, what, (a, b) = todo.pop(0)
            boot = watch.boot("node") or 0
            if watch.expire("node", at_ns):
                due_ns = at_ns - watch.silent_ns("node", at_ns) + self.terms.silence_ns
                self.given_up.append((boot, due_ns + self.terms.fence_ns))
            order += 1
            if what == "beat":
                if lease.is_over(at_ns):
                    lease = Lease(lease.boot + 1, self.terms.lease_ns)
                number, (there_ns, back_ns) = lease.beat(at_ns), self.ways[a]
                if there_ns is not None:
                    todo.append((at_ns + there_ns, order, "arrives", (lease.boot, number)))
                    answers_ns[lease.boot, number] = back_ns
            elif what == "arrives":
                before = watch.boot("node")
                failed, _ = watch.heard("node", a, at_ns)
                if failed and before is not None:
                    self.given_up.append((before, at_ns))
                back_ns = answers_ns[a, b]
                if watch.answers("node", a) and back_ns is not None:
                    todo.append((at_ns + back_ns, order, "answered", (a, b)))
            elif what == "answered" and not lease.is_over(at_ns):
                lease.answered(a, b)
                if self.careless and a == lease.boot:
                    lease.until_ns = at_ns + self.terms.lease_ns
                if lease.until_ns is not None:
                    self.leases.append((lease.boot, lease.until_ns))


way = st.one_of(st.none(), st.integers(0, 80 * MS))
"""What a packet takes beyond the distance, if it comes at all."""


def outlived(play: Play) -> list[tuple[int, int]]:
    """Leases that still hold when their boot has been given up."""
    return [
        (boot, until_ns)
        for boot, at_ns in play.given_up
        for had, until_ns in play.leases
        if had == boot and until_ns > at_ns
    ]


@given(
    st.lists(st.tuples(way, way), max_size=60),
    st.integers(MS, 40 * MS),
    st.integers(0, 300 * MS),
    st.integers(0, 100 * MS),
)
def test_no_lease_outlives_the_giving_up_of_its_boot_and_its_fence(
    ways: list[tuple[int | None, int | None]], interval_ns: int, there_ns: int, variation_ns: int
) -> None:
    """Even where packets take longer than anybody thought: only the distance there is relied on."""
    own = terms(interval_ns, 3, Way(there_ns, variation_ns), Way(there_ns, variation_ns))
    taken = [(None if there is None else there_ns + there, back) for there, back in ways]
    play = Play(taken, own)
    play.run(interval_ns)
    assert outlived(play) == []


def test_a_lease_counted_from_the_arrival_of_its_answer_outlives_it() -> None:
    """The control: what the rule forbids happens as soon as the node counts from another instant."""
    ways: list[tuple[int | None, int | None]] = [(5 * MS, 20 * MS), *[(None, None)] * 9]
    kept, careless = Play(ways), Play(ways, careless=True)
    kept.run(10 * MS)
    careless.run(10 * MS)
    assert kept.given_up == careless.given_up == [(1, 35 * MS)]
    assert kept.leases
    assert outlived(kept) == []
    assert outlived(careless) == [(1, 55 * MS)]


def test_a_node_whose_answers_come_serves_without_a_break() -> None:
    lease = Lease(1, SILENCE_NS)
    for turn in range(100):
        at_ns = turn * 10 * MS
        number = lease.beat(at_ns)
        assert turn == 0 or lease.may_serve(at_ns)
        lease.answered(1, number)
    assert lease.may_serve(99 * 10 * MS + SILENCE_NS - 1)
    assert not lease.may_serve(99 * 10 * MS + SILENCE_NS)


def test_a_node_that_was_never_answered_may_not_serve() -> None:
    lease = Lease(1, SILENCE_NS)
    lease.beat(0)
    assert not lease.may_serve(1)
    assert not lease.is_over(SILENCE_NS - 1)
    assert lease.is_over(SILENCE_NS)


def test_an_answer_to_an_earlier_life_renews_nothing() -> None:
    lease = Lease(2, SILENCE_NS)
    number = lease.beat(0)
    lease.answered(1, number)
    assert not lease.may_serve(1)


def test_a_silent_node_is_given_up_once_and_its_life_is_not_heard_again() -> None:
    watch = Watch({"node": NEAR}, 0)
    assert watch.heard("node", 1, 10) == (False, False)
    assert not watch.expire("node", 10 + SILENCE_NS - 1)
    assert watch.expire("node", 10 + SILENCE_NS)
    assert not watch.expire("node", 11 + SILENCE_NS)
    assert watch.heard("node", 1, 12 + SILENCE_NS) == (False, False)
    assert not watch.answers("node", 1)
    assert watch.heard("node", 2, 13 + SILENCE_NS) == (False, True)
    assert watch.answers("node", 2)


def test_a_node_that_restarts_unnoticed_has_failed_and_is_back() -> None:
    watch = Watch({"node": NEAR}, 0)
    watch.heard("node", 1, 0)
    assert watch.heard("node", 2, 5) == (True, True)


def test_a_node_that_never_comes_is_given_up() -> None:
    watch = Watch({"node": NEAR}, 100)
    assert watch.due_ns("node") == 100 + SILENCE_NS
    assert watch.expire("node", 100 + SILENCE_NS)
    assert watch.boot("node") is None
