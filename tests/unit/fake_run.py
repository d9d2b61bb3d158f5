"""A run without a network, for tests of what runs the entries of a kind: nothing is forked."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from fake_network import FakeEvents, FakeLoop

from testbed.applications.script import Scenario
from testbed.driver.children import Children
from testbed.driver.jobs import Answer, Jobs
from testbed.driver.protocols import RunningNetwork
from testbed.driver.run_context import RunContext
from testbed.host.loop import Loop
from testbed.record.logs import EventLog, RateLog


class FakeChildren:
    """Starts nothing, and remembers which program was to be started where, and its callback.

    `outcomes` has what a program says when it is stopped, by its name.
    """

    def __init__(self) -> None:
        self.started: dict[str, str] = {}
        self.on_message: dict[str, Callable[[Any, dict[str, Any]], None]] = {}
        self.gone = list[str]()
        self.sent = list[tuple[str, str, dict[str, Any]]]()
        self.outcomes: dict[str, dict[str, Any]] = {}

    def start(self, name: str, host: str, _make: Any, on_message: Any = None) -> str:
        self.started[name] = host
        self.on_message[name] = on_message
        return name

    def go(self, *children: str) -> None:
        self.gone += children

    def tell(self, child: str, kind: str, **fields: Any) -> None:
        self.sent.append((child, kind, fields))

    def stop(self, child: str) -> dict[str, Any]:
        return {"late_ns": 0, **self.outcomes.get(child, {})}


class FakeJobs:
    """Gives each job the next node, until there are none."""

    def __init__(self, *nodes: str) -> None:
        self.nodes, self.done = [*nodes], list[str]()
        self.at_move: dict[str, Callable[[str | None, int], None]] = {}

    def ask(self, requests: Any, _ends_at_ns: int, then: Callable[[Answer], None], moves: Any) -> None:
        self.at_move = {request.name: move for request, move in zip(requests, moves, strict=True)}
        enough = len(self.nodes) >= len(requests)
        then(Answer(tuple(self.nodes)) if enough else Answer(reason="too few"))

    def complete(self, name: str) -> None:
        self.done.append(name)


class FakeRates:
    """A log of rates in memory."""

    def __init__(self) -> None:
        self.written = list[dict[str, Any]]()

    def write(self, at_ns: int, **fields: Any) -> None:
        self.written.append({"at_ns": at_ns, **fields})


class FakeRun:
    """The parts of a run that a test looks at, and `context`, which has them."""

    def __init__(self, scenario: Any, network: Any = None, jobs: FakeJobs | None = None) -> None:
        self.children, self.loop, self.jobs = FakeChildren(), FakeLoop(), jobs or FakeJobs()
        self.events, self.rates = FakeEvents(), FakeRates()
        self.context = RunContext(
            scenario=cast(Scenario, scenario),
            network=cast(RunningNetwork, network),
            children=cast(Children, self.children),
            loop=cast(Loop, self.loop),
            jobs=cast(Jobs, self.jobs),
            events=cast(EventLog, self.events),
            rates=cast(RateLog, self.rates),
            folder=Path(),
        )
