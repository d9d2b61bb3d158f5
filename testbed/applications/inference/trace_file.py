"""Reads traces of requests to language models, in the formats in which they are published.

    Azure's LLM inference traces of 2023 and 2024   CSV: TIMESTAMP,ContextTokens,GeneratedTokens
    BurstGPT                                        CSV: Timestamp, Request tokens, Response tokens and others
    Mooncake                                        JSON lines: timestamp, input_length, output_length

The first line tells which it is. Every line must be whole and none earlier than the one before it: a trace of
which something is left out would be another one. Only what BurstGPT marks as failed, by 0 response tokens, is
left out, as in its publisher's own files without failures.
"""

import csv
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Any

AZURE = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
BURST_GPT = ("Timestamp", "Request tokens", "Response tokens")
MOONCAKE = ("timestamp", "input_length", "output_length")
"""The columns of instant, prompt and answer in each format."""
_TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?")
_MOST_TOKENS = 1_000_000
_NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?")


@dataclass(frozen=True, slots=True)
class TracedRequest:
    """A request of a trace: its instant since the first one, and the lengths of prompt and answer."""

    after_ns: int
    prompt_tokens: int
    output_tokens: int


_Parsed = tuple[int, int, int]
"""An instant in nanoseconds since some instant, and the lengths of prompt and answer."""


def read_trace(path: Path, until_ns: int | None = None) -> tuple[TracedRequest, ...]:
    """All requests of a trace, in its order; with `until_ns` those before, and nothing behind is looked at.

    Raises:
        ValueError: The file cannot be read, or a line is not as it must be; with the line and the column.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return tuple(_requests(path, _parsed_lines(path, file), until_ns))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error


def _requests(
    path: Path, lines: Iterator[tuple[int, _Parsed | None]], until_ns: int | None
) -> Iterator[TracedRequest]:
    first_ns = last_ns = None
    for number, parsed in lines:
        if parsed is None:
            continue
        at_ns, prompt, output = parsed
        if first_ns is None or last_ns is None:
            first_ns = last_ns = at_ns
        if at_ns < last_ns:
            raise ValueError(f"{path}, line {number}: is earlier than the line before it; sort it by time")
        if until_ns is not None and at_ns - first_ns >= until_ns:
            return
        last_ns = at_ns
        yield TracedRequest(at_ns - first_ns, prompt, output)
    if first_ns is None:
        raise ValueError(f"{path} has no requests")


def _parsed_lines(path: Path, file: Iterator[str]) -> Iterator[tuple[int, _Parsed | None]]:
    """Every line with its number, by the format that the first line has; None of a request that failed."""
    first = next(file, "")
    lines: Iterator[Any]
    parse: Callable[[Any], _Parsed | None]
    if first.lstrip().startswith("{"):
        start, lines, parse = 1, chain([first], file), _mooncake
    else:
        start, lines = 2, csv.reader(chain([first], file), strict=True)
        parse = _parser_of(path, next(lines, []))
    for number, line in enumerate(lines, start):
        try:
            parsed = parse(line)
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}") from error
        yield number, parsed


def _parser_of(path: Path, heading: list[str]) -> Callable[[list[str]], _Parsed | None]:
    if heading == list(AZURE):
        return _azure
    if len(set(heading)) == len(heading) and set(BURST_GPT) <= set(heading):
        return lambda fields: _burst_gpt(heading, fields)
    raise ValueError(
        f"{path}, line 1: is not the heading {','.join(AZURE)}, nor one of BurstGPT with "
        f"{', '.join(BURST_GPT)}, nor a JSON object of Mooncake with {', '.join(MOONCAKE)}"
    )


def _azure(fields: list[str]) -> _Parsed:
    _see_count(fields, len(AZURE))
    timestamp, prompt, output = fields
    return _instant_ns(timestamp), _tokens(AZURE[1], prompt), _tokens(AZURE[2], output)


def _burst_gpt(heading: list[str], fields: list[str]) -> _Parsed | None:
    _see_count(fields, len(heading))
    at, prompt, output = (fields[heading.index(column)] for column in BURST_GPT)
    at_ns = _after_ns(BURST_GPT[0], at, 10**9)
    if output == "0":
        return None
    return at_ns, _tokens(BURST_GPT[1], prompt), _tokens(BURST_GPT[2], output)


def _mooncake(line: str) -> _Parsed:
    try:
        told = json.loads(line, parse_float=Decimal)
    except json.JSONDecodeError as error:
        raise ValueError(f"is no JSON: {error.msg} at column {error.colno}") from error
    except RecursionError as error:
        raise ValueError("is no JSON that anybody could read: it is nested too deeply") from error
    if not isinstance(told, dict):
        raise ValueError(f"is no JSON object with {', '.join(MOONCAKE)}")
    missing = [column for column in MOONCAKE if column not in told]
    if missing:
        raise ValueError(f"lacks {', '.join(missing)}")
    at, prompt, output = (str(told[column]) for column in MOONCAKE)
    return _after_ns(MOONCAKE[0], at, 10**6), _tokens(MOONCAKE[1], prompt), _tokens(MOONCAKE[2], output)


def _see_count(fields: list[str], columns: int) -> None:
    if len(fields) != columns:
        raise ValueError(f"has {len(fields)} fields instead of {columns}")


def _instant_ns(text: str) -> int:
    """The instant of a date and time; without a zone it is meant in UTC."""
    found = _TIMESTAMP.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no timestamp, such as 2023-11-16 18:17:03.9799600, in {AZURE[0]}")
    try:
        whole = datetime.fromisoformat(f"{found[1]}{found[3] or 'Z'}")
    except ValueError as error:
        raise ValueError(f"{text!r} is no timestamp ({error}), in {AZURE[0]}") from error
    return int(whole.timestamp()) * 10**9 + int((found[2] or "").ljust(9, "0"))


def _after_ns(column: str, text: str, unit_ns: int) -> int:
    """A number of units of time, exactly."""
    span_ns = Decimal(text) * unit_ns if _NUMBER.fullmatch(text) else None
    if span_ns is None or span_ns % 1:
        unit = {10**9: "seconds", 10**6: "milliseconds"}[unit_ns]
        raise ValueError(f"{column} is {text!r:.40}; that is a number of {unit}, in whole nanoseconds")
    return int(span_ns)


def _tokens(column: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and 1 <= int(text) <= _MOST_TOKENS):
        raise ValueError(f"{column} is {text!r:.40}; that is a whole number, 1 to {_MOST_TOKENS:,}")
    return int(text)
