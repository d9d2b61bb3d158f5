"""Writes the report of a run: summary.json, and report.html as one file that needs no network.

The page's shape is in `templates/`; this module gathers what it shows. A content security policy in
the page forbids every request, so that a report opened years later, offline, shows all it ever did.
"""

import shlex
from collections.abc import Mapping
from typing import Any, cast

import plotly.offline
from markupsafe import Markup

from testbed.applications.game.events import SessionStarted
from testbed.model.network import Network
from testbed.record.atomic import explained, replacing
from testbed.record.event import RecordedEvent
from testbed.record.events import JobPlaced, JobPromoted
from testbed.record.run_directory import RunDirectory
from testbed.report import host_load, timeline
from testbed.report.declared import Declared, read
from testbed.report.drawing import Drawing, draw
from testbed.report.expectations import verdict_line
from testbed.report.figures import Plot
from testbed.report.frames import rates, samples
from testbed.report.job_tables import refusal_line
from testbed.report.page import environment
from testbed.report.plots import Recorded, plots_of
from testbed.report.records import RunRecords
from testbed.report.run_tables import delay_section, verdict_section
from testbed.report.sections import sections
from testbed.report.streams import left_out, telling
from testbed.report.summary import Summary, all_hold, summarise
from testbed.report.sweep import across_variants
from testbed.report.table import Column, PageSection, Table, number, words
from testbed.report.words import describe
from testbed.report.work_plots import plots_of_work


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
    events, manifest = run.events(), run.manifest()
    delays, expected = delay_section(summary), verdict_section(summary)
    return (
        environment()
        .get_template("report.html")
        .render(
            summary=summary,
            manifest=manifest,
            holds=all_hold(summary),
            verdict=verdict_line(summary["expectations"]),
            refused_line=refusal_line(summary),
            delays=delays,
            expected=expected,
            sections=_sections(summary, events, declared),
            plotted=left_out(summary),
            plots=_plots(run, summary, events),
            plotly_js=Markup(plotly.offline.get_plotlyjs()),
            drawings=_drawings(declared, events, summary),
            conditions=_conditions(declared, summary),
            machine=list(host_load.lines(summary)),
            warnings=list(host_load.warnings(events)),
            events=_events(events),
            command=_command(manifest),
            versions=_versions(manifest),
            scenario_text=_text(run, "scenario_path"),
            plan_text=_text(run, "plan_path"),
        )
    )


def _sections(summary: Summary, events: list[RecordedEvent], declared: Declared) -> list[PageSection]:
    """Those with something to show; the one of channels is there for any run with sessions."""
    return [
        section
        for section in sections(summary, events)
        if (declared.has_sessions if section.id == "channels" else section.is_filled)
    ]


_WHAT_AND_HOW = (Column(""), Column(""))
"""The columns of a table that needs no headings."""

_FOLDED_VARIANTS = 3
"""What was declared for more variants than these is folded."""


def _conditions(declared: Declared, summary: Summary) -> list[Table]:
    variants = [variant for variant in summary["variants"] if variant in declared.variants]
    return [
        Table(
            variant,
            _WHAT_AND_HOW,
            declared.variants[variant].conditions,
            folded=variant if len(variants) > _FOLDED_VARIANTS else "",
        )
        for variant in variants
    ]


def _events(events: list[RecordedEvent]) -> Table:
    columns = (
        *(Column("Variant"), number("At, s", lambda at_ns: f"{at_ns / 1e9:.6f}"), Column("Kind")),
        words("What"),
    )
    rows = [
        (each.variant, each.at_ns, event["kind"], describe(event))
        for each in events
        for event in [each.as_json()]
    ]
    return Table("Everything that happened and was decided, in order", columns, rows, id="event-table")


def _versions(manifest: Mapping[str, Any]) -> Table:
    found = {key.replace("_", " "): manifest[key] for key in _CIRCUMSTANCES}
    found |= {f"kernel {key.replace('_', ' ')}": value for key, value in manifest["kernel"].items()}
    return Table("Versions and circumstances", _WHAT_AND_HOW, list(found.items()))


_CIRCUMSTANCES = ("testbed", "python", "venue", "seed", "started_at")


def _wires(variants: str, drawing: Drawing) -> Table:
    return Table(
        f"Distance and rate of each wire of {variants}, from its first station and back",
        (Column("Wire"), Column("There"), Column("Back")),
        drawing.wires,
        folded=f"Its {drawing.wire_count} wires in words",
    )


def _plots(run: RunDirectory, summary: Summary, events: list[RecordedEvent]) -> list[tuple[str, list[Plot]]]:
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
    found += plots_of_work(summary, RunRecords(packets, sampled, faults, duration_ns))
    return [(heading, plots) for heading, plots in found if plots]


def _drawings(
    declared: Declared, events: list[RecordedEvent], summary: Summary
) -> list[tuple[str, Drawing, Table]]:
    """One picture, with a table of its wires, per network and use of it; variants with the same share it.

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
    found = [(", ".join(variants), draw(network, notes)) for network, notes, variants in drawn]
    return [(variants, drawing, _wires(variants, drawing)) for variants, drawing in found]


def _notes(events: list[RecordedEvent]) -> dict[str, str]:
    """What each station does: who plays there, which job runs or waits there."""
    said: dict[str, list[str]] = {}
    for each in events:
        match each.event:
            case JobPlaced() | JobPromoted() as placed:
                said.setdefault(placed.node, []).append(placed.job)
                if isinstance(placed, JobPlaced) and placed.backup is not None:
                    said.setdefault(placed.backup, []).append(f"backup of {placed.job}")
            case SessionStarted(session=session, player=player):
                said.setdefault(player, []).append(session)
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
