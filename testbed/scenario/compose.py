"""YAML text to a tree, with limits that hold before anything expensive happens.

The subset of YAML is what a scenario needs: mappings, lists, text, numbers, true, false and null.
Anchors, aliases, tags, merge keys and several documents are refused. So are the surprises of YAML
1.1: `no` is a word, `12:30` is text, and so is `010`, which some readers take for an 8.
"""

import math
import re
from collections.abc import Iterator
from typing import NoReturn

import yaml

from testbed.errors import ScenarioError
from testbed.scenario.tree import Keys, Node, Place, Scalar
from testbed.text import quoted

MAX_DEPTH = 32
MAX_NODES = 20_000
MAX_KEY = 100
MAX_TEXT = 10_000
_LONGEST_NUMBER = 40
_TOO_DEEP = f"the text is nested more than {MAX_DEPTH} deep; is a bracket open?"
_PARSER_DEPTH = "exceeded maximum nesting depth"
"""What newer parsers say of brackets by the thousand, before the first of them is seen here."""

INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
FLOAT = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?")
WORDS: dict[str, Scalar] = {"": None, "~": None, "null": None, "true": True, "false": False}

_ADVICE = {
    "mapping values are not allowed": "is a colon too many, or an indentation wrong?",
    "did not find expected key": "is the indentation that of the keys above?",
    "did not find expected '-' indicator": "is the indentation that of the items above?",
    "could not find expected ':'": "is a colon missing after a key, or a quote open?",
    "found unexpected ':'": "is a space missing after the colon?",
    "found unexpected end of stream": "is a quote or a bracket open?",
    "cannot start any token": "put text that begins with @, `, % or another special character in quotes",
}


def resolve(written: str) -> Scalar:
    """What an unquoted scalar stands for. Numbers are decimal and finite; everything odd is text."""
    word = written if written in WORDS else written.lower()
    if word in WORDS and written in (word, word.capitalize(), word.upper()):
        return WORDS[word]
    if len(written) <= _LONGEST_NUMBER:
        if INTEGER.fullmatch(written):
            return int(written)
        if FLOAT.fullmatch(written) and math.isfinite(float(written)):
            return float(written)
    return written


def compose(text: str, label: str, *, has_lines: bool = True, at: Keys = ()) -> Node:
    """Read one YAML document; `at` are the keys under which its value will stand.

    Raises:
        ScenarioError: Not YAML, not within the limits, or outside the subset; only the first fault is told.
    """
    return _Composer(text, label, has_lines).document(at)


class _Composer:
    """Turns the parser's events into nodes one at a time, so that a limit stops the parser where it is."""

    def __init__(self, text: str, label: str, has_lines: bool) -> None:
        self._label = label
        self._has_lines = has_lines
        self._nodes = 0
        self._events = self._parse(text)

    def document(self, at: Keys) -> Node:
        """The one document of the text."""
        next(self._events)  # the stream's start
        if isinstance(next(self._events), yaml.StreamEndEvent):
            self._refuse(0, "is empty; it must hold a mapping of keys")
        first = next(self._events)
        # What concerns the whole document (a key that is missing at the top) has no line of its own.
        whole = not at and isinstance(first, yaml.MappingStartEvent)
        node = self._node(first, at, Place(0, self._label) if whole else self._place(first))
        next(self._events)  # the document's end
        if isinstance(second := next(self._events), yaml.DocumentStartEvent):
            self._refuse(self._line(second), "a second document begins here; one file holds one")
        return node

    def _parse(self, text: str) -> Iterator[yaml.Event]:
        self._check_characters(text)
        try:
            yield from yaml.parse(text, Loader=yaml.CSafeLoader)
        except yaml.MarkedYAMLError as error:
            # An open quote is told at the end of the text; where it opened is the line to mend.
            opened = error.context_mark if "quoted scalar" in str(error.context) else None
            mark = opened or error.problem_mark or error.context_mark
            line = mark.line + 1 if mark is not None else 0
            if _PARSER_DEPTH in str(error.problem):
                self._refuse(line, _TOO_DEEP, error)
            self._refuse(line, f"is not YAML: {_reason(error)}", error)
        except yaml.YAMLError as error:
            self._refuse(0, f"is not YAML: {error}", error)

    def _check_characters(self, text: str) -> None:
        for unwanted, advice in (
            (r"\t", "has a tab; write spaces"),
            (r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", "is not text: it has a control character"),
        ):
            if (found := re.search(unwanted, text)) is not None:
                self._refuse(text.count("\n", 0, found.start()) + 1, advice)

    def _node(self, event: yaml.Event, keys: Keys, place: Place) -> Node:
        self._check(event, keys)
        if isinstance(event, yaml.MappingStartEvent):
            return Node(place, keys, self._mapping(keys))
        if isinstance(event, yaml.SequenceStartEvent):
            return Node(place, keys, tuple(self._sequence(keys)))
        assert isinstance(event, yaml.ScalarEvent)  # aliases were refused, and there is nothing else
        if len(event.value) > MAX_TEXT:
            self._refuse(
                self._line(event), f"a text has {len(event.value):,} characters; at most {MAX_TEXT:,} may be"
            )
        return Node(place, keys, resolve(event.value) if event.implicit[0] else event.value)

    def _mapping(self, keys: Keys) -> dict[str, Node]:
        members: dict[str, Node] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event, keys)
            if key in members:
                before = members[key].place.line
                message = f"key {quoted(key)} is here twice; the first is on line {before}"
                self._refuse(self._line(event), message)
            members[key] = self._node(next(self._events), (*keys, key), self._place(event))
        return members

    def _key(self, event: yaml.Event, keys: Keys) -> str:
        self._check(event, keys)
        line = self._line(event)
        if not isinstance(event, yaml.ScalarEvent):
            self._refuse(line, "a mapping's key is a mapping or a list; write one word")
        if event.value == "<<":
            self._refuse(line, "merge keys (<<) are not read; write the keys out")
        if event.value == "":
            self._refuse(line, "a mapping has an empty key; write its name before the colon")
        if len(event.value) > MAX_KEY:
            self._refuse(line, f"a key has {len(event.value):,} characters; at most {MAX_KEY} may be")
        return str(event.value)

    def _sequence(self, keys: Keys) -> Iterator[Node]:
        index = 0
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            yield self._node(event, (*keys, index), self._place(event))
            index += 1

    def _check(self, event: yaml.Event, keys: Keys) -> None:
        line = self._line(event)
        self._nodes += 1
        if self._nodes > MAX_NODES:
            self._refuse(line, f"the text holds more than {MAX_NODES:,} values; is it another file?")
        if len(keys) > MAX_DEPTH:
            self._refuse(line, _TOO_DEEP)
        anchor = getattr(event, "anchor", None)
        if isinstance(event, yaml.AliasEvent):
            self._refuse(line, f"aliases (*{anchor}) are not read; write the value out")
        if anchor is not None:
            self._refuse(line, f"anchors (&{anchor}) are not read; write the value where it is needed")
        if (tag := getattr(event, "tag", None)) is not None:
            self._refuse(line, f"tags ({tag}) are not read; remove it, values find their own type")

    def _line(self, event: yaml.Event) -> int:
        mark = event.start_mark
        return mark.line + 1 if self._has_lines and mark is not None else 0

    def _place(self, event: yaml.Event) -> Place:
        return Place(self._line(event), self._label)

    def _refuse(self, line: int, message: str, cause: Exception | None = None) -> NoReturn:
        place = Place(line if self._has_lines else 0, self._label)
        raise ScenarioError(f"{place}: {message}") from cause


def _reason(error: yaml.MarkedYAMLError) -> str:
    """The parser's words, with an advice for what people most often mean by them."""
    words = ", ".join(part for part in (error.context, error.problem) if part)
    advice = next((advice for key, advice in _ADVICE.items() if key in words), None)
    return f"{words}; {advice}" if advice else words
