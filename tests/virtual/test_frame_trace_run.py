"""A session whose frames come from a file: sent at the instants of the file, to the byte, in virtual time."""

from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
from venue_boot import embedded_kernel

from testbed.cli.running import run_scenario
from testbed.report import summarise
from testbed.scenario import load

MS = 1_000_000
CLOCK_NS = 100
"""Clock reads of 1 ns each; where timers of several programs fall on one instant, those of all of them."""
HEARD_NS = 5_000
"""The first frame of a scene waits until the driver has heard of the scene."""
SIZES = [50_000, 1_400, 20_001]
AFTER_MS = [7, 11, 13]
SCENARIO = """\
title: Frames of a file
seed: 3
duration: 1200 ms
network: {topology: elastic_access, parameters: {onus: 1}}
access:
  downstream: {rate: 1 Gbit/s, committed: 100 Mbit/s, queue: 500 kB}
  upstream: {rate: 1 Gbit/s, committed: 100 Mbit/s, queue: 500 kB}
pon: {model: shaped_link}
sessions:
  player:
    player: home1
    starts: 600 ms
    ends: 1100 ms
    job: {weight: 1}
    scenes: [{name: only, at: 600 ms, rate: 18 Mbit/s, upstream: 1 Mbit/s}]
    trace: {file: my.csv}
variants:
  traced: {}
  modelled: {sessions: {player: {trace: null}}}
expect:
  - {variant: traced, session: player, direction: downstream, measure: frame, statistic: lost, at_most: 0}
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("traced")
    rows = zip(SIZES, AFTER_MS, strict=True)
    (folder / "my.csv").write_text(
        "\n".join(["FS,IFI", *(f"{size},0.{after:03}" for size, after in rows)]) + "\n"
    )
    (folder / "traced.yaml").write_text(SCENARIO)
    return folder / "traced.yaml"


def test_frames_leave_as_the_file_says_in_a_folder_that_the_guest_would_hide(path: Path) -> None:
    embedded_kernel()
    scenario = load(str(path))
    run = run_scenario(scenario, out=path.parent / "run", wall_limit_s=300)
    rows = pyarrow.parquet.read_table(run.samples_path).to_pandas()
    rows = rows[rows["measure"] == "frame"]
    down = rows[(rows["variant"] == "traced") & (rows["direction"] == "downstream")].sort_values("seq")
    cycle_ns = np.cumsum([0, *np.tile(AFTER_MS, 30)[1:]]) * MS
    due_at_ns = 600 * MS + cycle_ns[cycle_ns < 500 * MS]
    late_ns = down["sent_at_ns"].to_numpy(dtype=np.int64) - due_at_ns
    assert 0 <= late_ns.min() <= late_ns[1:].max() <= CLOCK_NS
    assert late_ns[0] <= HEARD_NS
    assert down["size_bytes"].tolist() == [SIZES[number % 3] for number in range(len(due_at_ns))]
    assert [each["holds"] for each in summarise(run, scenario.expectations, ())["expectations"]] == [True]
    # The control: the model's frames are others, and those upstream are the model's in both variants.
    other = rows[(rows["variant"] == "modelled") & (rows["direction"] == "downstream")]
    assert len(other) == 30
    assert not {*other["size_bytes"]} & {*SIZES}
    up = rows[rows["direction"] == "upstream"].groupby("variant", observed=True)["size_bytes"].apply(list)
    assert up["traced"] == up["modelled"]
