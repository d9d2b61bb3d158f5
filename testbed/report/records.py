"""What a run recorded, as the parts of a report get it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from testbed.record.event import RecordedEvent
from testbed.report.failures import FaultSummary


@dataclass(frozen=True, slots=True)
class VariantRecords:
    """One variant: its rows of samples and rates, its events in order, and what broke in it."""

    packets: pd.DataFrame
    rates: pd.DataFrame
    events: Sequence[RecordedEvent]
    faults: Sequence[FaultSummary]


@dataclass(frozen=True, slots=True)
class RunRecords:
    """A run: the rows of samples and rates of all variants, and what broke in each variant."""

    packets: pd.DataFrame
    rates: pd.DataFrame
    faults: Mapping[str, Sequence[FaultSummary]]
    duration_ns: int

    def stream(self, variant: str, name: str, measure: str) -> pd.DataFrame:
        """The messages of one measure, in order of number."""
        rows = self.packets
        return rows[(rows["variant"] == variant) & (rows["session"] == name) & (rows["measure"] == measure)]
