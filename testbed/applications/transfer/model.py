"""Transfers, as a scenario declares them: bulk from one compute node to another."""

from typing import Annotated

from pydantic import Field

from testbed.applications.kind import Kind, Section
from testbed.model.base import ACROSS, Duration, Name, Size
from testbed.model.measure import Measure, Statistic, Unit
from testbed.model.span import Span

Blocks = Annotated[Size, Field(ge=64, le=65_000)]
"""What one packet carries."""


class Transfer(Span):
    """Bulk from one node to another as fast as their ports allow, over all planes, acknowledged by blocks.

    A plane on which nothing is acknowledged for `timeout` is given up, and what was sent there is sent
    again on the others; it is tried again after `retry`.
    """

    source: Name
    """A compute node."""
    destination: Name
    """A compute node."""
    starts_at_ns: Duration = Field(alias="starts")
    """When its first block is sent."""
    ends_at_ns: Duration = Field(alias="ends")
    """No new block is sent from then on."""
    block_bytes: Blocks = 60_000
    """UDP payload of one packet, which the wires between the two must carry whole."""
    window_blocks: Annotated[int, Field(ge=1, le=10_000)] = 64
    """Blocks on their way on each plane: at least what its rate brings in a round trip. What is more waits at
    the sender's port."""
    timeout_ns: Annotated[Duration, Field(ge=10_000)] = 1_000_000
    """Silence that means a plane is dead; longer than a round trip, and than what others may send to the same
    port."""
    retry_ns: Annotated[Duration, Field(ge=10_000)] = 10_000_000
    """From question to question on a plane that is given up."""
    sample_ns: Annotated[Duration, Field(ge=100_000)] = 10_000_000
    """From rate to rate in `rates.parquet`."""


class Transfers(Section):
    """Keys of a scenario file."""

    transfers: dict[Name, Transfer] = Field(default_factory=dict)
    """Bulk between two compute nodes."""


MEASURES = (
    Measure(
        name="block",
        key="blocks",
        meaning="Of a transfer: from a block first sent to its arrival, however often it had to be sent.",
        direction=ACROSS,
    ),
    Measure(
        name="transfer",
        key="transfers",
        meaning="A transfer as a whole.",
        statistics=("throughput", "kept", "outage", "stalled"),
        undirected="a transfer has one way only, from its source",
    ),
)
STATISTICS = (
    Statistic(
        name="kept",
        kind=Unit.SHARE,
        meaning=(
            "The rate while a plane or a link of the fabric is broken, of the rate before the first of "
            "these faults."
        ),
        of_faults=True,
    ),
    Statistic(name="outage", kind=Unit.DELAY, meaning="The longest time without an arriving block."),
    Statistic(
        name="stalled",
        kind=Unit.DELAY,
        meaning=(
            "The longest time in which the blocks without a gap did not grow: what a reader of the whole "
            "waits for."
        ),
    ),
)

KIND = Kind(section=Transfers, measures=MEASURES, statistics=STATISTICS)
