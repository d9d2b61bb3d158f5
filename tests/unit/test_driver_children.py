"""Programs are started, told and stopped in step, and one that dies is reported with how it died."""

import os
import signal
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from fake_network import FakeNetwork, elastic, network_of

from testbed.driver.children import Child, Children
from testbed.errors import InvariantError, NotReadyError, ScenarioError
from testbed.host.clock import Clock
from testbed.host.control import Control
from testbed.host.loop import Loop
from testbed.host.process import Ask, Part, run_program

MS = 1_000_000
Program = Callable[[], None]


class ForkingNetwork(FakeNetwork):
    """Forks as a real network does, and stays where it is."""

    def fork(self, host: str, program: Program) -> int:
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                program()
                status = 0
            finally:
                os._exit(status)
        return pid


@pytest.fixture
def loop() -> Loop:
    return Loop(Clock(time.clock_gettime_ns(time.CLOCK_REALTIME)))


@pytest.fixture
def forked() -> list[int]:
    return []


@pytest.fixture
def children(loop: Loop, forked: list[int]) -> Iterator[Children]:
    children = Children(ForkingNetwork(network_of(elastic()).plan), loop, forked.append)
    yield children
    children.kill()
    assert not any(runs(pid) for pid in forked)


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def obedient(control: Control) -> Program:
    """Does what every good program does: ready, go, stop, done."""

    def program() -> None:
        control.say("ready")
        heard = []
        while (message := control.hear()) is not None and message["kind"] != "stop":
            heard.append(message["kind"])
        control.say("done", heard=heard)

    return program


def ending(how: Program, *, after: str = "") -> Callable[[Control], Program]:
    """A program that ends badly: at once, or after it has said something."""

    def make(control: Control) -> Program:
        def program() -> None:
            if after:
                control.say(after)
            how()

        return program

    return make


def exit_7() -> None:
    os._exit(7)


def shot() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_program_goes_when_told_and_its_last_words_come_back(children: Children, forked: list[int]) -> None:
    child = children.start("player", "home1", obedient)
    assert forked == [child.pid]
    children.go(child)
    assert children.stop(child) == {"kind": "done", "heard": ["go"]}
    assert not runs(child.pid)


def test_a_program_that_dies_at_once_is_reported_with_its_status(children: Children) -> None:
    with pytest.raises(NotReadyError) as died:
        children.start("player", "home1", ending(exit_7))
    assert str(died.value) == (
        "program player on home1 did not say ready (exit status 7); "
        "what it printed is in this run's console log"
    )
    assert died.value.exit_status == 4


class Failing:
    """A part that fails when it is called to."""

    def __init__(self, when: str) -> None:
        self._when = when

    def start(self) -> None:
        if self._when == "start":
            raise ScenarioError("the file is wrong")

    def close(self) -> None:
        if self._when == "close":
            raise ScenarioError("the file is wrong")


@pytest.mark.parametrize("when", ["making", "start", "close"])
def test_a_program_that_tells_its_error_is_reported_with_it(
    children: Children, loop: Loop, when: str
) -> None:
    def parts(_loop: Loop, _ask: Ask) -> list[Part]:
        if when == "making":
            raise ScenarioError("the file is wrong")
        return [Failing(when)]

    def make(control: Control) -> Program:
        return lambda: run_program(control, Loop(Clock(0)), parts)

    def course() -> None:
        child = children.start("game", "node1", make)
        children.go(child)
        if when == "start":
            loop.run()
        children.stop(child)

    with pytest.raises(ScenarioError, match=r"^program game on node1: the file is wrong$"):
        course()


def test_a_program_that_is_killed_is_reported_with_the_signal(children: Children) -> None:
    with pytest.raises(NotReadyError, match=r"did not say ready \(killed by SIGKILL\)"):
        children.start("player", "home1", ending(shot))


@pytest.mark.parametrize("attempt", range(20))
def test_the_status_is_never_guessed_however_fast_a_death_is_noticed(
    children: Children, loop: Loop, attempt: int
) -> None:
    """Its line closes a moment before the process can be awaited; asking too early told of status 0."""
    children.start("player", "home1", ending(exit_7, after="ready"))
    with pytest.raises(NotReadyError, match=r"ended early \(exit status 7\)"):
        loop.run()


def test_a_program_that_died_is_noticed_when_it_is_told_something(children: Children) -> None:
    child = children.start("player", "home1", ending(exit_7, after="ready"))
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    with pytest.raises(NotReadyError, match=r"ended before it was told go \(exit status 7\)"):
        children.go(child)


def test_a_program_can_crash_with_its_host_and_that_is_no_error(children: Children, loop: Loop) -> None:
    deaf = children.start("application", "node1", ending(signal.pause, after="ready"))
    other = children.start("player", "home1", obedient)
    children.go(deaf, other)
    children.crash(deaf)
    assert not runs(deaf.pid)
    loop.at(loop.clock.now_ns(), loop.stop)
    loop.run()
    assert children.stop(other)["kind"] == "done"


def test_a_program_that_does_not_finish_properly_is_noticed(children: Children) -> None:
    def make(control: Control) -> Program:
        def program() -> None:
            control.say("ready")
            control.hear()
            exit_7()

        return program

    child = children.start("player", "home1", make)
    with pytest.raises(NotReadyError, match=r"did not say what it received \(exit status 7\)"):
        children.stop(child)


def test_a_program_that_fails_after_its_last_words_is_noticed(children: Children) -> None:
    def make(control: Control) -> Program:
        def program() -> None:
            obedient(control)()
            shot()

        return program

    child = children.start("player", "home1", make)
    with pytest.raises(NotReadyError, match=r"then ended badly \(killed by SIGKILL\)"):
        children.stop(child)


def test_a_dead_program_is_forgotten_and_its_number_never_used_again(children: Children) -> None:
    """By then it may be another process's: whoever signals it would hit a stranger."""
    with pytest.raises(NotReadyError):
        children.start("player", "home1", ending(exit_7))
    signalled: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "kill", lambda pid, _: signalled.append(pid))
        children.kill()
    assert signalled == []


def test_what_a_program_asks_is_heard_in_the_loop(children: Children, loop: Loop) -> None:
    asked: list[dict[str, Any]] = []

    def make(control: Control) -> Program:
        def program() -> None:
            control.say("ready")
            control.say("scene", at_ns=5)
            answer = control.hear()
            control.hear()
            control.say("done", answer=answer)

        return program

    def hear(child: Child, message: dict[str, Any]) -> None:
        asked.append(message)
        children.tell(child, "entered")
        loop.stop()

    child = children.start("render", "edge", make, hear)
    loop.run()
    assert asked == [{"kind": "scene", "at_ns": 5}]
    assert children.stop(child)["answer"] == {"kind": "entered"}


def test_a_question_that_comes_with_the_stop_is_passed_over(children: Children) -> None:
    def make(control: Control) -> Program:
        def program() -> None:
            control.say("ready")
            control.say("scene", at_ns=5)
            control.hear()
            control.say("done")

        return program

    child = children.start("render", "edge", make, lambda *_: None)
    assert children.stop(child) == {"kind": "done"}


def test_speaking_without_being_asked_is_our_own_bug(children: Children, loop: Loop) -> None:
    def make(control: Control) -> Program:
        def program() -> None:
            control.say("ready")
            control.say("chatter")
            control.hear()

        return program

    children.start("player", "home1", make)
    with pytest.raises(InvariantError, match="nobody had asked"):
        loop.run()


def test_no_program_holds_the_line_of_another(children: Children) -> None:
    """Else the driver would not hear that one has died while the others live."""
    before = open_sockets()

    def make(control: Control) -> Program:
        def program() -> None:
            lines = open_sockets() - before
            control.say("ready")
            control.hear()
            control.say("done", lines=len(lines))

        return program

    first, second = (children.start(name, "home1", make) for name in ("first", "second"))
    assert children.stop(second)["lines"] == children.stop(first)["lines"] == 1


def open_sockets() -> set[int]:
    """The sockets that this process holds, by their inodes; what other tests have left open is among them."""
    found = set()
    for descriptor in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):
            status = os.stat(f"/proc/self/fd/{descriptor}")
            if stat.S_ISSOCK(status.st_mode):
                found.add(status.st_ino)
    return found


def test_whatever_still_runs_is_ended(children: Children, forked: list[int]) -> None:
    for name in ("a", "b", "c"):
        children.start(name, "home1", obedient)
    assert all(runs(pid) for pid in forked)
    children.kill()
    assert not any(runs(pid) for pid in forked)


class Told:
    """Enters a scene at once, and says at the end what it was told until the answer came."""

    def __init__(self, loop: Loop, ask: Ask) -> None:
        self._loop, self._ask = loop, ask
        self._kinds: list[str] = []
        self.outcome: dict[str, list[str]] = {}

    def told(self, message: dict[str, Any]) -> None:
        self._kinds.append(message["kind"])

    def start(self) -> None:
        self._loop.at(0, self._enter)

    def _enter(self) -> None:
        self._ask("scene", {"at_ns": 0}, "entered")
        self.outcome = {"before_it_went_on": [*self._kinds]}

    def close(self) -> None:
        pass


def test_a_question_waits_for_its_own_answer_and_other_messages_are_handled_meanwhile(
    children: Children, loop: Loop
) -> None:
    def make(control: Control) -> Program:
        return lambda: run_program(control, Loop(Clock(0)), lambda own, ask: [Told(own, ask)])

    def answer(child: Child, _message: dict[str, Any]) -> None:
        children.tell(child, "sharers", count=2)
        children.tell(child, "entered")
        loop.stop()

    child = children.start("render", "edge", make, answer)
    children.tell(child, "sharers", count=1)
    children.go(child)
    loop.run()
    assert children.stop(child)["before_it_went_on"] == ["sharers", "go", "sharers", "entered"]
