"""Joins what a stream's sender and receiver recorded into one row per packet."""

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from testbed.errors import InvariantError
from testbed.record.guest_files import read_bytes
from testbed.record.streams import RECEIVED, SENT, stream_path

LOST = -1
"""Stands for "never arrived" in the columns of `JoinedStream`; no instant or rank is negative."""

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, order=True)
class StreamName:
    """Which stream; sorts by session, then measure, then direction."""

    session: str
    measure: str
    direction: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedStream:
    """Every packet of a stream in order of sequence number; `LOST` where it never arrived."""

    name: StreamName
    seq: Integers
    size_bytes: Integers
    sent_at_ns: Integers
    received_at_ns: Integers
    arrival: Integers
    warnings: tuple[str, ...]


def stream_names(directory: Path) -> list[StreamName]:
    """The streams that a variant left behind, sorted.

    Raises:
        InvariantError: A name has characters that no stream's has.
    """
    files = (*directory.glob("*.*.*.sent"), *directory.glob("*.*.*.received"))
    for path in files:
        if not path.name.isprintable():
            raise InvariantError(f"{directory} has a file {path.name!r}, which is no name of a stream")
    return sorted({StreamName(*path.name.split(".")[:3]) for path in files})


def join(directory: Path, name: StreamName) -> JoinedStream:
    """Match the packets received to those sent.

    Of a packet that arrived more than once the first arrival counts; how many came again is a warning,
    and so is a record cut off at the end of a file. Arrivals are numbered from 0 without the repeats.

    Raises:
        InvariantError: A sequence number was sent twice, was received but never sent, or arrived
            before it was sent: the records do not belong together, so no number made of them is true.
    """
    sent_path = stream_path(directory, name.session, name.measure, name.direction, "sent")
    received_path = stream_path(directory, name.session, name.measure, name.direction, "received")
    sent, sent_warnings = _records(sent_path, SENT)
    received, received_warnings = _records(received_path, RECEIVED)
    warnings = [*sent_warnings, *received_warnings]

    sent = sent[np.argsort(sent[:, 0], kind="stable")]
    seq, size_bytes, sent_at_ns = sent.T
    _require(sent_path, "was sent twice", seq[1:][seq[1:] == seq[:-1]])

    first = np.sort(np.unique(received[:, 0], return_index=True)[1])
    if repeats := len(received) - len(first):
        warnings.append(f"{_shown(received_path)}: {repeats} packets arrived again; the first arrival counts")
    arrived_seq, arrived_at_ns = received[first].T
    _require(received_path, "was received but never sent", arrived_seq[~np.isin(arrived_seq, seq)])

    row = np.searchsorted(seq, arrived_seq)
    received_at_ns, arrival = np.full_like(seq, LOST), np.full_like(seq, LOST)
    received_at_ns[row] = arrived_at_ns
    arrival[row] = np.arange(len(first))
    early = (received_at_ns != LOST) & (received_at_ns < sent_at_ns)
    _require(received_path, "arrived before it was sent", seq[early])
    return JoinedStream(
        name=name,
        seq=seq,
        size_bytes=size_bytes,
        sent_at_ns=sent_at_ns,
        received_at_ns=received_at_ns,
        arrival=arrival,
        warnings=tuple(warnings),
    )


def _records(path: Path, layout: struct.Struct) -> tuple[Integers, list[str]]:
    """The whole records of a file as rows, and a warning if one was cut off; no file is no records."""
    try:
        content = read_bytes(path)
    except FileNotFoundError:
        content = b""
    whole, rest = divmod(len(content), layout.size)
    columns = layout.size // 8
    rows = np.frombuffer(content, dtype="<i8", count=whole * columns).astype(np.int64).reshape(whole, columns)
    if not rest:
        return rows, []
    return rows, [
        f"{_shown(path)}: the last record is cut off ({rest} of {layout.size} bytes), as when a program is "
        f"killed; the {whole} whole records are used"
    ]


def _require(path: Path, what: str, offending: Integers) -> None:
    if len(offending):
        few = ", ".join(str(seq) for seq in offending[:5])
        raise InvariantError(
            f"{_shown(path)}: sequence number {few} {what} ({len(offending)} in all); the samples of this "
            "stream cannot be trusted, so the run is void. Run again, and report it if it comes back"
        )


def _shown(path: Path) -> str:
    """A raw file as <variant>/<file>: enough to find it, and the same in every run."""
    return f"{path.parent.name}/{path.name}"
