"""Reads traces of requests to language models, in the CSV format of Azure's LLM inference trace of 2023.

The first line is TIMESTAMP,ContextTokens,GeneratedTokens; a timestamp is written 2023-11-16 18:17:03.9799600,
with up to nine digits of a second. Every line must be whole: a trace of which something is left out would be
another one.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

HEADING = ["TIMESTAMP", "ContextTokens", "GeneratedTokens"]
_TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(?:\.(\d{1,9}))?")
_MOST_TOKENS = 1_000_000


@dataclass(frozen=True, slots=True)
class TracedRequest:
    """A request of a trace: its instant since the first one, and the lengths of prompt and answer."""

    after_ns: int
    prompt_tokens: int
    output_tokens: int


def read_trace(path: Path) -> tuple[TracedRequest, ...]:
    """All requests of a trace, in its order.

    Raises:
        ValueError: The file cannot be read, or a line is not as it must be; with the line.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return tuple(_requests(path, csv.reader(file, strict=True)))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error


def _requests(path: Path, lines: Iterator[list[str]]) -> Iterator[TracedRequest]:
    if next(lines, None) != HEADING:
        raise ValueError(f"{path}, line 1: is not the heading {','.join(HEADING)}")
    first_ns = last_ns = None
    for number, fields in enumerate(lines, start=2):
        try:
            at_ns, prompt, output = _parsed(fields)
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}") from error
        if first_ns is None or last_ns is None:
            first_ns = last_ns = at_ns
        if at_ns < last_ns:
            raise ValueError(f"{path}, line {number}: is earlier than the line before it")
        last_ns = at_ns
        yield TracedRequest(at_ns - first_ns, prompt, output)
    if first_ns is None:
        raise ValueError(f"{path} has no requests")


def _parsed(fields: list[str]) -> tuple[int, int, int]:
    if len(fields) != len(HEADING):
        raise ValueError(f"has {len(fields)} fields instead of {len(HEADING)}")
    timestamp, prompt, output = fields
    return _instant_ns(timestamp), _tokens(HEADING[1], prompt), _tokens(HEADING[2], output)


def _instant_ns(text: str) -> int:
    found = _TIMESTAMP.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no timestamp, such as 2023-11-16 18:17:03.9799600")
    whole = datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    return int(whole.timestamp()) * 10**9 + int((found[2] or "").ljust(9, "0"))


def _tokens(column: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= _MOST_TOKENS):
        raise ValueError(f"{column} is {text!r}; that is a whole number, 1 to {_MOST_TOKENS:,}")
    return int(text)
