"""What beacons need of their network."""

from collections.abc import Iterator, Sequence

from example_testbed.beacons.model import Beacons
from testbed.applications.application import Named, PacketLoad, Rules
from testbed.applications.script import Script
from testbed.model.network import Network


class BeaconRules(Rules):
    """Of the key `beacons`."""

    def findings(self, script: Script, network: Network) -> Iterator[tuple[tuple[str, ...], str]]:
        """Hosts that are not there, and beacons that end after the scenario."""
        hosts = [station.name for station in network.stations if station.role.is_host]
        for name, beacon in Beacons.of(script).beacons.items():
            for key, host in (("source", beacon.source), ("destination", beacon.destination)):
                if host not in hosts:
                    yield ("beacons", name, key), f"{host!r} is no host of {network.name}"
            if beacon.ends_at_ns > script.duration_ns:
                yield ("beacons", name, "ends"), "is after the scenario's end"

    def names(self, script: Script) -> Iterator[Named]:
        """Each beacon's own."""
        for name in Beacons.of(script).beacons:
            yield Named(("beacons", name), name, "the beacon")

    def having(self, measure: str, script: Script) -> tuple[str, Sequence[str]] | None:
        """Beacons have both measures of theirs."""
        return ("beacon", [*Beacons.of(script).beacons]) if measure in ("beacon", "beacons") else None

    def processes(self, script: Script) -> int:
        """One at each end."""
        return 2 * len(Beacons.of(script).beacons)

    def packet_load(self, script: Script, network: Network) -> Iterator[PacketLoad]:
        """A packet an interval."""
        for name, beacon in Beacons.of(script).beacons.items():
            yield PacketLoad(name, beacon.starts_at_ns, beacon.ends_at_ns, 10**9 / beacon.interval_ns)


PART = BeaconRules()
