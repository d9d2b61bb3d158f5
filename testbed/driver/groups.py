"""Groups of jobs: placed at their start, completed at their end."""

from collections.abc import Mapping
from functools import partial

from testbed.applications.script import Scenario
from testbed.driver.due import Due
from testbed.driver.jobs import Jobs
from testbed.host.loop import Loop
from testbed.model.job import JobGroup


def group_of(groups: Mapping[str, JobGroup]) -> dict[str, str]:
    """The group of every job that is of one."""
    return {job: name for name, group in groups.items() for job in group.jobs_of(name)}


class Groups:
    """All groups of a run."""

    def __init__(self, scenario: Scenario, jobs: Jobs, loop: Loop) -> None:
        self._scenario, self._jobs, self._loop = scenario, jobs, loop
        self._placed: set[str] = set()

    def start(self) -> None:
        """Set out to place every group at its start, and to complete it at its end."""
        for name, group in self._scenario.jobs.items():
            self._loop.at(group.starts_at_ns, partial(self._place, name, group))
            self._loop.at(group.ends_at_ns, partial(self._complete, name, group), Due.END)

    def _place(self, name: str, group: JobGroup) -> None:
        for job in group.jobs_of(name):
            request = self._jobs.request(job, group.job, self._partners(job, group))
            self._jobs.ask([request], group.ends_at_ns, waits=True)
        self._placed.add(name)

    def _partners(self, job: str, group: JobGroup) -> dict[str, float]:
        """Shares of traffic by station and job: that of a group is shared by its jobs.

        Without any, a job belongs near whoever asks it for answers.
        """
        shares: dict[str, float] = {}
        for partner, share in group.partners.items():
            jobs = self._scenario.jobs
            others = (
                [each for each in jobs[partner].jobs_of(partner) if each != job]
                if partner in jobs
                else [partner]
            )
            for other in others:
                shares[other] = shares.get(other, 0.0) + share / len(others)
        shares = {partner: share for partner, share in shares.items() if share > 0}
        if not shares and group.requests is not None:
            return {group.requests.source: 1.0}
        return shares

    def _complete(self, name: str, group: JobGroup) -> None:
        if name in self._placed:
            self._placed.remove(name)
            for job in group.jobs_of(name):
                self._jobs.complete(job)

    def stop(self) -> None:
        """Complete what still runs, as when the run is ended early."""
        for name in [*self._placed]:
            self._complete(name, self._scenario.jobs[name])
