"""The one error tree: each class is an exit status, so that a pipeline can tell whose problem it is.

A failed expectation is not an error: the run was good and its answer is "no" (exit status 1).
"""

EXPECTATION_FAILED = 1
"""Exit status of a good run in which an expectation of the scenario does not hold."""


class TestbedError(Exception):
    """Something stopped the work; the message says what was attempted, with which values, and what to do."""

    __test__ = False
    exit_status = 70


class ScenarioError(TestbedError):
    """The user's file or command line asks for something that cannot be: theirs to mend."""

    exit_status = 2


class KernelError(TestbedError):
    """A kernel (this machine's or the embedded one) refused a request or died."""

    exit_status = 3


class NotReadyError(TestbedError):
    """Something that must be there before a run is not: a program that never came up, a kernel not built."""

    exit_status = 4


class LimitError(TestbedError):
    """A run or a trial was ended at a limit: of time, of CPU time without virtual time, or of its output."""

    exit_status = 5


class InvariantError(TestbedError):
    """Our own bug: a rule that must always hold was broken, so the results are void."""

    exit_status = 70


_BY_STATUS = {
    kind.exit_status: kind for kind in (ScenarioError, KernelError, NotReadyError, LimitError, InvariantError)
}


def error_of(exit_status: int) -> type[TestbedError]:
    """The class of the error that another program has ended with."""
    return _BY_STATUS.get(exit_status, TestbedError)


def one_line(error: BaseException) -> str:
    """The class of an exception and the first line of its message."""
    message, _, _ = str(error).partition("\n")
    return f"{type(error).__name__}: {message}" if message else type(error).__name__
