"""What the driver makes of transfers and experts: programs at the right hosts, events, rates, jobs."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from fake_network import FakeEvents, FakeLoop
from fake_run import FakeChildren, FakeJobs, FakeRun

from testbed.applications.script import Scenario
from testbed.applications.transfer.control import RunningTransfers
from testbed.applications.transfer.model import Transfer, Transfers
from testbed.driver.children import Child, Children
from testbed.driver.experts import ExpertModels
from testbed.driver.fabric_protocols import FabricPrograms
from testbed.driver.jobs import Jobs
from testbed.host.loop import Loop
from testbed.model.fabric_work import Experts
from testbed.record.logs import EventLog

SECOND = 10**9
TRANSFER = Transfer.model_validate(
    {"source": "npu1", "destination": "npu2", "starts": "1 s", "ends": "3 s", "sample": "1 s"}
)
EXPERTS = Experts.model_validate({"ranks": 2, "job": {"weight": 3}, "starts": "1 s", "ends": "2 s"})


def transfers(sent: int, received: int) -> FakeRun:
    """A transfer that sent and received so many blocks, from its start to its end."""
    run = FakeRun(Transfers(transfers={"bulk": TRANSFER}))
    run.children.outcomes = {
        "bulk source": {"blocks": sent, "blocks_sent_again": 7},
        "bulk sink": {"blocks": received, "in_time_bytes": 1_000, "outage_ns": 5, "stalled_ns": 6},
    }
    running = RunningTransfers(run.context)
    running.start()
    plane = {"kind": "plane", "at_ns": 9, "plane": 1, "alive": False, "after_ns": 4, "blocks": 2}
    run.children.on_message["bulk source"](None, plane)
    run.children.on_message["bulk sink"](None, {"kind": "rate", "at_ns": 2 * SECOND, "throughput_bps": 800})
    running.stop()
    return run


def test_a_transfer_is_started_at_both_ends_and_recorded() -> None:
    run = transfers(sent=10, received=10)
    assert run.children.started == {"bulk source": "npu1", "bulk sink": "npu2"}
    assert run.children.gone == ["bulk source", "bulk sink"]
    assert run.events.kinds() == ["transfer.plane", "transfer.end"]
    plane, end = run.events.written
    assert (plane["at_ns"], plane["transfer"], plane["plane"], plane["alive"]) == (9, "bulk", 1, False)
    assert end["throughput_bps"] == 1_000 * 8 // 2
    assert (end["received_bytes"], end["blocks_sent_again"]) == (1_000, 7)
    assert run.rates.written == [
        {"at_ns": 2 * SECOND, "session": "bulk", "direction": "across", "throughput_bps": 800}
    ]


def test_blocks_that_never_arrived_are_a_warning() -> None:
    events = transfers(sent=10, received=8).events
    assert events.kinds() == ["transfer.plane", "warning", "transfer.end"]
    assert events.written[1]["text"] == "transfer bulk: 2 of 10 blocks never arrived"


def models(jobs: FakeJobs) -> tuple[FakeChildren, FakeEvents, list[tuple[str, int]]]:
    """A model of two ranks from its placement to its end; also what was told of its exchanges."""
    children, events, loop, told = FakeChildren(), FakeEvents(), FakeLoop(), list[tuple[str, int]]()
    done = {"moe ranks": {"steps": 3, "exchange_ns": 40, "given_up": 0}}
    work = ExpertModels(
        cast(Scenario, SimpleNamespace(experts={"moe": EXPERTS}, seed=1)),
        cast(FabricPrograms, SimpleNamespace(experts=dict, traffic_bytes=lambda _name: [[0, 5], [5, 0]])),
        cast(Jobs, jobs),
        cast(Children, children),
        cast(Loop, loop),
        cast(EventLog, events),
        Path(),
        cast(Callable[[Child], dict[str, Any]], done.__getitem__),
        lambda name, took_ns: told.append((name, took_ns)),
    )
    work.start()
    loop.pass_until(SECOND)
    if children.on_message:
        children.on_message["moe ranks"](None, {"kind": "exchange", "exchange_ns": 41})
        jobs.at_move["moe2"](None, 1)
        jobs.at_move["moe2"]("npu9", 2)
    loop.pass_until(3 * SECOND)
    work.stop()
    return children, events, told


def test_the_ranks_of_a_model_are_placed_moved_and_completed() -> None:
    jobs = FakeJobs("npu4", "npu7")
    children, events, told = models(jobs)
    assert children.started == {"moe ranks": "npu4"}
    assert told == [("moe", 41)]
    (end,) = events.written
    assert (end["kind"], end["at_ns"], end["experts"]) == ("experts.end", 2_500_000_000, "moe")
    assert (end["steps"], end["exchange_ns"], end["nodes"]) == (3, 40, ["npu4", "npu9"])
    assert children.sent == [("moe ranks", "move", {"rank": 1, "node": "npu9"})]
    assert jobs.done == ["moe1", "moe2"]


def test_a_model_of_which_one_rank_finds_no_node_does_not_run() -> None:
    """The control, and what was refused is told."""
    jobs = FakeJobs("npu4")
    children, events, _ = models(jobs)
    assert (children.started, jobs.done) == ({}, [])
    assert events.written == [
        {"at_ns": SECOND // 2, "kind": "experts.refuse", "experts": "moe", "reason": "too few"}
    ]
