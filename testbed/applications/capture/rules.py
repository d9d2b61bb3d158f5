"""Whether the stations of captures are there."""

from collections.abc import Iterator

from testbed.applications.application import Rules
from testbed.applications.capture.model import Captures
from testbed.applications.script import Script
from testbed.model.network import Network
from testbed.scenario.rates import Finding
from testbed.text import instead


class CaptureRules(Rules):
    """Of the key `capture`."""

    def findings(self, script: Script, network: Network) -> Iterator[Finding]:
        """Stations that are not there, or are named twice."""
        stations = [station.name for station in network.stations]
        captured = Captures.of(script).capture
        for index, name in enumerate(captured):
            if name not in stations:
                yield (
                    ("capture", index),
                    f"{name!r} is no station of {network.name}; {instead(name, stations)}",
                )
            elif name in captured[:index]:
                yield ("capture", index), f"{name!r} stands here twice; remove one"

    def processes(self, script: Script) -> int:
        """One on each station."""
        return len(Captures.of(script).capture)


PART = CaptureRules()
