"""The tables of a run as pandas frames, and as CSV files for any other program.

Counts and instants are nullable integers, never floats: null is a packet that was lost.
"""

from pathlib import Path

import pandas as pd
import pyarrow as pa

from testbed.record.atomic import explained, replacing
from testbed.record.run_directory import RunDirectory
from testbed.record.tables import RATES, SAMPLES, read_table
from testbed.report.metrics import stream_metrics

STREAM = ("variant", "session", "measure", "direction")
"""The columns that name one stream of packets."""


def samples(run: RunDirectory) -> pd.DataFrame:
    """Every packet of the run: the columns of samples.parquet."""
    return _frame(read_table(run.samples_path, SAMPLES))


def rates(run: RunDirectory) -> pd.DataFrame:
    """The rates allocated, asked for and used: the columns of rates.parquet."""
    return _frame(read_table(run.rates_path, RATES))


def summary_frame(run: RunDirectory) -> pd.DataFrame:
    """The numbers of each stream, a row each: its name, its counts, and its delays as min_ns … max_ns."""
    return stream_frame(samples(run))


def stream_frame(packets: pd.DataFrame) -> pd.DataFrame:
    """The numbers of each stream among these packets, in the order of the packets."""
    rows = []
    for stream, of_stream in streams(packets):
        numbers = stream_metrics(of_stream)
        delays = {f"{name}_ns": value for name, value in numbers["delay_ns"].items()}
        counts = {name: value for name, value in numbers.items() if name != "delay_ns"}
        rows.append({**dict(zip(STREAM, stream, strict=True)), **counts, **delays})
    frame = pd.DataFrame(rows)
    counted = [name for name in frame.columns if name not in STREAM]
    return frame.astype(dict.fromkeys(counted, "Int64"))


def streams(packets: pd.DataFrame) -> list[tuple[tuple[str, ...], pd.DataFrame]]:
    """The packets stream by stream, each with its (variant, session, measure, direction)."""
    grouped = packets.groupby(list(STREAM), sort=False, observed=True)
    return [(tuple(str(part) for part in name), of_stream) for name, of_stream in grouped]


def to_csv(run: RunDirectory, out: Path) -> tuple[Path, ...]:
    """Write samples.csv, rates.csv and summary.csv into a directory; null is an empty field.

    Raises:
        ScenarioError: The directory cannot be made or written.
    """
    with explained("make the directory", out):
        out.mkdir(parents=True, exist_ok=True)
    tables = {"samples": samples(run), "rates": rates(run), "summary": summary_frame(run)}
    paths = []
    for name, table in tables.items():
        path = out / f"{name}.csv"
        with replacing(path) as draft:
            table.to_csv(draft, index=False, lineterminator="\n")
        paths.append(path)
    return tuple(paths)


def _frame(table: pa.Table) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    return frame
