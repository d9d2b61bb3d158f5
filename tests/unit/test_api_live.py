"""What the API shows of the kernel's classes, and who is who on an emulated network."""

import asyncio
import re
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from testbed.api import live_classes
from testbed.api.error_responses import ApiError
from testbed.api.live_classes import Dump, LiveClass, LiveClasses
from testbed.api.server_settings import Subscriber
from testbed.api.subscribers import phone_number, subscribers
from testbed.errors import NotReadyError

OF_CAMARA = re.compile(r"\+[1-9][0-9]{4,14}")
"""PhoneNumber in quality-on-demand.yaml, release r3.2."""

HOSTS = st.tuples(st.integers(1, 255), st.integers(1, 255))


class HandLine:
    """Takes questions, and is given the answers."""

    def __init__(self) -> None:
        self.questions: list[dict[str, Any]] = []
        self.is_closed = False
        self.listener: Callable[[dict[str, Any]], None] = pytest.fail

    def send(self, message: dict[str, Any]) -> None:
        if self.is_closed:
            raise NotReadyError("the line is closed")
        self.questions.append(message)

    def on_message(self, kind: str, listener: Callable[[dict[str, Any]], None]) -> None:
        assert kind == "classes"
        self.listener = listener

    def answer(self, *sessions: str) -> None:
        self.listener({"kind": "classes", "at_ns": 7, "classes": [class_of(session) for session in sessions]})


def class_of(session: str, **changed: Any) -> dict[str, Any]:
    shown = {"session": session, "name": session, "direction": "upstream", "class": "1f"}
    counters = {"sent_bytes": 5, "backlog_bytes": 0, "dropped_packets": 0}
    return {**shown, "rate_bps": None, "granted_bps": 100, **counters, **changed}


def played(script: Callable[[HandLine, LiveClasses], Coroutine[Any, Any, None]]) -> HandLine:
    """A line on which a script has been played."""
    line = HandLine()

    async def play() -> None:
        await script(line, LiveClasses(line))

    asyncio.run(play())
    return line


async def asking(classes: LiveClasses) -> "asyncio.Task[Dump]":
    """Somebody who has asked, and waits."""
    asker = asyncio.create_task(classes.now())
    await asyncio.sleep(0)
    return asker


def sessions_of(asker: "asyncio.Task[Dump]") -> list[str]:
    assert asker.result().at_ns == 7
    return [each.session for each in asker.result().classes]


def test_an_answer_is_that_of_its_question_though_several_wait() -> None:
    async def script(line: HandLine, classes: LiveClasses) -> None:
        first, second = await asking(classes), await asking(classes)
        line.answer("a")
        line.answer("b", "c")
        await asyncio.wait([first, second])
        assert (sessions_of(first), sessions_of(second)) == (["a"], ["b", "c"])

    assert played(script).questions == [{"kind": "classes"}] * 2


def test_who_has_gone_away_does_not_get_another_ones_answer() -> None:
    async def script(line: HandLine, classes: LiveClasses) -> None:
        leaving, staying = await asking(classes), await asking(classes)
        leaving.cancel()
        await asyncio.wait([leaving])
        line.answer("for nobody")
        line.answer("for the other")
        await asyncio.wait([staying])
        assert sessions_of(staying) == ["for the other"]

    played(script)


def test_whoever_waits_when_the_network_goes_is_refused_and_so_is_whoever_asks_after() -> None:
    async def script(_line: HandLine, classes: LiveClasses) -> None:
        waiting = await asking(classes)
        classes.gone()
        for asker in (waiting, asyncio.create_task(classes.now())):
            await asyncio.wait([asker])
            error = asker.exception()
            assert isinstance(error, ApiError)
            assert (error.status, error.code) == (503, "UNAVAILABLE")

    assert len(played(script).questions) == 1


def test_whoever_asks_a_network_that_hangs_is_refused_and_its_late_answer_is_for_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def script(line: HandLine, classes: LiveClasses) -> None:
        monkeypatch.setattr(live_classes, "_ANSWER_S", 0.05)
        with pytest.raises(ApiError, match=r"has not answered for 0\.05 s") as refused:
            await classes.now()
        assert (refused.value.status, refused.value.code) == (503, "UNAVAILABLE")
        monkeypatch.setattr(live_classes, "_ANSWER_S", 60.0)
        second = await asking(classes)
        line.answer("late")
        line.answer("second")
        await second
        assert sessions_of(second) == ["second"]

    played(script)


def test_an_answer_that_comes_after_the_network_was_called_gone_is_for_nobody() -> None:
    async def script(line: HandLine, classes: LiveClasses) -> None:
        waiting = await asking(classes)
        classes.gone()
        line.answer("late")
        await asyncio.wait([waiting])
        assert isinstance(waiting.exception(), ApiError)

    played(script)


def test_a_question_that_could_not_be_sent_has_no_answer_to_wait_for() -> None:
    async def script(line: HandLine, classes: LiveClasses) -> None:
        line.is_closed = True
        with pytest.raises(ApiError, match="network is gone"):
            await classes.now()
        line.is_closed = False
        asker = await asking(classes)
        line.answer("a")
        await asyncio.wait([asker])
        assert sessions_of(asker) == ["a"]

    played(script)


def test_a_class_is_shown_with_the_keys_of_the_line() -> None:
    shown = class_of("a")
    assert LiveClass.model_validate(shown).model_dump(mode="json", by_alias=True) == shown


@pytest.mark.parametrize("wrong", [{"direction": "sideways"}, {"class": "xyz"}, {"sent_bytes": None}])
def test_what_is_no_class_is_not_shown(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        LiveClass.model_validate(class_of("a", **wrong))


def test_a_phone_number_has_the_home_and_the_device() -> None:
    assert phone_number("10.1.17.2") == "+999017002"


@given(one=HOSTS, other=HOSTS)
def test_phone_numbers_are_those_of_camara_and_no_two_hosts_have_the_same(
    one: tuple[int, int], other: tuple[int, int]
) -> None:
    numbers = [phone_number("10.1.{}.{}".format(*each)) for each in (one, other)]
    assert all(OF_CAMARA.fullmatch(number) for number in numbers)
    assert (numbers[0] == numbers[1]) is (one == other)


def test_every_host_is_a_subscriber_by_its_address_and_its_number() -> None:
    assert subscribers({"home1": "10.1.1.1", "tv": "10.1.1.2"}) == (
        Subscriber(host="home1", ipv4="10.1.1.1", phone_number="+999001001"),
        Subscriber(host="tv", ipv4="10.1.1.2", phone_number="+999001002"),
    )
