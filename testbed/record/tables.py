"""The columns of samples.parquet and rates.parquet, and how they are written: same rows, same bytes."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from testbed.errors import InvariantError, ScenarioError
from testbed.record.atomic import explained, replacing
from testbed.record.samples import LOST, Integers, JoinedStream

_WORD = pa.dictionary(pa.int16(), pa.string())
_COUNT = pa.int64()

SAMPLES = pa.schema(
    [
        ("variant", _WORD),
        ("session", _WORD),
        ("direction", _WORD),
        ("measure", _WORD),
        ("seq", _COUNT),
        ("size_bytes", _COUNT),
        ("sent_at_ns", _COUNT),
        ("received_at_ns", _COUNT),
        ("arrival", _COUNT),
        ("delay_ns", _COUNT),
    ]
)
"""One row per packet; the last three are null for a packet that never arrived."""

RATES = pa.schema(
    [
        ("variant", _WORD),
        ("session", _WORD),
        ("direction", _WORD),
        ("at_ns", _COUNT),
        ("rate_bps", _COUNT),
        ("demand_bps", _COUNT),
        ("throughput_bps", _COUNT),
        ("backlog_bytes", _COUNT),
        ("dropped", _COUNT),
    ]
)
"""One row per sample; rate_bps is null without a channel, demand_bps without a known demand."""

_ROW_GROUP = 1 << 17


def sample_table(streams: Iterable[tuple[str, JoinedStream]]) -> pa.Table:
    """The packets of all streams, each stream with its variant, in the order given."""
    return _concatenated(SAMPLES, [_stream_table(variant, stream) for variant, stream in streams])


def _stream_table(variant: str, stream: JoinedStream) -> pa.Table:
    rows = len(stream.seq)
    lost = stream.received_at_ns == LOST
    words = (variant, stream.name.session, stream.name.direction, stream.name.measure)
    columns = [_repeated(word, rows) for word in words]
    columns += [pa.array(column) for column in (stream.seq, stream.size_bytes, stream.sent_at_ns)]
    columns += [_nullable(stream.received_at_ns, lost), _nullable(stream.arrival, lost)]
    columns += [_nullable(stream.received_at_ns - stream.sent_at_ns, lost)]
    return pa.Table.from_arrays(columns, schema=SAMPLES)


def rate_table(rates: Sequence[dict[str, Any]]) -> pa.Table:
    """The rate samples, each an object with the keys of `RATES`, in the order given.

    Raises:
        InvariantError: A value is not of its column's type, or too large for it.
    """
    try:
        return pa.Table.from_pylist(list(rates), schema=RATES)
    except (pa.ArrowException, OverflowError) as error:
        raise InvariantError(f"a rate that was recorded cannot be kept: {error}") from error


def write_table(table: pa.Table, path: Path) -> None:
    """Write a table to Parquet.

    Everything that could differ between machines or library defaults is fixed here. Counts are stored
    as differences, which is where packet numbers and instants are smallest.
    """
    words = [field.name for field in table.schema if field.type == _WORD]
    with replacing(path) as draft, draft.open("wb") as file:
        pq.write_table(
            table,
            file,
            version="2.6",
            compression="zstd",
            compression_level=3,
            row_group_size=_ROW_GROUP,
            use_dictionary=words,
            column_encoding={n: "DELTA_BINARY_PACKED" for n in table.schema.names if n not in words},
        )


def read_table(path: Path, schema: pa.Schema) -> pa.Table:
    """Read a table that `write_table` has written.

    Raises:
        ScenarioError: It cannot be read, or is a table of something else.
    """
    try:
        with explained("read", path), path.open("rb") as file:
            # Metadata of another program's file may tell pandas to make something else of it.
            table = pq.read_table(file).replace_schema_metadata(None)
    except pa.ArrowException as error:
        raise ScenarioError(f"{path} is damaged: {str(error).splitlines()[0]}") from error
    if not table.schema.equals(schema):
        raise ScenarioError(
            f"{path} is not a table of a run: its columns are {', '.join(table.schema.names)}"
        )
    return table


def _concatenated(schema: pa.Schema, tables: list[pa.Table]) -> pa.Table:
    if not tables:
        return schema.empty_table()
    return pa.concat_tables(tables).unify_dictionaries().combine_chunks()


def _repeated(word: str, rows: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(np.zeros(rows, dtype=np.int16), pa.array([word]))


def _nullable(column: Integers, null: np.ndarray[Any, np.dtype[np.bool_]]) -> pa.Array:
    return pa.array(column, mask=null)
