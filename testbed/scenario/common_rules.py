"""Rules that hold for several kinds of what a scenario declares."""

from collections.abc import Iterator

from testbed.applications.script import Script
from testbed.model.job import Job
from testbed.model.network import Network, Role
from testbed.scenario.rates import Finding
from testbed.scenario.tree import Keys
from testbed.units import DURATION


def within(at: Keys, instant_ns: int, script: Script) -> Iterator[Finding]:
    """An instant is not after the scenario's end."""
    if instant_ns > script.duration_ns:
        end = DURATION.format(script.duration_ns)
        yield at, f"{DURATION.format(instant_ns)} is after the scenario's end at {end}"


def fits_a_node(at: Keys, job: Job, network: Network) -> Iterator[Finding]:
    """The largest compute node can carry a job."""
    largest = max(network.having(Role.COMPUTE), key=lambda node: node.capacity, default=None)
    if largest is None:
        yield at, f"{network.name} has no compute node that could carry the job"
    elif job.weight > largest.capacity:
        yield (
            (*at, "weight"),
            f"{job.weight} is more than any node carries; the largest, {largest.name}, "
            f"carries {largest.capacity}",
        )
