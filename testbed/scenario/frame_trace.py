"""Reads traces of video frames: CSV files with the size of each frame and how long after another it comes.

Sizes are bytes and distances seconds, both decimal. A distance is that from the frame before; that of the
first frame counts where the trace is repeated. Frames end at the first line whose fields are all empty, or
with the file: data sets have statistics of theirs below. Every line before that must be whole, because a
trace of which something is left out would be another one.
"""

import csv
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import NamedTuple

from testbed.text import instead, quoted

_MOST_BYTES = 10_000_000
_MOST_S = 3600
_NS_PER_S = 10**9


class TracedFrame(NamedTuple):
    """A frame of a trace: its size, and how long after the one before it comes."""

    size_bytes: int
    after_ns: int


def read_frames(path: Path, size: str, interval: str) -> tuple[TracedFrame, ...]:
    """All frames of a trace in order; `size` and `interval` are the names of the columns.

    Raises:
        ValueError: The file cannot be read, lacks a column, or a line is not as it must be; with the line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            frames = tuple(_frames(path, csv.reader(file, strict=True), size, interval))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    if not frames:
        raise ValueError(f"{path} has no frames")
    if not any(frame.after_ns for frame in frames):
        raise ValueError(f"{path}: {interval} is 0 in every line; all frames would come at once")
    return frames


def _frames(path: Path, lines: Iterator[list[str]], size: str, interval: str) -> Iterator[TracedFrame]:
    heading = next(lines, [])
    columns = [_column(path, heading, name) for name in (size, interval)]
    for number, fields in enumerate(lines, start=2):
        if not any(fields):
            return
        try:
            if len(fields) != len(heading):
                raise ValueError(f"has {len(fields)} fields, and the heading has {len(heading)}")
            size_bytes = _number(size, fields[columns[0]], "bytes", 1, _MOST_BYTES)
            interval_s = _number(interval, fields[columns[1]], "seconds", 0, _MOST_S)
        except ValueError as error:
            raise ValueError(f"{path}, line {number}: {error}") from error
        yield TracedFrame(round(size_bytes), round(interval_s * _NS_PER_S))


def _column(path: Path, heading: list[str], name: str) -> int:
    if name not in heading:
        known = instead(name, [each for each in heading if each])
        raise ValueError(f"{path}, line 1: there is no column {name!r}; {known}")
    return heading.index(name)


def _number(column: str, text: str, unit: str, least: int, most: int) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not (value.is_finite() and least <= value <= most):
        raise ValueError(f"{column} is {quoted(text)}; that is a number of {unit}, {least:,} to {most:,}")
    return value
