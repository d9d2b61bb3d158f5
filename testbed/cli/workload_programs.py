"""Puts together what runs on hosts for the workloads that packages bring."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from testbed.applications.script import Script
from testbed.errors import TestbedError
from testbed.host import ports
from testbed.host.clock import Clock
from testbed.host.control import Control
from testbed.host.loop import Loop
from testbed.host.process import Ask, Part, run_program
from testbed.model.workload import WORKLOADS
from testbed.plan.network_plan import NetworkPlan
from testbed.plugins import ExtensionError, place_of
from testbed.scenario.workloads import MakeParts, WorkloadKind, parameters_of, workload_kind
from testbed.workload.end import End


class PlannedWorkloads:
    """The programs of a scenario's workloads on a plan; see `testbed.driver.workloads`."""

    def __init__(self, plan: NetworkPlan, scenario: Script) -> None:
        self._plan, self._workloads, self._seed = plan, scenario.workloads, scenario.seed

    def at_source(self, name: str, clock: Clock, control: Control, logs: Path) -> Callable[[], None]:
        """The end that the workload goes out from."""
        workload = self._workloads[name]
        kind, ends = workload_kind(workload.kind), (workload.source, workload.destination)
        return self._program(name, kind, kind.at_source, ends, clock, control, logs)

    def at_destination(self, name: str, clock: Clock, control: Control, logs: Path) -> Callable[[], None]:
        """The end that it goes to."""
        workload = self._workloads[name]
        kind, ends = workload_kind(workload.kind), (workload.destination, workload.source)
        return self._program(name, kind, kind.at_destination, ends, clock, control, logs)

    def _program(
        self,
        name: str,
        kind: WorkloadKind,
        make: MakeParts,
        ends: tuple[str, str],
        clock: Clock,
        control: Control,
        logs: Path,
    ) -> Callable[[], None]:
        def parts(loop: Loop, _ask: Ask) -> Sequence[Part]:
            made = make(parameters_of(self._workloads[name]), self._end(name, kind, ends, loop, logs))
            return checked(made)

        who = f"workload {name}, {WORKLOADS.origin(self._workloads[name].kind)},"
        return lambda: run_program(control, Loop(clock), parts, named(who))

    def _end(self, name: str, kind: WorkloadKind, ends: tuple[str, str], loop: Loop, logs: Path) -> End:
        workload, here, there = self._workloads[name], *ends
        direction = self._plan.network.direction(workload.source, workload.destination)
        assert direction is not None, "a workload crosses the access network"
        return End(
            loop=loop,
            name=name,
            starts_at_ns=workload.starts_at_ns,
            ends_at_ns=workload.ends_at_ns,
            address=self._plan.address(here).ip,
            other_address=self._plan.address(there).ip,
            first_port=ports.WORKLOADS.of([*self._workloads].index(name)),
            seed=self._seed,
            streams=kind.streams,
            direction=direction,
            logs=logs,
        )


@contextmanager
def named(who: str) -> Iterator[None]:
    """Whatever goes wrong in a package's code, with whose it is and where it was."""
    try:
        yield
    except TestbedError:
        raise
    except Exception as error:  # its author is told where
        raise ExtensionError(f"{who} failed: {place_of(error)}") from error


def checked(made: Sequence[Part]) -> Sequence[Part]:
    """The parts, if they are some.

    Raises:
        TypeError: One of them is no part.
    """
    for part in made:
        for method in ("start", "close"):
            if not callable(getattr(part, method, None)):
                raise TypeError(f"{type(part).__name__} is no part: it has no {method}()")
    return made
