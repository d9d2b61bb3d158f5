"""Calls come at their instants, in order, and sockets are heard between them; the loop never spins."""

import resource
import signal
import socket
import time
from collections.abc import Callable

import pytest

from testbed.host.clock import Clock
from testbed.host.loop import Loop

MS = 1_000_000


@pytest.fixture
def loop() -> Loop:
    """A loop whose time 0 is 5 ms from now."""
    return Loop(Clock(time.clock_gettime_ns(time.CLOCK_REALTIME) + 5 * MS))


def noting(called: list[str], name: str) -> Callable[[], None]:
    return lambda: called.append(name)


def stop_soon(loop: Loop) -> None:
    """Stop after time for what should not come: counted from now, since a busy machine may begin late."""
    loop.at(loop.clock.now_ns() + 2 * MS, loop.stop)


def test_calls_come_in_the_order_of_their_instants_whatever_that_of_asking(loop: Loop) -> None:
    called: list[str] = []
    loop.at(3 * MS, loop.stop)
    for name, at_ns in (("c", 2 * MS + 1), ("a", 0), ("b", 2 * MS), ("past", -(10**15))):
        loop.at(at_ns, noting(called, name))
    loop.run()
    assert called == ["past", "a", "b", "c"]


def test_calls_for_one_instant_come_in_the_order_of_asking(loop: Loop) -> None:
    called: list[int] = []
    for number in range(50):
        loop.at(0, lambda number=number: called.append(number))  # type: ignore[misc]
    loop.at(0, loop.stop)
    loop.run()
    assert called == list(range(50))


def test_no_call_comes_before_its_instant(loop: Loop) -> None:
    """Instants a few ns apart and across the rounding of any coarser timer."""
    early = []
    for at_ns in (0, 1, 17, 999_999, MS, MS + 1, 2 * MS - 1, 3_141_592):
        loop.at(at_ns, lambda at_ns=at_ns: early.append(loop.clock.now_ns() - at_ns))  # type: ignore[misc]
    loop.at(4 * MS, loop.stop)
    loop.run()
    assert len(early) == 8
    assert min(early) >= 0


def test_how_late_a_call_came_is_remembered(loop: Loop) -> None:
    loop.at(-7 * MS, lambda: None)
    loop.at(0, loop.stop)
    loop.run()
    assert loop.late_ns >= 2 * MS  # asked for 7 ms before time 0, begun 5 ms before it at the earliest


def test_a_call_may_ask_for_another_at_its_own_instant(loop: Loop) -> None:
    called: list[str] = []

    def first() -> None:
        called.append("first")
        loop.at(MS, noting(called, "second"))
        loop.at(MS, loop.stop)

    loop.at(MS, first)
    loop.run()
    assert called == ["first", "second"]


def test_every_calls_at_each_multiple_of_its_interval(loop: Loop) -> None:
    at_ns: list[int] = []

    def call() -> None:
        at_ns.append(loop.clock.now_ns())
        if len(at_ns) == 6:
            loop.stop()

    loop.every(2 * MS, call)
    loop.run()
    multiples = [instant // (2 * MS) for instant in at_ns]
    assert multiples == sorted(set(multiples))  # each interval has one call at most, and none comes early
    assert multiples[0] >= -2


def test_an_interval_that_was_missed_is_not_made_up_for(loop: Loop) -> None:
    """A reader that was held up reads once, not once for every time it missed."""
    calls: list[int] = []

    def call() -> None:
        calls.append(loop.clock.now_ns() // MS)
        if len(calls) == 1:
            loop.clock.sleep_until((calls[0] + 4) * MS)
        else:
            loop.stop()

    loop.every(MS, call)
    loop.run()
    assert calls[1] >= calls[0] + 5


def test_a_reader_is_called_while_there_is_something_to_read(loop: Loop) -> None:
    ours, theirs = socket.socketpair()
    heard: list[bytes] = []

    def read() -> None:
        heard.append(ours.recv(1))
        if heard[-1] == b"c":
            loop.stop()

    loop.on_readable(ours, read)
    loop.at(0, lambda: theirs.send(b"abc") and None)
    loop.run()
    assert heard == [b"a", b"b", b"c"]


def test_timers_go_on_beside_a_socket_that_is_silent(loop: Loop) -> None:
    ours, _theirs = socket.socketpair()
    called: list[str] = []
    loop.on_readable(ours, noting(called, "heard"))
    loop.at(MS, noting(called, "timer"))
    loop.at(2 * MS, loop.stop)
    loop.run()
    assert called == ["timer"]


def test_what_is_forgotten_is_not_called_again(loop: Loop) -> None:
    ours, theirs = socket.socketpair()
    theirs.send(b"x")
    called: list[str] = []

    def once() -> None:
        called.append("heard")
        loop.forget(ours)
        stop_soon(loop)

    loop.on_readable(ours, once)
    loop.run()
    assert called == ["heard"]


def test_a_reader_forgotten_by_another_in_the_same_round_is_not_called(loop: Loop) -> None:
    pairs = [socket.socketpair() for _ in range(2)]
    called: list[int] = []

    def reader(own: int) -> Callable[[], None]:
        def call() -> None:
            called.append(own)
            for here, _ in pairs:
                loop.forget(here)
            stop_soon(loop)

        return call

    for number, (here, there) in enumerate(pairs):
        loop.on_readable(here, reader(number))
        there.send(b"x")
    loop.run()
    assert len(called) == 1


def test_after_stop_nothing_more_is_called_even_if_it_is_due(loop: Loop) -> None:
    pairs = [socket.socketpair() for _ in range(3)]
    called: list[str] = []

    def stop() -> None:
        called.append("stop")
        loop.stop()

    for here, there in pairs:
        loop.on_readable(here, stop)
        there.send(b"x")
    loop.run()
    loop.at(-(10**12), noting(called, "due"))
    loop.run()
    assert called == ["stop"]


def test_a_writer_is_called_when_there_is_new_room_and_not_for_as_long_as_there_is_some(loop: Loop) -> None:
    """Unlike a reader: a sender that has nothing to send would be called for ever."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    rooms: list[int] = []

    def fill() -> None:
        sent = 0
        try:
            while True:
                sent += ours.send(bytes(65_536))
        except BlockingIOError:
            rooms.append(sent)

    def leave_room() -> None:
        theirs.recv(rooms[0])
        loop.at(loop.clock.now_ns() + 5 * MS, loop.stop)

    loop.on_writable(ours, fill)
    loop.at(0, leave_room)
    loop.run()
    assert rooms[0] > 0
    assert sum(rooms) > rooms[0]
    assert len(rooms) < 20


def test_a_writer_that_never_fills_its_socket_is_called_once(loop: Loop) -> None:
    ours, _theirs = socket.socketpair()
    called: list[str] = []

    def once() -> None:
        called.append("room")
        stop_soon(loop)

    loop.on_writable(ours, once)
    loop.run()
    assert called == ["room"]


def test_waiting_takes_no_computing(loop: Loop) -> None:
    """A loop that spun would use 30 ms of the processor here; in virtual time it would stop the clock."""
    begun = resource.getrusage(resource.RUSAGE_SELF)
    loop.at(30 * MS, loop.stop)
    loop.run()
    ended = resource.getrusage(resource.RUSAGE_SELF)
    assert ended.ru_utime + ended.ru_stime - begun.ru_utime - begun.ru_stime < 0.02


def test_an_interrupted_wait_goes_on(loop: Loop) -> None:
    """A signal ends a system call early; no timer may fire early for it."""
    heard: list[int] = []
    previous = signal.signal(signal.SIGALRM, lambda *_: heard.append(loop.clock.now_ns()))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.007)
        done: list[int] = []
        loop.at(10 * MS, lambda: done.append(loop.clock.now_ns()))
        loop.at(10 * MS, loop.stop)
        loop.run()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert len(heard) == 1
    assert done[0] >= 10 * MS
