"""Outputs that fail: nothing is raised, the failure is remembered, and the status is the verdict."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

WRITER = """
import sys
from testbed.cli.output import judged, lasting_outputs
only_result, status = sys.argv[1] == "tells", int(sys.argv[2])
with lasting_outputs():
    for number in range(3000):
        print(f"line {number} \\u2500 \\udce9")
    print("what went on", file=sys.stderr)
    status = judged(status, only_result=only_result)
sys.exit(status)
"""


def written(
    redirection: str, way: str = "tells", status: int = 0, **environment: str
) -> subprocess.CompletedProcess[str]:
    """A program that writes 3000 lines, with its outputs redirected by a shell."""
    return subprocess.run(
        ["bash", "-c", f'"$0" -c "$1" {way} {status} {redirection}', sys.executable, WRITER],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


@pytest.mark.parametrize("redirection", ["> /dev/full", ">&-"])
@pytest.mark.parametrize(
    ("way", "status", "ends"), [("tells", 0, 2), ("tells", 1, 1), ("runs", 0, 0), ("runs", 1, 1)]
)
def test_only_a_command_whose_result_is_its_output_fails_with_it(
    redirection: str, way: str, status: int, ends: int
) -> None:
    done = written(redirection, way, status)
    assert done.returncode == ends
    kind = "error" if way == "tells" else "warning"
    assert f"{kind}: standard output could not be written: " in done.stderr
    assert "Traceback" not in done.stderr
    assert "what went on" in done.stderr


@pytest.mark.parametrize("way", ["tells", "runs"])
@pytest.mark.parametrize("status", [0, 1])
def test_a_reader_that_has_had_enough_changes_nothing(way: str, status: int) -> None:
    done = written("| head -1; exit ${PIPESTATUS[0]}", way, status)
    assert (done.returncode, done.stdout.count("\n")) == (status, 1)
    assert done.stderr == "what went on\n"


@pytest.mark.parametrize("redirection", ["2> /dev/full", "2>&-", "2> >(exit 0)"])
@pytest.mark.parametrize("status", [0, 1])
def test_an_error_output_that_fails_changes_nothing(redirection: str, status: int) -> None:
    done = written(redirection, "tells", status)
    assert (done.returncode, done.stdout.count("\n")) == (status, 3000)


@pytest.mark.parametrize(
    "variable", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C"}, {"PYTHONUNBUFFERED": "1"}]
)
def test_a_character_that_the_encoding_lacks_is_an_escape(variable: dict[str, str]) -> None:
    done = written("", **variable)
    assert done.returncode == 0
    box = "\\u2500" if "PYTHONIOENCODING" in variable else "─"
    assert done.stdout.splitlines()[-1] == f"line 2999 {box} \\udce9"


def test_no_file_of_ours_gets_the_number_of_an_output_that_is_closed(tmp_path: Path) -> None:
    """Otherwise what is printed would go into the middle of it."""
    code = (
        "import sys; from testbed.cli.output import lasting_outputs\n"
        f"with lasting_outputs():\n    file = open({str(tmp_path / 'file')!r}, 'w')\n"
        "    print('printed'); file.write('written'); sys.exit(file.fileno() > 2)"
    )
    done = subprocess.run(["bash", "-c", '"$0" -c "$1" <&- >&- 2>&-', sys.executable, code], check=False)
    assert done.returncode == 1
    assert (tmp_path / "file").read_text() == "written"


def test_a_slow_reader_of_a_non_blocking_pipe_gets_everything() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with subprocess.Popen([sys.executable, "-c", WRITER, "tells", "0"], stdout=writing) as process:
        os.close(writing)
        with os.fdopen(reading, errors="replace") as lines:
            assert sum(1 for _ in lines) == 3000
    assert process.returncode == 0
