"""The tables of services."""

from testbed.report.streams import by_name, stream_columns, stream_rows
from testbed.report.summary import Summary
from testbed.report.table import (
    VARIANT,
    Column,
    PageSection,
    Table,
    number,
    shown_percent,
)

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
