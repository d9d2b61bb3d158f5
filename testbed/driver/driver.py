"""The driver: one variant of a scenario on a running network, from its first request to its last packet.

    forked and ready ──► time 0 ──► for each session: request → place → admit → start … scenes … end
                                    → drain → stop → release              ──► stop everything ──► end

Every decision is written before it is carried out, every action after. The driver waits in its loop;
what it decides with is pure and lives in `channel` and `placement`.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from testbed.applications.script import Scenario
from testbed.driver.assignment import Assignment
from testbed.driver.captures import Captures
from testbed.driver.carriable import devices_with_channels
from testbed.driver.channels import Channels
from testbed.driver.children import Child, Children
from testbed.driver.commands import Commands
from testbed.driver.experts import ExpertModels
from testbed.driver.failover import Failover
from testbed.driver.flows import Flows
from testbed.driver.host_load import OFF, HostLoad, LoadWatchProgram, starting_ns
from testbed.driver.jobs import Jobs
from testbed.driver.links import shared_links
from testbed.driver.ordering import Ordering
from testbed.driver.protocols import MessageLine, Programs, RunningNetwork
from testbed.driver.queues import Queues
from testbed.driver.rates import Rates
from testbed.driver.scenes import Scenes
from testbed.driver.services import Services
from testbed.driver.sessions import DRAIN_NS, Sessions
from testbed.driver.surveys import Surveys
from testbed.driver.transfers import Transfers
from testbed.driver.work import Work
from testbed.driver.workloads import Workloads
from testbed.host.clock import Clock, use_exact_timers
from testbed.host.load import LATE_NS
from testbed.host.loop import Loop
from testbed.record.logs import EventLog, RateLog
from testbed.units import milliseconds

PROGRESS_NS = 250_000_000
_SETTLE_NS = 2_000_000_000
"""From a network's completion to time 0: the kernel's own announcements are over by then."""
_FORK_NS = 50_000_000
"""What starting one program may take where computing takes time."""

Report = Callable[[int, int, str], None]
"""Told the virtual time reached, the whole, and what is being done."""


class Driver:
    """Runs one variant; make it anew for each.

    With a `line` to a northbound API outside the network, the network stays up until that line closes.
    In real time the machine is watched by `load_watch`.
    """

    def __init__(
        self,
        scenario: Scenario,
        network: RunningNetwork,
        programs: Programs,
        logs: Path,
        report: Report,
        at_fork: Callable[[int], None],
        line: MessageLine | None = None,
        load_watch: LoadWatchProgram | None = None,
    ) -> None:
        self._scenario, self._network, self._programs = scenario, network, programs
        self._logs, self._report, self._line = logs, report, line
        now_ns = time.clock_gettime_ns(time.CLOCK_REALTIME)
        settle_ns = _SETTLE_NS + _FORK_NS * 2 * len((*scenario.background, *scenario.workloads))
        if load_watch is not None:
            settle_ns += starting_ns(scenario)
        self._clock = Clock(-(-(now_ns + settle_ns) // 10**9) * 10**9)
        self._loop = Loop(self._clock)
        self._events = EventLog(logs)
        self._rate_log = RateLog(logs)
        self._children = Children(network, self._loop, at_fork)
        self._assignment = Assignment(network, programs, self._children, self._clock)
        ordered = line is not None or scenario.northbound is not None
        devices = devices_with_channels(scenario, network.plan, ordered=ordered)
        self._channels = Channels(
            network,
            shared_links(network.plan, scenario.access, devices),
            scenario.channels,
            self._loop,
            self._events,
            self._assignment,
        )
        self._scenes = Scenes(network.plan, self._channels)
        self._jobs = Jobs(scenario, network.plan, self._events, self._loop)
        self._sessions = Sessions(
            scenario,
            programs,
            self._jobs,
            self._scenes,
            self._children,
            self._loop,
            self._events,
            logs,
            self._stop,
        )
        self._works = self._all_works(programs)
        if load_watch is not None:
            self._works += (HostLoad(load_watch, network.plan, self._children, self._loop, self._events),)
        self._ordering = Ordering(
            scenario, network, self._channels, self._events, self._clock, self._sessions.placed
        )
        self._end_ns = scenario.duration_ns + DRAIN_NS

    def _all_works(self, programs: Programs) -> tuple[Work, ...]:
        """What goes on beside the sessions."""
        scenario = self._scenario
        services = Services(
            scenario, programs.serving, self._jobs, self._children, self._loop, self._events, self._stop
        )
        return (
            Failover(
                scenario,
                self._network,
                programs.health,
                self._jobs,
                self._sessions,
                services,
                self._children,
                self._loop,
                self._events,
                self._stop,
            ),
            *self._traffic(programs),
            Surveys(
                scenario,
                self._network.plan,
                programs,
                self._children,
                self._events,
                self._clock,
                self._stop,
                self._jobs.measured,
            ),
            services,
            Transfers(
                scenario.transfers,
                programs.fabric,
                self._children,
                self._clock,
                self._events,
                self._rate_log,
                self._stop,
            ),
            ExpertModels(
                scenario,
                programs.fabric,
                self._jobs,
                self._children,
                self._loop,
                self._events,
                self._stop,
                services.exchanged,
            ),
            Commands(scenario.programs, programs, self._children, self._events, self._clock, self._stop),
            Captures(scenario.capture, programs, self._children, self._clock, self._stop),
            Queues(self._network, self._events, self._clock),
        )

    def _traffic(self, programs: Programs) -> tuple[Work, ...]:
        """Background flows and workloads."""
        scenario = self._scenario
        return (
            Flows(
                scenario.background,
                self._network,
                programs,
                self._children,
                self._events,
                self._clock,
                self._stop,
            ),
            Workloads(
                scenario.workloads, programs.workloads, self._children, self._events, self._clock, self._stop
            ),
        )

    def run(self) -> None:
        """Everything, to the end.

        Raises:
            KernelError: The kernel refused a request.
            NotReadyError: A program did not come up, or died.
        """
        use_exact_timers()
        try:
            self._assignment.start()
            for work in self._works:
                work.start(self._logs)
            self._events.write("network.ready", self._clock.now_ns())
            self._sessions.start()
            self._ordering.start(self._programs, self._children)
            rates = Rates(
                self._network, self._channels, self._scenes, self._loop, self._rate_log, self._sessions.placed
            )
            rates.start(self._scenario.duration_ns)
            self._loop.at(0, self._tell_progress)
            if self._line is None:
                self._loop.at(self._end_ns, self._finish)
            else:
                self._ordering.listen(self._line, self._loop, self._hang_up)
            self._loop.run()
            for work in self._works:
                work.stop()
            for child in (self._ordering.program, self._assignment.program):
                if child is not None:
                    self._stop(child)
            self._events.write("run.end", self._clock.now_ns())
        except BaseException:
            self._children.kill()
            raise
        finally:
            self._events.close()
            self._rate_log.close()

    def _hang_up(self) -> None:
        """The API outside has gone: end everything that is still under way, and the run."""
        self._sessions.end_all()
        self._loop.stop()

    def _stop(self, child: Child) -> dict[str, Any]:
        """Stop a program; one that was late has measured this machine and not the network, so say it."""
        done = self._children.stop(child)
        if done["late_ns"] > LATE_NS:
            late = f"program {child.name} on {child.host} ran up to {milliseconds(done['late_ns'])} late"
            self._event(
                "warning",
                text=f"{late}: this machine cannot carry the scenario in real time; {OFF}",
                program=child.name,
                late_ns=done["late_ns"],
            )
        for remark in done.get("remarks", ()):
            self._event("warning", text=f"program {child.name}: {remark}")
        return done

    def _finish(self) -> None:
        """Stop once every session is over; one that drains its queue holds the end up."""
        if self._sessions.are_over:
            self._loop.stop()
        else:
            self._loop.at(self._clock.now_ns() + DRAIN_NS, self._finish)

    def _tell_progress(self) -> None:
        now_ns = self._clock.now_ns()
        doing = ", ".join(placed.name for placed in self._sessions.placed()) or "background traffic"
        self._report(min(now_ns, self._end_ns), self._end_ns, doing)
        next_ns = (now_ns // PROGRESS_NS + 1) * PROGRESS_NS
        if next_ns <= self._end_ns:
            self._loop.at(next_ns, self._tell_progress)

    def _event(self, kind: str, **fields: Any) -> None:
        self._events.write(kind, self._clock.now_ns(), **fields)
