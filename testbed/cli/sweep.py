"""`testbed sweep`: every combination of values and seeds, here or on a cluster, and their report."""

import argparse
import os
import sys
from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict
from functools import partial
from pathlib import Path

from testbed import __version__
from testbed.cli.interrupts import held, unwinding
from testbed.cli.sweep_progress import SweepProgress
from testbed.errors import EXPECTATION_FAILED, ScenarioError, TestbedError, error_of
from testbed.record.run_directory import RUNS
from testbed.sweep.axes import parsed_axes
from testbed.sweep.plan import SweepPlan, make_plan
from testbed.sweep.run_counts import RunCounts, failed_line
from testbed.sweep.run_order import RunOrder, RunResult, RunUpdate
from testbed.sweep.sweep_directory import SweepDirectory
from testbed.text import counted
from testbed.venue import kernel


def sweep(options: argparse.Namespace) -> int:
    """Do what is not done yet of a sweep, and report on all of it; the exit status.

    A failed run stops no other; then the status is that of the first that failed. Otherwise it is 1 if an
    expectation does not hold in some run.
    """
    plan = make_plan(
        options.scenario,
        parsed_axes(options.settings),
        seeds=options.seeds,
        first_seed=options.seed,
        variants=options.variant,
        kernel=kernel.require().key,
        version=__version__,
    )
    slots = _slots(options.jobs, options.scheduler)
    directory = SweepDirectory.begin(options.out or RUNS / plan.default_name, plan)
    with unwinding(), directory.locked() as lock:
        finished, failed = _work_off(plan, directory, options, slots, lock)
        return _reported(plan, directory, finished, failed)


def _slots(jobs: int | None, scheduler: str | None) -> int:
    """How many runs may be under way on this machine at a time."""
    processors = len(os.sched_getaffinity(0))
    if jobs is None:
        return processors
    if scheduler is not None:
        raise ScenarioError("--jobs is for runs on this machine; a cluster's workers know how many they do")
    if not 1 <= jobs <= processors:
        raise ScenarioError(
            f"--jobs {jobs}: this machine has {counted(processors, 'processor')}, and a run keeps one busy; "
            f"write 1 to {processors}"
        )
    return jobs


def _work_off(
    plan: SweepPlan, directory: SweepDirectory, options: argparse.Namespace, slots: int, lock: int
) -> tuple[set[str], list[RunResult]]:
    """Have the unfinished runs done; the names of all that are finished, and those that failed."""
    finished = set(_finished_before(plan, directory))
    orders = [
        RunOrder(
            name=run.name,
            text=run.point.text,
            seed=run.seed,
            settings=plan.settings(run.point),
            kernel=plan.kernel,
            wall_limit_s=options.wall_limit,
            stall_limit_s=options.stall_limit,
        )
        for run in plan.runs
        if run.name not in finished
    ]
    tally = RunCounts(len(plan.runs), len(plan.runs) - len(orders))
    print(_opening(plan, directory, tally), file=sys.stderr)
    failed: list[RunResult] = []
    with (
        closing(_happening(directory, orders, options.scheduler, slots, lock)) as news,
        SweepProgress(tally) as view,
    ):
        try:
            for happened in map(partial(_verified, directory), news):
                view.take(happened)
                if isinstance(happened, RunResult):
                    if happened.status:
                        failed.append(happened)
                    else:
                        finished.add(happened.name)
        except KeyboardInterrupt as interruption:
            interruption.add_note(
                f"stopped at {tally.done} of {tally.total} runs; the same command carries on from there"
            )
            raise
    return finished, failed


def _finished_before(plan: SweepPlan, directory: SweepDirectory) -> Iterator[str]:
    """The runs that are there whole; of one that was damaged since it is said why it is made anew."""
    for run in plan.runs:
        if not directory.was_begun(run.name):
            continue
        fault = directory.fault(run.name)
        if fault is None:
            yield run.name
        else:
            print(f"run {run.name} is made anew: {fault}", file=sys.stderr)


def _verified(directory: SweepDirectory, happened: RunUpdate) -> RunUpdate:
    """A run whose program says that it is finished has failed all the same if its files are not whole."""
    if not isinstance(happened, RunResult) or happened.status:
        return happened
    fault = directory.fault(happened.name)
    return happened if fault is None else RunResult(happened.name, TestbedError.exit_status, fault)


def _happening(
    directory: SweepDirectory, orders: Sequence[RunOrder], scheduler: str | None, slots: int, lock: int
) -> Generator[RunUpdate, None, None]:
    if not orders:
        return
    if scheduler is not None:
        from testbed.cli.sweep_worker import ARGUMENTS
        from testbed.sweep.cluster import work_off

        yield from work_off(scheduler, directory, orders, ARGUMENTS)
        return
    from testbed.cli.sweep_worker import COMMAND
    from testbed.sweep.local import LocalRuns

    yield from LocalRuns(directory, COMMAND, slots).work_off(orders, lock)


def _opening(plan: SweepPlan, directory: SweepDirectory, tally: RunCounts) -> str:
    points = counted(len(plan.points), "combination")
    shape = f"{points} of values, {counted(len(plan.seeds), 'seed')}: {counted(tally.total, 'run')}"
    before = f", {tally.before} of them finished before" if tally.before else ""
    return f"sweep of {plan.scenario} in {directory.path}\n{shape}{before}"


def _reported(
    plan: SweepPlan, directory: SweepDirectory, done: Collection[str], failed: Sequence[RunResult]
) -> int:
    """Gather the numbers of the finished runs, write the report, and say what failed."""
    # pandas and plotly are loaded when there is something to report.
    with held():
        from testbed.report.numbers import numbers
        from testbed.report.sweep_page import write_page
        from testbed.sweep import dataset

    finished = [run for run in plan.runs if run.name in done]
    summaries = {run.name: directory.run(run.name).summary() for run in finished}
    if finished:
        rows = (
            row
            for run in finished
            for row in dataset.rows(plan, run, map(asdict, numbers(summaries[run.name])))
        )
        dataset.write(plan, rows, directory.numbers_path)
        write_page(plan, directory, summaries, failed)
    broken = [
        name for name, found in summaries.items() if not all(each["holds"] for each in found["expectations"])
    ]
    for line in _closing(directory, summaries, broken, failed):
        print(line)
    if failed:
        defect = TestbedError.exit_status
        kinds = (error_of(each.status).exit_status for each in failed)
        return next((status for status in kinds if status != defect), defect)
    return EXPECTATION_FAILED if broken else 0


def _closing(
    directory: SweepDirectory, finished: Iterable[str], broken: Sequence[str], failed: Sequence[RunResult]
) -> Iterator[str]:
    count = len(list(finished))
    yield f"{counted(count, 'run')} finished"
    if broken:
        yield f"in {counted(len(broken), 'run')} an expectation does not hold, the first is {broken[0]}"
    if count:
        yield f"numbers  {_shown(directory.numbers_path)}"
        yield f"report   {_shown(directory.report_path)}"
    if failed:
        yield failed_line(len(failed))
        for each in failed:
            yield f"  {each.name}: {each.message.splitlines()[0] if each.message else 'it said nothing'}"
            yield f"    log: {_shown(directory.log_path(each.name))}"


def _shown(path: Path) -> str:
    """A path as short as it can be from here."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
