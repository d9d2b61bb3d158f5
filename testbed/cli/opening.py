"""Run directories named on the command line: opened, verified, and blamed for what they make go wrong."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from testbed.errors import ScenarioError, TestbedError, one_line
from testbed.record.run_directory import RunDirectory


@contextmanager
def opened(names: Sequence[str]) -> Iterator[list[RunDirectory]]:
    """The runs of these names, for a block that reads them.

    The files of a run with checksums are what was written, so that what nobody has foreseen is our defect.
    Those of a run without any may hold anything, and are the likelier cause.

    Raises:
        ScenarioError: One of them is no run, is damaged, or cannot be verified and makes no sense.
    """
    runs = [RunDirectory.open(name) for name in names]
    unverified = [run for run in runs if not run.has_checksums()]
    for run in unverified:
        print(
            f"warning: {run.path} has no SHA256SUMS, so that nobody can tell whether its files are whole; "
            "it was made by an earlier version of the testbed, or is damaged",
            file=sys.stderr,
        )
    try:
        yield runs
    except TestbedError:
        raise
    except Exception as error:
        if not unverified:
            raise
        raise ScenarioError(
            f"{unverified[0].path} cannot be read ({one_line(error)}); it has no SHA256SUMS and is damaged "
            "or of a version that this one does not know: run the scenario again"
        ) from error
