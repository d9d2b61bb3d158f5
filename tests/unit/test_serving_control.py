"""What the driver does for services: programs started in order, moved, told, stopped, and written down."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from testbed.applications.inference.control import RunningServices
from testbed.applications.inference.model import Services
from testbed.applications.messages import ExchangeMeasured, FirstServed, JobDropped, NodeDied
from testbed.driver.jobs import Answer
from testbed.driver.run_context import Bus, RunContext
from testbed.host import ports
from testbed.host.clock import Clock
from testbed.record.event import Event

CLIENTS = {"host": "home1", "starts": "1 s", "ends": "2 s", "interval": "1 s"}
SERVICE = {
    "job": {"weight": 1, "kind": "inference"},
    "starts": "1 s",
    "ends": "3 s",
    "decode": "cloudmatrix384",
    "experts": "moe",
    "clients": {"user": CLIENTS, "other": CLIENTS},
}
DONE = {"requests": 2, "answered": 1, "tokens": 10, "decoded": 8, "steps": 4, "prefill_ns": 5}
DONE |= {"busy_ns": 6, "least_ns": 7}


class FakeLoop:
    """Keeps what is to happen, and lets it happen in order."""

    def __init__(self) -> None:
        self.clock = Clock(0)
        self.timers: list[tuple[int, Callable[[], None]]] = []

    def at(self, at_ns: int, call: Callable[[], None], _rank: int = 0) -> None:
        self.timers.append((at_ns, call))

    def run_until(self, at_ns: int) -> None:
        due = sorted((each for each in self.timers if each[0] <= at_ns), key=lambda each: each[0])
        self.timers = [each for each in self.timers if each[0] > at_ns]
        for _, call in due:
            call()


class FakeRun:
    """Jobs, children, events and programs in one, which write down what they are asked for."""

    def __init__(self, node: str | None = "npu1") -> None:
        self.node, self.said, self.events = node, list[Any](), list[dict[str, Any]]()
        self.running: Any = None
        self.heard: dict[str, Callable[[str, dict[str, Any]], None]] = {}

    def request(self, name: str, _job: Any, partners: dict[str, float]) -> tuple[str, dict[str, float]]:
        return name, partners

    def ask(self, requests: Any, _ends_at_ns: int, then: Callable[[Answer], None], moves: Any) -> None:
        [request], [self.move] = requests, moves
        self.said.append(("place", *request))
        then(Answer(reason="too small") if self.node is None else Answer((self.node,)))

    def complete(self, name: str) -> None:
        self.said.append(("complete", name))

    def start(self, name: str, host: str, _make: Any, on_message: Any = None) -> str:
        self.said.append(("start", name, host))
        self.heard[name] = on_message
        return name

    def go(self, *children: str) -> None:
        self.said.append(("go", *children))

    def tell(self, child: str, kind: str, **fields: Any) -> None:
        self.said.append((kind, child, *fields.values()))

    def stop(self, child: str) -> dict[str, Any]:
        self.said.append(("stop", child))
        return DONE

    def write(self, event: Event) -> None:
        self.events.append(event.as_json())

    def address(self, node: str) -> SimpleNamespace:
        return SimpleNamespace(ip=f"address of {node}")


def services(run: FakeRun, loop: FakeLoop) -> Bus:
    """The services of a scenario, on the bus that they are told things by."""
    declared = Services.model_validate({"services": {"chat": SERVICE}})
    context = SimpleNamespace(scenario=declared, loop=loop, jobs=run, children=run, bus=Bus(), plan=run)
    context.start, context.stop, context.event = run.start, run.stop, run.write
    made = RunningServices(cast(RunContext, context))
    made.start()
    run.running = made
    return context.bus  # type: ignore[no-any-return]


@pytest.fixture
def loop() -> FakeLoop:
    return FakeLoop()


STARTED = [
    ("place", "chat", {"home1": 2.0}),
    ("start", "chat server", "npu1"),
    ("start", "user client", "home1"),
    ("start", "other client", "home1"),
    ("go", "chat server", "user client", "other client"),
]


def test_a_service_is_placed_half_a_second_before_it_starts_and_its_server_goes_first(loop: FakeLoop) -> None:
    run = FakeRun()
    services(run, loop)
    loop.run_until(499_999_999)
    assert run.said == []
    loop.run_until(500_000_000)
    assert run.said == STARTED


def test_a_service_that_finds_no_node_has_no_programs(loop: FakeLoop) -> None:
    run = FakeRun(node=None)
    services(run, loop)
    loop.run_until(4_000_000_000)
    assert run.said == STARTED[:1]
    assert run.events == [{"kind": "service.refuse", "service": "chat", "reason": "too small"}]


def test_a_service_is_stopped_after_its_end_and_written_down_once(loop: FakeLoop) -> None:
    run = FakeRun()
    made = services(run, loop)
    loop.run_until(500_000_000)
    made.publish(ExchangeMeasured("moe", 100))
    made.publish(ExchangeMeasured("another", 999))
    made.publish(ExchangeMeasured("moe", 200))
    loop.run_until(3_500_000_000)
    run.running.stop()
    assert run.said[5:] == [
        ("exchange", "chat server", 100),
        ("exchange", "chat server", 200),
        ("stop", "user client"),
        ("stop", "other client"),
        ("stop", "chat server"),
        ("complete", "chat"),
    ]
    (ended,) = run.events
    assert (ended["kind"], ended["of_ns"], ended["mean_batch"]) == ("service.end", 2_000_000_000, 2.0)
    assert (ended["exchange_ns"], ended["busy_ns"]) == (150, 6)


def test_experts_that_exchange_nothing_are_a_warning(loop: FakeLoop) -> None:
    run = FakeRun()
    services(run, loop)
    loop.run_until(4_000_000_000)
    warning, ended = run.events
    assert warning["text"].startswith("service chat was told of no exchange of the experts moe")
    assert ended["exchange_ns"] is None


def test_a_service_that_moves_is_started_there_and_its_clients_are_told(loop: FakeLoop) -> None:
    run = FakeRun()
    made = services(run, loop)
    served: list[FirstServed] = []
    made.subscribe(FirstServed, served.append)
    loop.run_until(500_000_000)
    made.publish(ExchangeMeasured("moe", 100))
    made.publish(NodeDied("npu2"))
    made.publish(NodeDied("npu1"))
    made.publish(ExchangeMeasured("moe", 300))
    run.move(None, 1)
    run.move("npu2", 2)
    where = "address of npu2"
    assert run.said[6:] == [
        ("stop", "chat server"),
        ("start", "chat server", "npu2"),
        ("go", "chat server"),
        ("exchange", "chat server", 100),
        ("moved", "user client", where, ports.SERVICES.first, 2),
        ("moved", "other client", where, ports.SERVICES.first, 2),
    ]
    run.heard["user client"]("user client", {"epoch": 2, "at_ns": 7})
    assert served == [FirstServed("chat", 2, 7)]
    loop.run_until(4_000_000_000)
    # What both servers did, together, under the node that it had at the end.
    assert (run.events[0]["node"], run.events[0]["requests"], run.events[0]["mean_batch"]) == ("npu2", 4, 2.0)


def test_a_server_ends_where_its_lease_is_over_and_nowhere_else(loop: FakeLoop) -> None:
    run = FakeRun()
    made = services(run, loop)
    loop.run_until(500_000_000)
    made.publish(JobDropped("chat", "npu2"))
    made.publish(JobDropped("another", "npu1"))
    assert run.said == STARTED
    made.publish(JobDropped("chat", "npu1"))
    assert run.said[5:] == [("stop", "chat server")]
