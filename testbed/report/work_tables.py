"""The tables of services, experts and transfers, a section for each kind."""

from testbed.report.node_work import PlaneSummary, nodes_in_words
from testbed.report.streams import by_name, stream_columns, stream_rows
from testbed.report.summary import Summary
from testbed.report.table import (
    VARIANT,
    Column,
    PageSection,
    Table,
    megabits,
    microseconds,
    milliseconds,
    number,
    seconds,
    shown_percent,
)

# Services.

SERVICE_STREAMS = {"first_tokens": "first token", "tokens": "token", "answers": "answer"}
"""Streams of services' clients, as keys of the summary, and what one of each is."""


def service_section(summary: Summary) -> PageSection:
    """What services did, and what their clients waited for."""
    columns = (
        *(VARIANT, Column("Service"), Column("Node"), number("Answered")),
        *(number("Tokens", page_only=True), number("Tokens/s")),
        number("Busy, share", shown_percent, short="busy", strong=True),
        number("Saturated, share", shown_percent, short="saturated"),
        number("Steps", page_only=True),
        number("Mean batch", lambda mean: "-" if mean is None else f"{mean:.1f}", short="batch"),
    )
    found = [
        (
            *(variant, name, each["node"], f"{each['answered']}/{each['requests']}"),
            *(each["tokens"], each["token_rate"], each["utilisation_ppm"], each["saturation_ppm"]),
            *(each["steps"], each["mean_batch"]),
        )
        for variant, name, each in by_name(summary, "services")
    ]
    streams = Table(
        "First tokens, further tokens and whole answers, as clients had them, in milliseconds",
        stream_columns("Clients"),
        stream_rows(summary, SERVICE_STREAMS),
    )
    return PageSection(
        "Services", (Table("What each service did", columns, found, title="Services"), streams)
    )


# Experts.

EXPERT_STREAMS = {"dispatches": "dispatch", "combinations": "combine", "exchanges": "exchange"}


def expert_section(summary: Summary) -> PageSection:
    """How long exchanges of experts took, and where the ranks stand."""
    streams = Table(
        "Exchanges of experts in one layer, in microseconds",
        stream_columns("Experts", microseconds),
        stream_rows(summary, EXPERT_STREAMS),
    )
    columns = (
        *(VARIANT, Column("Experts"), number("Steps"), number("Nodes")),
        number("Mean exchange, µs", microseconds, short="mean exchange, us", strong=True),
        Column("Which", nodes_in_words, page_only=True),
    )
    found = [
        (variant, name, each["steps"], len(set(each["nodes"])), each["exchange_ns"], each["nodes"])
        for variant, name, each in by_name(summary, "experts")
    ]
    caption = "Where the ranks stand; in brackets, how many of them on one node"
    return PageSection("Experts", (streams, Table(caption, columns, found, title="Experts")))


# Transfers.

TRANSFER_STREAMS = {"blocks": "block"}


def transfer_section(summary: Summary) -> PageSection:
    """The rates of transfers, what broke them, and the delays of their blocks."""
    columns = (
        *(VARIANT, Column("Transfer"), number("Whole", megabits, short="Mbit/s")),
        *(number("Before", megabits), number("While", megabits, short="broken")),
        *(number("After", megabits, page_only=True), number("Kept", shown_percent, strong=True)),
        number("Outage, ms", milliseconds, short="outage", strong=True),
        number("At, s", seconds, page_only=True),
        number("Stalled, ms", milliseconds, short="stalled", strong=True),
        number("Blocks sent again", short="again"),
    )
    transfers = by_name(summary, "transfers")
    found = [
        (
            *(variant, name, each["throughput_bps"], each["before_bps"], each["broken_bps"]),
            *(each["after_bps"], each["kept_ppm"], each["outage_ns"], each["outage_at_ns"]),
            *(each["stalled_ns"], each["blocks_sent_again"]),
        )
        for variant, name, each in transfers
    ]
    rates = Table(
        "Rates in Mbit/s over the whole transfer, and before, while and after a plane or a link of the "
        "fabric was broken",
        columns,
        found,
        title="Transfers: Mbit/s before and while the fabric is broken, times in ms",
    )
    planes = Table(
        "What outages and stalls came from: planes that were silent for so long that the sender gave them up",
        (VARIANT, Column("Transfer"), number("At, s", lambda at_ns: f"{at_ns / 1e9:.6f}"), Column("What")),
        [
            (variant, name, plane["at_ns"], plane_words(plane))
            for variant, name, each in transfers
            for plane in each["planes"]
        ],
    )
    blocks = Table(
        "Blocks, from first sent to arrived, in milliseconds",
        stream_columns("Transfer"),
        stream_rows(summary, TRANSFER_STREAMS),
    )
    return PageSection(
        "Transfers",
        (rates, planes, blocks),
        note=(
            "The outage is the longest time in which no block arrived at all. Stalled is the longest time in "
            "which the blocks without a gap did not grow: what it takes until the silence of a plane is "
            "noticed, and until what was sent there has come on the others."
        ),
    )


def plane_words(plane: PlaneSummary) -> str:
    """What became of a plane: "plane 2 given up after 1.000 ms of silence, 64 blocks sent again"."""
    after = f"{plane['after_ns'] / 1e6:.3f} ms"
    if plane["alive"]:
        return f"plane {plane['plane']} alive again {after} after it was given up"
    return f"plane {plane['plane']} given up after {after} of silence, {plane['blocks']} blocks sent again"
