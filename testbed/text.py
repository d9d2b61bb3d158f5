"""Words for error messages: what was written, at a readable length, and the nearest word that would do."""

from collections.abc import Iterable
from difflib import get_close_matches

_SHOWN_CHARACTERS = 60
_SHOWN_CHOICES = 20


def quoted(value: object) -> str:
    """A value as somebody wrote it, in quotes if it is text, and never longer than a line."""
    written = repr(value) if isinstance(value, str) else _plain(value)
    return written if len(written) <= _SHOWN_CHARACTERS else f"{written[: _SHOWN_CHARACTERS - 1]}…"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant, or None when nothing comes close. Case does not count."""
    by_folded = {candidate.casefold(): candidate for candidate in known}
    folded = word[:_SHOWN_CHARACTERS].casefold()
    begun = [candidate for candidate in by_folded if folded and candidate.startswith(folded)]
    matches = begun if len(begun) == 1 else get_close_matches(folded, list(by_folded), n=1, cutoff=0.65)
    return by_folded[matches[0]] if matches else None


def instead(word: str, known: Iterable[str]) -> str:
    """The rest of a sentence about an unknown word: the one probably meant, or all that there are."""
    choices = list(known)
    if not choices:
        return "there are none here"
    meant = nearest(word, choices)
    known = f"known is {choices[0]}" if len(choices) == 1 else f"known are {listed(choices)}"
    return f"did you mean {meant!r}?" if meant else known


def listed(words: Iterable[str]) -> str:
    """Words with commas between them, the first twenty in full."""
    choices = list(words)
    rest = len(choices) - _SHOWN_CHOICES
    return ", ".join(choices[:_SHOWN_CHOICES]) + (f" and {rest} more" if rest > 0 else "")


def counted(count: int, noun: str) -> str:
    """A count with its noun: "1 session", "2 sessions"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _plain(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
