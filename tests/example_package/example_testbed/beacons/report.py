"""What a report says and shows of beacons."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from example_testbed.beacons.events import BeaconEnded
from example_testbed.beacons.model import Beacons
from testbed.applications.application import Report
from testbed.applications.script import Script
from testbed.report.figures import Plot
from testbed.report.records import RunRecords, VariantRecords
from testbed.report.stream_plots import stream_plots
from testbed.report.streams import by_name
from testbed.report.summary import Summary
from testbed.report.table import VARIANT, Column, PageSection, Table, milliseconds, number
from testbed.units import DURATION


class BeaconReport(Report):
    """Of the key `beacons`."""

    streams: ClassVar = {"beacon_delays": "beacon"}

    def conditions(self, script: Script) -> Iterator[tuple[str, str]]:
        """Who sends to whom, how often."""
        for name, beacon in Beacons.of(script).beacons.items():
            every = DURATION.format(beacon.interval_ns)
            yield f"beacon {name}", f"{beacon.source} → {beacon.destination}, every {every}"

    def summarise(self, records: VariantRecords) -> Mapping[str, Any]:
        """The numbers of each beacon's end."""
        ends = [each.event for each in records.events if isinstance(each.event, BeaconEnded)]
        return {
            "beacons": {end.beacon: {"received": end.received, "silence_ns": end.silence_ns} for end in ends}
        }

    def sections(self, summary: Summary) -> Iterator[PageSection]:
        """How many arrived, and the longest silence."""
        columns = (VARIANT, Column("Beacon"), number("Received"), number("Silence, ms", milliseconds))
        rows = [
            (variant, name, each["received"], each["silence_ns"])
            for variant, name, each in by_name(summary, "beacons")
        ]
        yield PageSection("Beacons", (Table("What arrived of each", columns, rows, title="Beacons"),))

    def plots(self, run: RunRecords, summary: Summary) -> Iterator[tuple[str, list[Plot]]]:
        """The delays of each."""
        for name, plots in stream_plots(run, [("beacon", "beacon")]):
            yield f"Beacon {name}", plots


PART = BeaconReport()
