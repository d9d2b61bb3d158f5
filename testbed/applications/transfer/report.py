"""What a report says of transfers."""

from collections.abc import Iterator

from testbed.applications.application import Report
from testbed.applications.script import Script
from testbed.applications.transfer.model import Transfers
from testbed.report.work_words import span
from testbed.units import DURATION, SIZE


class TransferReport(Report):
    """Of the key `transfers`."""

    def conditions(self, script: Script) -> Iterator[tuple[str, str]]:
        """What was declared of each transfer."""
        for name, transfer in Transfers.of(script).transfers.items():
            yield (
                f"transfer {name}",
                f"{transfer.source} → {transfer.destination}, blocks of {SIZE.format(transfer.block_bytes)}, "
                f"{transfer.window_blocks} unacknowledged on a plane at most; a plane is given up after "
                f"{DURATION.format(transfer.timeout_ns)} of silence and tried every "
                f"{DURATION.format(transfer.retry_ns)}; {span(transfer.starts_at_ns, transfer.ends_at_ns)}",
            )


PART = TransferReport()
