"""What a report says and shows of models of experts."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, TypedDict

from testbed.applications.application import Report
from testbed.applications.experts.events import ExpertsEnded
from testbed.applications.experts.model import ExpertModels
from testbed.applications.script import Script
from testbed.report.figures import Plot
from testbed.report.records import RunRecords, VariantRecords
from testbed.report.stream_plots import stream_plots
from testbed.report.streams import by_name, stream_columns, stream_rows
from testbed.report.summary import Summary
from testbed.report.table import VARIANT, Column, PageSection, Table, microseconds, number
from testbed.report.work_words import job, span
from testbed.units import DURATION, SIZE, percent

_MILLION = 1_000_000
_DRAWN = (("dispatch", "dispatch"), ("combine", "combine"), ("exchange", "whole exchange"))


class ExpertsSummary(TypedDict):
    """A group of experts at its end: `exchange_ns` is the mean, `nodes` stand by rank."""

    steps: int
    exchange_ns: int | None
    nodes: list[str]


class ExpertReport(Report):
    """Of the key `experts`."""

    streams: ClassVar = {"dispatches": "dispatch", "combinations": "combine", "exchanges": "exchange"}

    def conditions(self, script: Script) -> Iterator[tuple[str, str]]:
        """What was declared of each model."""
        for name, experts in ExpertModels.of(script).experts.items():
            yield (
                f"experts {name}",
                f"{experts.experts} experts on {experts.ranks} ranks ({job(experts.job)}); each rank's "
                f"{experts.tokens} tokens go to {experts.top} experts, "
                f"{SIZE.format(experts.dispatch_bytes)} there, "
                f"{SIZE.format(experts.combine_bytes)} back; layers a step: {experts.layers}, a step every "
                f"{DURATION.format(experts.interval_ns)}; groups of {experts.group}, locality "
                f"{percent(experts.locality * _MILLION)}; {span(experts.starts_at_ns, experts.ends_at_ns)}",
            )

    def summarise(self, records: VariantRecords) -> Mapping[str, Any]:
        """Each model that has ended."""
        return {
            "experts": {
                end.experts: ExpertsSummary(steps=end.steps, exchange_ns=end.exchange_ns, nodes=end.nodes)
                for each in records.events
                if isinstance(end := each.event, ExpertsEnded)
            }
        }

    def sections(self, summary: Summary) -> Iterator[PageSection]:
        """How long exchanges took, and where the ranks are."""
        streams = Table(
            "Exchanges of experts in one layer, in microseconds",
            stream_columns("Experts", microseconds),
            stream_rows(summary, self.streams),
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
        yield PageSection("Experts", (streams, Table(caption, columns, found, title="Experts")))

    def plots(self, run: RunRecords, summary: Summary) -> Iterator[tuple[str, list[Plot]]]:
        """The times of exchanges."""
        for name, plots in stream_plots(run, _DRAWN):
            yield f"Experts {name}", plots


def nodes_in_words(nodes: Sequence[str], shown: int = 8) -> str:
    """Where ranks are: "npu1 (2), npu7", the first ones of many."""
    counts: Mapping[str, int] = {node: nodes.count(node) for node in dict.fromkeys(nodes)}
    words = [node if count == 1 else f"{node} ({count})" for node, count in counts.items()]
    more = f" and {len(words) - shown} more" if len(words) > shown else ""
    return ", ".join(words[:shown]) + more


PART = ExpertReport()
