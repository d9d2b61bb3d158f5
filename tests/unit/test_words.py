"""Nearest words and readable lengths in error messages."""

from testbed.text import counted, instead, listed, nearest, quoted


def test_the_nearest_word_is_found_whatever_its_case() -> None:
    assert nearest("Elstic", ["best_effort", "elastic"]) == "elastic"
    assert nearest("down", ["upstream", "downstream"]) == "downstream"


def test_a_word_that_resembles_nothing_has_no_nearest() -> None:
    assert nearest("mesh", ["best_effort", "elastic"]) is None
    assert nearest("", ["elastic"]) is None
    assert nearest("elastic", []) is None


def test_a_message_ends_with_the_nearest_word_or_with_all_of_them() -> None:
    assert instead("elstic", ["elastic", "static"]) == "did you mean 'elastic'?"
    assert instead("x", ["elastic", "static"]) == "known are elastic, static"
    assert instead("x", ["elastic"]) == "known is elastic"
    assert instead("x", []) == "there are none here"


def test_long_values_and_lists_are_cut() -> None:
    assert len(quoted("x" * 1000)) == 60
    assert quoted("x") == "'x'"
    assert (quoted(True), quoted(None), quoted(1.5)) == ("true", "null", "1.5")
    assert listed(str(number) for number in range(25)).endswith("18, 19 and 5 more")


def test_counts_agree_with_their_nouns() -> None:
    assert (counted(1, "session"), counted(2, "session")) == ("1 session", "2 sessions")
