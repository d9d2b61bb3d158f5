"""What nobody has foreseen, an exception that is no `TestbedError`: a line, and its details in a file."""

import os
import tempfile
import traceback

from testbed.errors import one_line

DEBUG = "TESTBED_DEBUG"
"""The environment variable that has the traceback printed as well, if it is set to anything."""


def told(error: BaseException) -> str:
    """What is said of a defect: the exception in a line, and where its traceback is.

    The traceback itself where it cannot be kept in a file, or where DEBUG asks for it.
    """
    details = "".join(traceback.format_exception(error))
    line = f"a defect of the testbed: {one_line(error)}"
    kept = None if os.environ.get(DEBUG) else _kept(details)
    if kept is None:
        return f"{line}\n{details.rstrip()}"
    return f"{line}; its traceback is in {kept}, please report it"


def _kept(details: str) -> str | None:
    try:
        descriptor, path = tempfile.mkstemp(prefix="testbed-traceback-", suffix=".txt")
        with open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(details)
    except OSError:
        return None
    return path
