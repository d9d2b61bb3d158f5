"""Writes the report of a run: summary.json, and report.html as one file that needs no network.

The page's shape is in `templates/`; this module gathers what it shows. A content security policy in
the page forbids every request, so that a report opened years later, offline, shows all it ever did.
"""

import shlex
from collections.abc import Mapping
from typing import Any, cast

import plotly.offline
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from testbed.model.network import Network
from testbed.record.atomic import explained, replacing
from testbed.record.directory import RunDirectory
from testbed.report import host_load, timeline, work_page
from testbed.report.cells import megabits, microseconds, milliseconds, shown_percent
from testbed.report.congestion import told
from testbed.report.crowd import left_out, telling
from testbed.report.declared import Declared, read
from testbed.report.drawing import Drawing, draw
from testbed.report.expectations import show, show_measured
from testbed.report.figures import Plot
from testbed.report.frames import rates, samples
from testbed.report.node_work import nodes_in_words
from testbed.report.page import figure_json
from testbed.report.plots import Recorded, plots_of
from testbed.report.summary import Summary, all_hold, summarise
from testbed.report.sweep import across_variants
from testbed.report.table import (
    ADMISSION_COUNTS,
    channel_rows,
    flow_rows,
    rows,
    verdict_line,
)
from testbed.report.words import describe
from testbed.report.work_plots import plane_words, plots_of_work


def write(run: RunDirectory) -> Summary:
    """Write summary.json and report.html into a merged run directory, from what it holds and nothing else.

    Raises:
        ScenarioError: The run directory is damaged or cannot be written.
    """
    declared = read(run)
    summary = summarise(run, declared.expectations, declared.references)
    run.write_summary(cast("dict[str, Any]", summary))
    page = render(run, summary, declared)
    with replacing(run.report_path) as draft:
        draft.write_text(page, encoding="utf-8", errors="backslashreplace")
    return summary


def render(run: RunDirectory, summary: Summary, declared: Declared) -> str:
    """The page as text."""
    environment = Environment(
        loader=PackageLoader("testbed.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "ms": milliseconds,
        "megabits": megabits,
        "percent": shown_percent,
        "measured": show_measured,
        "describe": describe,
        "nodes": nodes_in_words,
        "plane": plane_words,
        "decision": work_page.decision,
        "reason": work_page.reason,
        "scores": work_page.scores,
    }
    events = run.events()
    placements = [event for event in events if event["kind"] in work_page.PLACEMENTS]
    work = work_page.work_of(summary)
    return environment.get_template("report.html").render(
        summary=summary,
        manifest=run.manifest(),
        holds=all_hold(summary),
        verdict=verdict_line(summary),
        delay_tables=_delay_tables(summary),
        flows=list(flow_rows(summary)),
        congestion=told(summary),
        has_sessions=declared.has_sessions,
        channels=list(channel_rows(summary)),
        admission_counts=ADMISSION_COUNTS,
        lost_channels=[event for event in events if event["kind"] in _LOST_CHANNELS],
        lost_words=_LOST_CHANNELS,
        plotted=left_out(summary),
        plots=_plots(run, summary, events),
        figure_json=figure_json,
        plotly_js=Markup(plotly.offline.get_plotlyjs()),
        drawings=_drawings(declared, events, summary),
        conditions={
            variant: declared.variants[variant].conditions
            for variant in summary["variants"]
            if variant in declared.variants
        },
        has_jobs=any((placements, work["faults"], work["moved"])),
        placements=placements,
        work=work,
        show=show,
        ms=milliseconds,
        us=microseconds,
        machine=list(host_load.lines(summary)),
        warnings=list(host_load.warnings(events)),
        events=events,
        command=_command(run.manifest()),
        scenario_text=_text(run, "scenario_path"),
        plan_text=_text(run, "plan_path"),
    )


_LOST_CHANNELS = {"channel.refuse": "refused", "channel.preempt": "pre-empted", "channel.expire": "expired"}
"""The decisions by which a session is without the channel that it wants, and what becomes of it."""


def _delay_tables(summary: Summary) -> list[tuple[str, list[Any]]]:
    titles = (
        ("One-way delay of the probes", ("probes",)),
        ("Delay of whole video frames", ("frames",)),
        ("Packets and commands of sessions, packets of measured flows", ("packets", "commands")),
        ("Messages of workloads", ("messages",)),
    )
    tables = [(title, list(rows(summary, keys))) for title, keys in titles]
    return [(title, found) for title, found in tables if found]


def _plots(run: RunDirectory, summary: Summary, events: list[timeline.Event]) -> list[tuple[str, list[Plot]]]:
    """The plots by heading: across variants, then of each session and each measured flow."""
    packets, sampled = samples(run), rates(run)
    shown, arrived = telling(summary), packets.loc[packets["received_at_ns"].notna(), "session"]
    names = [str(name) for name in arrived.unique() if name in shown]
    flows = {name for numbers in summary["variants"].values() for name in numbers["flows"]}
    duration_ns = run.manifest()["duration_ns"]
    faults = {variant: numbers.get("faults", []) for variant, numbers in summary["variants"].items()}
    found = [("Across variants", across_variants(summary))]
    for name in sorted(names, key=lambda name: name in flows):
        recorded = Recorded(
            session=name,
            is_flow=name in flows,
            duration_ns=duration_ns,
            variants=list(summary["variants"]),
            samples=packets[packets["session"] == name],
            rates=sampled[sampled["session"] == name],
            events=events,
            faults=faults,
        )
        found.append((f"{'Flow' if recorded.is_flow else 'Session'} {name}", plots_of(recorded)))
    found += plots_of_work(summary, packets, sampled, duration_ns)
    return [(heading, plots) for heading, plots in found if plots]


def _drawings(
    declared: Declared, events: list[timeline.Event], summary: Summary
) -> list[tuple[str, Drawing]]:
    """One picture per network and use of it; variants that share both share the picture.

    A network that was not recorded is not drawn.
    """
    drawn: list[tuple[Network, dict[str, str], list[str]]] = []
    for variant in summary["variants"]:
        declared_network = declared.network_of(variant)
        if declared_network is None:
            continue
        notes = _notes(timeline.of_variant(events, variant))
        for network, known, variants in drawn:
            if network == declared_network and known == notes:
                variants.append(variant)
                break
        else:
            drawn.append((declared_network, notes, [variant]))
    return [(", ".join(variants), draw(network, notes)) for network, notes, variants in drawn]


def _notes(events: list[timeline.Event]) -> dict[str, str]:
    """What each station does: who plays there, which job runs or waits there."""
    said: dict[str, list[str]] = {}
    for event in events:
        if event["kind"] == "session.start":
            said.setdefault(event["player"], []).append(event["session"])
        elif event["kind"] in ("job.place", "job.promote"):
            said.setdefault(event["node"], []).append(event["job"])
            if event.get("backup") is not None:
                said.setdefault(event["backup"], []).append(f"backup of {event['job']}")
    return {station: ", ".join(dict.fromkeys(words)) for station, words in said.items()}


def _command(manifest: Mapping[str, Any]) -> str:
    variants = [word for variant in manifest["variants"] for word in ("--variant", variant)]
    settings = [word for setting in manifest["settings"] for word in ("--set", setting)]
    options = ["--venue", manifest["venue"], "--seed", str(manifest["seed"])]
    return shlex.join(["testbed", "run", manifest["scenario"], *options, *variants, *settings])


def _text(run: RunDirectory, name: str) -> str:
    path = getattr(run, name)
    with explained("read", path):
        return str(path.read_text(encoding="utf-8"))
