"""Frames of a trace in place of the model's: read whole or refused with the line, sent as they came."""

from pathlib import Path
from random import Random

import pytest
import scenario_documents
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.applications.game.model import Session
from testbed.errors import ScenarioError
from testbed.model.base import DOWNSTREAM, UPSTREAM
from testbed.scenario import load
from testbed.scenario.frame_trace import TracedFrame, read_frames
from testbed.workload.frames import Frame, frames

MS = 1_000_000
DATA = Path(__file__).parents[3] / "shared" / "data" / "cloud_gaming"
HEADING = "FS,IFI,IPI,,\n"
TRACE = HEADING + "1000.4,0.010,1,,\n2000.6,0.02,1,,\n3000,5E-3,1,,\n"
SCENES = [
    {"name": "one", "at": "1 s", "rate": "1 Mbit/s"},
    {"name": "two", "at": "1020 ms", "rate": "1 Mbit/s"},
]


def written(folder: Path, text: str = TRACE) -> Path:
    path = folder / "my.csv"
    path.write_text(text)
    return path


def session(path: Path, ends: str = "1075 ms", **trace: object) -> Session:
    return Session.model_validate(
        {
            "player": "home1",
            "starts": "1 s",
            "ends": ends,
            "job": {"weight": 1},
            "scenes": SCENES,
            "trace": {"file": str(path), **trace},
        }
    )


def sent(traced: Session) -> list[Frame]:
    return list(frames(traced, Random(1)))


def test_a_trace_is_read_to_the_byte_and_the_nanosecond(tmp_path: Path) -> None:
    assert read_frames(written(tmp_path), "FS", "IFI") == (
        TracedFrame(1000, 10 * MS),
        TracedFrame(2001, 20 * MS),
        TracedFrame(3000, 5 * MS),
    )


def test_frames_leave_at_the_distances_of_the_trace_over_and_over(tmp_path: Path) -> None:
    """The first at once; its distance counts when its turn comes again. The session's end cuts the rest."""
    found = sent(session(written(tmp_path)))
    assert [frame.at_ns - 1000 * MS for frame in found] == [
        0,
        20 * MS,
        25 * MS,
        35 * MS,
        55 * MS,
        60 * MS,
        70 * MS,
    ]
    assert [frame.size_bytes for frame in found] == [1000, 2001, 3000, 1000, 2001, 3000, 1000]
    assert [frame.number for frame in found] == list(range(7))
    assert [frame.scene.name for frame in found[:3]] == ["one", "two", "two"]


def test_a_trace_that_does_not_repeat_ends(tmp_path: Path) -> None:
    assert len(sent(session(written(tmp_path), repeats=False))) == 3


def test_without_a_trace_the_frames_are_the_models(tmp_path: Path) -> None:
    """The control: another number of frames, other sizes, and none upstream."""
    traced = session(written(tmp_path))
    modelled = sent(traced.model_copy(update={"trace": None}))
    assert len(modelled) == 5
    assert {frame.size_bytes for frame in modelled}.isdisjoint({1000, 2001, 3000})
    assert list(frames(traced, Random(1), UPSTREAM)) == []


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(st.integers(1, 10_000_000), st.integers(0, 10**9)), min_size=1, max_size=20).filter(
        lambda rows: any(after_ns for _, after_ns in rows)
    ),
    st.booleans(),
)
def test_frames_keep_the_order_and_the_sizes_of_any_trace(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, int]], repeats: bool
) -> None:
    lines = [f"{size_bytes},{after_ns // 10**9}.{after_ns % 10**9:09}" for size_bytes, after_ns in rows]
    path = tmp_path_factory.mktemp("traces") / "any.csv"
    path.write_text("\n".join(["size,after", *lines]) + "\n")
    assert [*read_frames(path, "size", "after")] == [TracedFrame(*row) for row in rows]
    traced = session(path, "1500 ms", size="size", interval="after", repeats=repeats)
    found = [frame for frame, _ in zip(frames(traced, Random(1)), range(200), strict=False)]
    for number, frame in enumerate(found):
        assert frame.size_bytes == rows[number % len(rows)][0]
        if number:
            assert frame.at_ns - found[number - 1].at_ns == rows[number % len(rows)][1]
    assert found[0].at_ns == traced.starts_at_ns
    assert all(frame.at_ns < traced.ends_at_ns for frame in found)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "my.csv, line 1: there is no column 'FS'; there are none here"),
        ("FS,IFA\n1,1\n", "my.csv, line 1: there is no column 'IFI'; did you mean 'IFA'?"),
        (HEADING, "my.csv has no frames"),
        (HEADING + ",,,,\n1,1,1,,\n", "my.csv has no frames"),
        (TRACE + "5,1\n", "my.csv, line 5: has 2 fields, and the heading has 5"),
        (TRACE + "-5,1,1,,\n", "my.csv, line 5: FS is '-5'; that is a number of bytes, 1 to 10,000,000"),
        (TRACE + "0,1,1,,\n", "line 5: FS is '0'"),
        (TRACE + "nan,1,1,,\n", "line 5: FS is 'nan'"),
        (TRACE + "1,,1,,\n", "line 5: IFI is ''; that is a number of seconds, 0 to 3,600"),
        (TRACE + "1,3601,1,,\n", "line 5: IFI is '3601'"),
        (TRACE + "#VALUE!,1,1,,\n", "line 5: FS is '#VALUE!'"),
        (HEADING + "1,0,1,,\n1,0,1,,\n", "IFI is 0 in every line; all frames would come at once"),
    ],
)
def test_a_trace_that_is_not_whole_is_refused_at_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"my\.csv") as error:
        read_frames(written(tmp_path, text), "FS", "IFI")
    assert message in str(error.value)


@pytest.mark.parametrize("below", [",,,,\nFS,IFI,IPI,,min\n", ",,,,\n#VALUE!,,,,mid\n", ""])
def test_what_stands_below_an_empty_line_is_not_read(tmp_path: Path, below: str) -> None:
    assert len(read_frames(written(tmp_path, TRACE + below), "FS", "IFI")) == 3


def test_a_scenario_finds_its_trace_beside_it_and_tells_what_is_wrong_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    path = scenario_documents.write(tmp_path, ("job:", "trace: {file: my.csv}\n    job:"))
    trace = load(path).variants["elastic"].sessions["player"].trace
    assert trace is not None
    assert trace.towards(DOWNSTREAM) == str(tmp_path / "my.csv")
    assert trace.towards(UPSTREAM) is None
    written(tmp_path, HEADING + "x,1,1,,\n")
    with pytest.raises(ScenarioError) as error:
        load(path)
    assert "sessions.player.trace.file: " in str(error.value)
    assert "my.csv, line 2: FS is 'x'" in str(error.value)


def test_upstream_needs_scenes_that_say_its_rate(tmp_path: Path) -> None:
    path = written(tmp_path)
    with pytest.raises(ValueError, match="goes with scenes that all have an upstream rate"):
        session(path, upstream=str(path))
    traced = session(path)
    scenes = tuple(scene.model_copy(update={"upstream_bps": 10**6}) for scene in traced.scenes)
    both = traced.model_copy(
        update={
            "scenes": scenes,
            "trace": traced.trace and traced.trace.model_copy(update={"upstream": str(path)}),
        }
    )
    assert [frame.size_bytes for frame in frames(both, Random(1), UPSTREAM)][:3] == [1000, 2001, 3000]


@pytest.mark.parametrize(
    ("name", "count", "mean_bytes", "mean_s"),
    [("DL", 1929, 195_421.77, 0.01247813), ("UL", 2999, 117_511.78, 0.01680018)],
)
def test_the_public_data_set_of_cloud_gaming_is_read_whole(
    name: str, count: int, mean_bytes: float, mean_s: float
) -> None:
    """The means are those that the files have below their frames."""
    if not DATA.is_dir():
        pytest.skip("the data set is not beside the project")
    found = read_frames(DATA / f"{name}.csv", "FS", "IFI")
    assert len(found) == count
    assert sum(frame.size_bytes for frame in found) / count == pytest.approx(mean_bytes, abs=0.5)
    assert sum(frame.after_ns for frame in found) / count / 10**9 == pytest.approx(mean_s, abs=1e-8)
