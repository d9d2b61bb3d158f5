"""A command inside the embedded kernel: its status, its surroundings, its progress."""

import time
from pathlib import Path

import pytest
from venue_boot import PYTHON, console_of, run_inside

from testbed.venue.virtual import OUTPUT_IN_GUEST, Progress


@pytest.mark.parametrize("status", [0, 1, 70, 255])
def test_the_command_s_exit_status_is_returned(tmp_path: Path, status: int) -> None:
    assert run_inside(tmp_path, "sh", "-c", f"exit {status}").exit_status == status


def test_a_command_that_does_not_exist_ends_with_127(tmp_path: Path) -> None:
    outcome = run_inside(tmp_path, "no-such-program")
    assert outcome.exit_status == 127
    assert "no-such-program" in console_of(outcome)


def test_words_with_spaces_quotes_and_newlines_arrive_as_they_are(tmp_path: Path) -> None:
    word = "a 'quoted' \"word\" $HOME\n\\ with `ticks` and ünïcode"
    script = f"import sys; open('{OUTPUT_IN_GUEST}/word', 'w').write(sys.argv[1])"
    assert run_inside(tmp_path, PYTHON, "-c", script, word).exit_status == 0
    assert (tmp_path / "word").read_text(encoding="utf-8") == word


def test_an_output_folder_may_have_spaces_in_its_name(tmp_path: Path) -> None:
    folder = tmp_path / 'a "strange, name'
    assert run_inside(folder, "sh", "-c", f"echo kept > {OUTPUT_IN_GUEST}/file").exit_status == 0
    assert (folder / "file").read_text() == "kept\n"


def test_ten_virtual_hours_pass_in_wall_seconds(tmp_path: Path) -> None:
    script = "date +%s; sleep 36000; date +%s"
    outcome = run_inside(tmp_path, "sh", "-c", script, silence_limit_s=10**6)
    before_s, after_s = (int(word) for word in console_of(outcome).split()[:2])
    assert after_s - before_s == 36000
    assert outcome.wall_s < 60


def test_the_virtual_clock_starts_at_the_same_instant_in_every_run(tmp_path: Path) -> None:
    assert console_of(run_inside(tmp_path, "date", "-u", "+%F")).startswith("2026-01-01")


def test_without_time_travel_a_second_takes_a_second(tmp_path: Path) -> None:
    started_s = time.monotonic()
    run_inside(tmp_path, "sleep", "3", time_travel=False)
    assert time.monotonic() - started_s > 3


def test_in_real_time_a_program_that_computes_without_end_leaves_others_their_turn(tmp_path: Path) -> None:
    """The kernel takes the processor from it by a signal, which what confines the kernel must let pass."""
    script = "while :; do :; done & sleep 0.2; kill $!; echo others had a turn"
    outcome = run_inside(tmp_path, "sh", "-c", script, time_travel=False, wall_limit_s=60.0)
    assert "others had a turn" in console_of(outcome)


def test_the_host_s_environment_stays_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESTBED_LEAK", "leaked")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    outcome = run_inside(tmp_path, "env", environment={"GIVEN": "yes"}, seed=9)
    lines = console_of(outcome).splitlines()
    names = {line.split("=")[0] for line in lines if "=" in line}
    assert names == {
        *("GIVEN", "HOME", "LANG", "PATH", "TERM", "TZ"),
        *("PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED", "PYTHONUNBUFFERED"),
    }
    assert "PYTHONHASHSEED=9" in lines


def test_timers_are_exact_and_many_files_may_be_open(tmp_path: Path) -> None:
    console = console_of(run_inside(tmp_path, "sh", "-c", "cat /proc/self/timerslack_ns; ulimit -n"))
    assert console.split()[:2] == ["1", "65536"]


def test_progress_is_passed_on_in_order_and_its_file_is_removed(tmp_path: Path) -> None:
    script = (
        "import time; from pathlib import Path; from testbed.venue.progress import *\n"
        "for second in range(5):\n"
        f"    append_progress(Path('{OUTPUT_IN_GUEST}'),"
        " Progress(reached_ns=second * 10**9, of_ns=5 * 10**9, text=f'second {second}'))\n"
        "    time.sleep(1)\n"
    )
    heard: list[Progress] = []
    run_inside(tmp_path, PYTHON, "-c", script, heard=heard)
    assert [progress.text for progress in heard] == [f"second {second}" for second in range(5)]
    assert {progress.of_ns for progress in heard} == {5 * 10**9}
    assert [path.name for path in tmp_path.iterdir()] == ["console.log"]


def test_what_a_network_needs_is_there(tmp_path: Path) -> None:
    script = (
        "set -e; ip link show lo | grep -q UP; ls /dev/net/tun /dev/pts/ptmx /sys/fs/cgroup/cgroup.procs;"
        "ip link add one type veth peer name two; tc qdisc add dev one root netem delay 5ms;"
        "unshare -n true; mountpoint -q /dev/shm"
    )
    outcome = run_inside(tmp_path, "sh", "-c", script)
    assert outcome.exit_status == 0, console_of(outcome)
