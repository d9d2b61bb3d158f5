"""What a report says of captures."""

from collections.abc import Iterator

from testbed.applications.application import Report
from testbed.applications.capture.model import Captures
from testbed.applications.script import Script
from testbed.text import listed


class CaptureReport(Report):
    """Of the key `capture`."""

    def conditions(self, script: Script) -> Iterator[tuple[str, str]]:
        """The stations."""
        if captured := Captures.of(script).capture:
            yield "capture", listed(captured)


PART = CaptureReport()
