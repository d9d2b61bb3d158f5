"""The embedded kernel itself passes as a host, so the trials can succeed; each fails without its feature."""

import ast
import shlex
from pathlib import Path

from venue_boot import PYTHON, console_of, run_inside

from testbed.scenario import load
from testbed.venue import queue_trials
from testbed.venue.pon_trial import FEATURE, TRIAL
from testbed.venue.virtual import OUTPUT_IN_GUEST

QUEUES = """
title: Every AQM, and a flow of each congestion control
duration: 1 s
network: {topology: elastic_access, parameters: {onus: 1}}
access:
  downstream: {rate: 100 Mbit/s, committed: 0 bit/s, queue: 500 kB, aqm: fq_codel}
  upstream: {rate: 100 Mbit/s, committed: 0 bit/s, queue: 500 kB, aqm: cake}
background:
  scalable: {protocol: tcp, congestion: dctcp, source: node1, destination: home1, starts: 0 s, ends: 1 s}
  paced: {protocol: tcp, congestion: bbr, source: node1, destination: home1, starts: 0 s, ends: 1 s}
variants:
  managed:
  l4s: {access: {downstream: {aqm: l4s}}}
  foreign: {background: {paced: {congestion: prague}}}
"""


def test_a_kernel_with_everything_lacks_nothing_but_what_mainline_lacks(tmp_path: Path) -> None:
    scenario = tmp_path / "queues.yaml"
    scenario.write_text(QUEUES, encoding="utf-8")
    trials = queue_trials.trials(load(str(scenario)).variants.values())
    assert len(trials) == 7
    code = f"from testbed.venue.host import missing_features; print('missing:', missing_features({trials!r}))"
    outcome = run_inside(tmp_path / "run", PYTHON, "-c", code)
    missing = ast.literal_eval(console_of(outcome).splitlines()[0].removeprefix("missing: "))
    # The programs are the host's; whether Mininet's are installed there is not what is tried here.
    found = [feature for feature in missing if feature != "programs of the packages mininet"]
    assert found == ["the congestion control prague (module tcp_prague)"]


UNKNOWN_KIND = """
from testbed.net import messages, pon_messages
pon_messages.kind_attribute = lambda _: messages.kind_attribute("nop")
from testbed.venue import queue_trials
from testbed.venue.pon_trial import main
raise SystemExit(main())
"""
"""The trial on a kernel without the discipline: it asks for one of another name."""

SCENARIO = """
title: A PON in frames
duration: 1 s
network: {topology: elastic_access, parameters: {onus: 1}}
access:
  downstream: {rate: 100 Mbit/s, committed: 0 bit/s, queue: 500 kB}
  upstream: {rate: 100 Mbit/s, committed: 0 bit/s, queue: 500 kB}
variants:
  frames:
  shaped: {pon: {model: shaped_link}}
"""


def pon_missing(output_dir: Path, trial: str) -> str:
    """What the host venue says is missing for PON frames, by a trial."""
    code = (
        f"from testbed.venue.host import missing_features; print(missing_features({{'PON': {trial!r}}})[-1:])"
    )
    return console_of(run_inside(output_dir, PYTHON, "-c", code)).splitlines()[0]


def test_pon_frames_are_missing_where_the_discipline_is_and_nowhere_else(tmp_path: Path) -> None:
    assert "PON" not in pon_missing(tmp_path / "with", TRIAL)
    without = shlex.join([PYTHON, "-c", UNKNOWN_KIND])
    assert pon_missing(tmp_path / "without", without) == "['PON']"


def run_without_module(output_dir: Path, variant: str) -> tuple[int, str]:
    """Exit status and console of `testbed run --venue host` where the discipline is not."""
    (output_dir / "pon.yaml").write_text(SCENARIO)
    trial = shlex.join([PYTHON, "-c", UNKNOWN_KIND])
    code = (
        "import sys; from testbed.cli import main; from testbed.venue import pon_trial\n"
        f"pon_trial.TRIAL = {trial!r}\n"
        f"sys.exit(main(['run', '{OUTPUT_IN_GUEST}/pon.yaml', '--variant', '{variant}', '--venue', 'host', "
        f"'--out', '{OUTPUT_IN_GUEST}/run']))"
    )
    outcome = run_inside(output_dir, PYTHON, "-c", code)
    return outcome.exit_status, console_of(outcome)


def test_a_run_in_frames_ends_before_it_begins_and_a_shaped_link_runs(tmp_path: Path) -> None:
    """The control is the same scenario on the same kernel with the model that needs no module."""
    for variant in ("frames", "shaped"):
        (tmp_path / variant).mkdir()
    status, console = run_without_module(tmp_path / "frames", "frames")
    assert status == 3
    assert f"it lacks\n  - {FEATURE}\n" in console.replace("\r", "")
    assert not (tmp_path / "frames" / "run").exists()
    status, console = run_without_module(tmp_path / "shaped", "shaped")
    assert status == 0, console
