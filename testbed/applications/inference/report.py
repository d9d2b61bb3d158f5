"""What a report says and shows of inference services."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from testbed.applications.application import Report
from testbed.applications.inference.model import Clients, Service, Services
from testbed.applications.inference.summary import services
from testbed.applications.script import Script
from testbed.report.figures import Plot
from testbed.report.records import RunRecords, VariantRecords
from testbed.report.stream_plots import stream_plots
from testbed.report.streams import by_name, stream_columns, stream_rows
from testbed.report.summary import Summary
from testbed.report.table import VARIANT, Column, PageSection, Table, number, shown_percent
from testbed.report.work_words import job, span
from testbed.units import DURATION, percent

_MILLION = 1_000_000
_DRAWN = (("first_token", "first token"), ("token", "time per token"), ("answer", "whole answer"))


class ServiceReport(Report):
    """Of the key `services`."""

    streams: ClassVar = {"first_tokens": "first token", "tokens": "token", "answers": "answer"}

    def conditions(self, script: Script) -> Iterator[tuple[str, str]]:
        """What was declared of each service and of its clients."""
        for name, service in Services.of(script).services.items():
            yield f"service {name}", _service(service)
            for whose, clients in service.clients.items():
                yield f"clients {whose}", _clients(clients)

    def summarise(self, records: VariantRecords) -> Mapping[str, Any]:
        """Each service that has ended."""
        return {"services": services(records.events)}

    def sections(self, summary: Summary) -> Iterator[PageSection]:
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
            stream_rows(summary, self.streams),
        )
        yield PageSection(
            "Services", (Table("What each service did", columns, found, title="Services"), streams)
        )

    def plots(self, run: RunRecords, summary: Summary) -> Iterator[tuple[str, list[Plot]]]:
        """What each client waited for."""
        for name, plots in stream_plots(run, _DRAWN):
            yield f"Clients {name}", plots


def _service(service: Service) -> str:
    first = min(service.decode, key=lambda point: point.batch)
    last = max(service.decode, key=lambda point: point.batch)
    steps = f"a step takes {DURATION.format(first.tpot_ns)} with {first.batch} in the batch"
    if last.batch != first.batch:
        steps += f", {DURATION.format(last.tpot_ns)} with {last.batch}"
    said = (
        f"{job(service.job)}; prefill {service.prefill_rate} tokens/s; {service.batching} batches of up to "
        f"{service.batch}; {steps}; {span(service.starts_at_ns, service.ends_at_ns)}"
    )
    if service.experts is None:
        return said
    share = percent(service.exchange_share * _MILLION)
    return f"{said}; {service.exchange_layers} exchanges of {service.experts} in place of {share} of a step"


def _clients(clients: Clients) -> str:
    lasts = span(clients.starts_at_ns, clients.ends_at_ns)
    if clients.interval_ns is None:
        return f"{clients.host}, requests of a trace, {lasts}"
    every = DURATION.format(clients.interval_ns)
    return (
        f"{clients.host}, {clients.arrivals} requests every {every} on average, prompts of "
        f"{clients.prompt_tokens} and answers of {clients.output_tokens} tokens, {lasts}"
    )


PART = ServiceReport()
