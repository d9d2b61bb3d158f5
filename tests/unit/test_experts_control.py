"""What is made of models of experts in a run: ranks placed, started, moved and completed."""

from fake_run import FakeJobs, FakeRun

from testbed.applications.experts.control import RunningExperts
from testbed.applications.experts.model import ExpertModels, Experts
from testbed.applications.messages import ExchangeMeasured

SECOND = 10**9
EXPERTS = Experts.model_validate({"ranks": 2, "job": {"weight": 3}, "starts": "1 s", "ends": "2 s"})


class Declared(ExpertModels):
    """A scenario with experts and a seed."""

    seed: int = 1


def models(jobs: FakeJobs) -> tuple[FakeRun, list[ExchangeMeasured]]:
    """A model of two ranks from its placement to its end, and the exchanges that were published."""
    run, measured = FakeRun(Declared(experts={"moe": EXPERTS}), jobs=jobs), list[ExchangeMeasured]()
    run.children.outcomes = {"moe ranks": {"steps": 3, "exchange_ns": 40, "given_up": 0}}
    run.context.bus.subscribe(ExchangeMeasured, measured.append)
    running = RunningExperts(run.context)
    running.start()
    run.loop.pass_until(SECOND)
    if run.children.on_message:
        run.children.on_message["moe ranks"](None, {"kind": "exchange", "exchange_ns": 41})
        jobs.at_move["moe2"](None, 1)
        jobs.at_move["moe2"]("npu9", 2)
    run.loop.pass_until(3 * SECOND)
    running.stop()
    return run, measured


def test_the_ranks_of_a_model_are_placed_moved_and_completed() -> None:
    jobs = FakeJobs("npu4", "npu7")
    run, measured = models(jobs)
    assert run.children.started == {"moe ranks": "npu4"}
    assert measured == [ExchangeMeasured("moe", 41)]
    (end,) = run.events.written
    assert (end["kind"], end["at_ns"], end["experts"]) == ("experts.end", 2_500_000_000, "moe")
    assert (end["steps"], end["exchange_ns"], end["nodes"]) == (3, 40, ["npu4", "npu9"])
    assert run.children.sent == [("moe ranks", "move", {"rank": 1, "node": "npu9"})]
    assert jobs.done == ["moe1", "moe2"]


def test_a_model_of_which_one_rank_finds_no_node_does_not_run() -> None:
    """The control; the refusal is recorded."""
    jobs = FakeJobs("npu4")
    run, _ = models(jobs)
    assert (run.children.started, jobs.done) == ({}, [])
    assert run.events.written == [
        {"at_ns": SECOND // 2, "kind": "experts.refuse", "experts": "moe", "reason": "too few"}
    ]
