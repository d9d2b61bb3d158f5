"""What takes the place of kernels and networks in an attempt, and how a command is held in a phase."""

import importlib
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

PROJECT = Path(__file__).parents[2]
FAKE_VARIANT = Path(__file__).with_name("fake_variant.py")
FAKE_NETWORK = PROJECT / "tests" / "slow" / "fake_inner.py"
FAKE_RUN = PROJECT / "tests" / "unit" / "sweep_program.py"

SCENARIO = """\
title: A network on which nothing happens
duration: 1 s
network: {topology: elastic_access, parameters: {onus: 1}}
access:
  downstream: {rate: 100 Mbit/s, committed: 50 Mbit/s, queue: 500 kB}
  upstream: {rate: 50 Mbit/s, committed: 10 Mbit/s, queue: 200 kB}
background:
  ping:
    {protocol: udp, source: node1, destination: home1, starts: 0 s, ends: 1 s, rate: 1 Mbit/s, measured: true}
"""
EXPECTED = """\
expect:
  - {variant: default, session: ping, direction: downstream, measure: packet, statistic: p99, at_most: 1 ms}
"""
"""Does not hold in a run of stand-ins, which measures nothing."""


def install(mark: Path, *, variant: str = "finish", network: str = "") -> None:
    """Have the command start stand-ins: `variant` as FAKE_VARIANT has it, `network` as FAKE_INNER has it."""
    from testbed.cli import running, serve, sweep, sweep_worker
    from testbed.report import numbers, sweep_page
    from testbed.sweep import run_order
    from testbed.venue import host, host_venue, virtual_venue

    os.environ |= {"FAKE_VARIANT": variant, "FAKE_MARK": str(mark), "FAKE_INNER": network}
    os.environ |= {"SWEEP_DONE": str(mark.with_name("started")), "XDG_STATE_HOME": str(mark.parent)}
    running.LAUNCHER = (sys.executable, "-S", str(FAKE_VARIANT))
    facts = {"kernel": {"release": "none", "kind": "stand-in"}}
    for module in (running, serve):
        _replace(module, "require_venue", lambda *_, **__: facts)
    _replace(host, "require", lambda _trials: None)
    host_venue.GUEST_MAIN = virtual_venue.GUEST_MAIN = (sys.executable, str(FAKE_NETWORK))
    _replace(sweep, "kernel", SimpleNamespace(require=lambda: SimpleNamespace(key="k")))
    sweep_worker.COMMAND = (sys.executable, str(FAKE_RUN))
    _replace(numbers, "numbers", lambda _summary: [])
    _replace(sweep_page, "write_page", lambda *_: None)

    def obeying(**fields: Any) -> run_order.RunOrder:
        return run_order.RunOrder(**{**fields, "text": "wait" if variant in ("boot", "run") else "finish"})

    _replace(sweep, "RunOrder", obeying)


def pause(module: str, function: str, mark: Path) -> None:
    """Have the command stop in front of a function: the mark is made, and it sleeps until a signal comes."""
    found = importlib.import_module(module)

    def pausing(*_: object, **__: object) -> None:
        mark.touch()
        time.sleep(3600)

    _replace(found, function, pausing)


def _replace(module: Any, name: str, by: Callable[..., Any] | SimpleNamespace) -> None:
    assert hasattr(module, name), f"{module.__name__} has no {name} to be replaced"
    setattr(module, name, by)


_IMPORTS = (
    "argcomplete",
    "testbed.cli.commands",
    "testbed.cli.parser",
    "testbed.cli.execute",
    "testbed.cli.shipped",
    "testbed.cli.compare",
    "testbed.scenario.json_schema",
    "testbed.cli.serve",
    "testbed.cli.sweep",
    "testbed.cli.sweep_worker",
    "testbed.record.merge",
    "testbed.report",
    "testbed.report.numbers",
    "testbed.report.sweep_page",
    "testbed.sweep.local",
)


def imported() -> None:
    """Load what commands load, so that forked ones need not; without threads, which a fork would lose."""
    os.environ |= {"OPENBLAS_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"}
    for module in _IMPORTS:
        importlib.import_module(module)
