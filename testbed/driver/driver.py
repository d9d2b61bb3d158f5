"""The driver: one variant of a scenario on a running network, from its first request to its last packet.

    forked and ready ──► time 0 ──► for each session: request → place → admit → start … scenes … end
                                    → drain → stop → release              ──► stop everything ──► end

Every decision is written before it is carried out, every action after. The driver waits in its loop;
what it decides with is pure and lives in `channel` and `placement`.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from testbed.applications.application import Running, all_controls
from testbed.applications.script import Scenario
from testbed.driver.assignment import Assignment
from testbed.driver.bottlenecks import shared_links
from testbed.driver.carriable import devices_with_channels
from testbed.driver.channels import Channels
from testbed.driver.children import Children
from testbed.driver.failover import Failover
from testbed.driver.flows import Flows
from testbed.driver.host_load import HostLoad, LoadWatchProgram, starting_ns
from testbed.driver.jobs import Jobs
from testbed.driver.ordering import Ordering
from testbed.driver.protocols import MessageLine, Programs, RunningNetwork
from testbed.driver.queues import Queues
from testbed.driver.rates import Rates
from testbed.driver.run_context import RunContext
from testbed.driver.scenes import Scenes
from testbed.driver.sessions import DRAIN_NS, Sessions
from testbed.driver.tc_southbound import TcSouthbound
from testbed.driver.workloads import Workloads
from testbed.host.clock import Clock, use_exact_timers
from testbed.host.loop import Loop
from testbed.record.events import NetworkReady, RunEnded
from testbed.record.logs import EventLog, RateLog

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
        links = shared_links(network.plan, scenario.access, devices)
        southbound = TcSouthbound(network, self._assignment)
        self._channels = Channels(southbound, links, scenario.channels, self._loop, self._events)
        self._scenes = Scenes(network.plan, self._channels)
        self._jobs = Jobs(scenario, network.plan, self._events, self._loop)
        self._run = RunContext(
            scenario=scenario,
            network=network,
            children=self._children,
            loop=self._loop,
            jobs=self._jobs,
            events=self._events,
            rates=self._rate_log,
            folder=logs,
        )
        self._sessions = Sessions(
            scenario,
            programs,
            self._jobs,
            self._scenes,
            self._children,
            self._loop,
            self._events,
            logs,
            self._run.stop,
        )
        self._running = [*self._all_running(programs)]
        if load_watch is not None:
            self._running.append(HostLoad(load_watch, network.plan, self._children, self._loop, self._events))
        self._ordering = Ordering(
            scenario, network, self._channels, southbound, self._events, self._clock, self._sessions.placed
        )
        self._end_ns = scenario.duration_ns + DRAIN_NS

    def _all_running(self, programs: Programs) -> Iterator[Running]:
        """Everything but the sessions, in the order in which it starts."""
        scenario = self._scenario
        stop = self._run.stop
        network, children = self._network, self._children
        events, clock = self._events, self._clock
        yield Failover(self._run, programs.health, self._sessions)
        yield Flows(scenario.background, network, programs, children, events, clock, self._logs, stop)
        yield Workloads(scenario.workloads, programs.workloads, children, events, clock, self._logs, stop)
        for control in all_controls():
            yield control(self._run)
        yield Queues(network, events, clock)

    def run(self) -> None:
        """Everything, to the end.

        Raises:
            KernelError: The kernel refused a request.
            NotReadyError: A program did not come up, or died.
        """
        use_exact_timers()
        try:
            self._assignment.start()
            for running in self._running:
                running.start()
            self._events.write(NetworkReady(), self._clock.now_ns())
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
            for running in self._running:
                running.stop()
            for child in (self._ordering.program, self._assignment.program):
                if child is not None:
                    self._run.stop(child)
            self._events.write(RunEnded(), self._clock.now_ns())
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
