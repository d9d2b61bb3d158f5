"""The numbers of all runs as one Parquet table: a row for each number of each run."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from testbed.record.atomic import replacing
from testbed.sweep.axes import Axis
from testbed.sweep.plan import PlannedRun, SweepPlan

_WORD = pa.dictionary(pa.int32(), pa.string())
NAMED = ("variant", "session", "direction", "measure", "statistic", "unit")
"""The columns that say which number a row has; session and direction are null for what has none."""


def rows(plan: SweepPlan, run: PlannedRun, numbers: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of one run, from its numbers: each with the columns of `NAMED` and `value`."""
    swept = {
        axis.key: axis.scalars[axis.values.index(value)]
        for axis, value in zip(plan.axes, run.point.values, strict=True)
    }
    return [{"run": run.name, **swept, "seed": run.seed, **number} for number in numbers]


def write(plan: SweepPlan, found: Iterable[dict[str, Any]], path: Path) -> None:
    """Write the table; the same rows give the same bytes.

    Values are whole numbers in the unit of their column `unit`, null for what a run did not measure, as the
    delay of a stream of which nothing arrived. A key that is swept is a column of its own name.
    """
    columns = [("run", _WORD), *((axis.key, _column_type(axis)) for axis in plan.axes), ("seed", pa.int64())]
    columns += [(name, _WORD) for name in NAMED]
    columns.append(("value", pa.int64()))
    schema = pa.schema(columns)
    texts = {axis.key for axis in plan.axes if _column_type(axis) == _WORD}
    as_text = [
        {key: str(value) if key in texts and value is not None else value for key, value in row.items()}
        for row in found
    ]
    table = pa.Table.from_pylist(as_text, schema=schema)
    with replacing(path) as draft, draft.open("wb") as file:
        pq.write_table(table, file, version="2.6", compression="zstd", compression_level=3)


def _column_type(axis: Axis) -> pa.DataType:
    kinds = {type(value) for value in axis.scalars if value is not None}
    if kinds == {int}:
        return pa.int64()
    if kinds and kinds <= {int, float}:
        return pa.float64()
    return pa.bool_() if kinds == {bool} else _WORD
