"""What a scenario declares of work on nodes and of failures, in words."""

from collections.abc import Iterator

from testbed.applications.application import all_reports
from testbed.applications.script import Scenario
from testbed.model.failure import Fault, Health
from testbed.model.job import Job, JobGroup
from testbed.report.failures import broken
from testbed.units import DURATION, SIZE

_MILLION = 1_000_000


def work_conditions(scenario: Scenario) -> Iterator[tuple[str, str]]:
    """What was declared as (what, how), in the order of the file's reference."""
    if scenario.health is not None:
        yield "health", _health(scenario.health)
    for name, group in scenario.jobs.items():
        yield f"jobs {name}", _group(group)
    for part in all_reports():
        yield from part.conditions(scenario)
    for name, fault in scenario.faults.items():
        yield f"fault {name}", _fault(fault)


def span(starts_at_ns: int, ends_at_ns: int) -> str:
    """From when to when: "1 s to 5 s"."""
    return f"{DURATION.format(starts_at_ns)} to {DURATION.format(ends_at_ns)}"


def _health(health: Health) -> str:
    monitor = "the controller" if health.monitor is None else health.monitor
    return (
        f"a heartbeat to {monitor} every {DURATION.format(health.heartbeat_ns)}; a node is given up after "
        f"{DURATION.format(health.silence_ns)} of silence"
    )


def job(job: Job) -> str:
    """What a job needs of a node: "render, weight 4, with backup"."""
    said = [f"{job.kind}, weight {job.weight}"]
    if job.priority:
        said.append(f"priority {job.priority}")
    if job.backup is not None:
        said.append(f"{'with' if job.backup else 'without'} backup")
    if job.state_bytes:
        said.append(f"state {SIZE.format(job.state_bytes)}")
    if job.restart_ns:
        said.append(f"restart {DURATION.format(job.restart_ns)}")
    return ", ".join(said)


def _group(group: JobGroup) -> str:
    said = f"{group.count}, each {job(group.job)}; {span(group.starts_at_ns, group.ends_at_ns)}"
    requests = group.requests
    if requests is None:
        return said
    every = DURATION.format(requests.interval_ns)
    return f"{said}; requests of {SIZE.format(requests.size_bytes)} from {requests.source} every {every}"


def _fault(fault: Fault) -> str:
    until = "never repaired"
    if fault.repaired_ns is not None:
        until = f"repaired at {DURATION.format(fault.repaired_ns)}"
    return f"{broken(fault.model_dump())}, at {DURATION.format(fault.at_ns)}, {until}"
