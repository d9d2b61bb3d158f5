"""Messages between the driver and a program keep their borders, and an end that is gone is noticed."""

from collections import deque

import pytest

from testbed.errors import NotReadyError
from testbed.host.control import Control


def test_messages_arrive_whole_one_by_one_and_in_order() -> None:
    ours, theirs = Control.pair()
    theirs.say("ready")
    theirs.say("scene", at_ns=5, name="4k")
    assert ours.hear() == {"kind": "ready"}
    assert ours.hear() == {"kind": "scene", "at_ns": 5, "name": "4k"}


def test_both_ends_may_speak() -> None:
    ours, theirs = Control.pair()
    ours.say("go")
    theirs.say("done", received_bytes=7)
    assert theirs.hear() == {"kind": "go"}
    assert ours.hear() == {"kind": "done", "received_bytes": 7}


def test_a_long_message_is_not_cut() -> None:
    ours, theirs = Control.pair()
    theirs.say("text", text="x" * 60_000)
    message = ours.hear()
    assert message is not None
    assert len(message["text"]) == 60_000


def test_what_was_said_before_the_other_end_went_is_still_heard() -> None:
    ours, theirs = Control.pair()
    theirs.say("done")
    theirs.close()
    assert ours.hear() == {"kind": "done"}
    assert ours.hear() is None


def test_an_end_that_goes_with_something_unread_is_gone_like_any_other() -> None:
    ours, theirs = Control.pair()
    ours.say("go")
    theirs.close()
    assert ours.hear() is None


def test_speaking_to_nobody_is_an_error() -> None:
    ours, theirs = Control.pair()
    theirs.close()
    with pytest.raises(BrokenPipeError):
        ours.say("go")


def test_what_has_been_said_is_heard_without_waiting_each_message_once() -> None:
    ours, theirs = Control.pair()
    assert theirs.heard() is None
    ours.say("first")
    ours.say("second")
    assert [theirs.heard(), theirs.heard(), theirs.heard()] == [{"kind": "first"}, {"kind": "second"}, None]


def test_nothing_is_asked_of_the_kernel_while_nothing_was_said() -> None:
    ours, theirs = Control.pair()
    ours.close()
    assert [theirs.heard() for _ in range(10)] == [None] * 10
    with pytest.raises(NotReadyError, match="is gone"):
        deque(iter(theirs.heard, "never"), maxlen=0)
