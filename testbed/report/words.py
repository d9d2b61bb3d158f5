"""Events and scenarios in words, for tables that people read."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from testbed.applications.flows.model import Arrivals, Flow
from testbed.applications.game.model import Scene, Session
from testbed.applications.script import Scenario
from testbed.model.base import Direction
from testbed.model.placement import Placement, PlacementPolicy
from testbed.model.pon import Aqm, Eligibility, Pon, PonModel, Reporting, TContClass
from testbed.model.workload import Workload
from testbed.report.drawing import short_rate
from testbed.report.work_words import work_conditions
from testbed.text import listed
from testbed.units import DURATION, RATE, SIZE

_UNITS = {"_bps": RATE, "_ns": DURATION, "_bytes": SIZE}
_DIRECTIONS = (Direction.DOWNSTREAM, Direction.UPSTREAM)
_RATES_BY_DIRECTION = ("rates", "fits")


def describe(event: Mapping[str, Any]) -> str:
    """Everything an event carries besides its variant, instant and kind: "session player, to 1 Gbit/s"."""
    rest = {key: value for key, value in event.items() if key not in ("variant", "at_ns", "kind")}
    if list(rest) == ["text"]:
        return str(rest["text"])
    return ", ".join(_pair(key, value) for key, value in rest.items())


def _pair(key: str, value: Any) -> str:
    unit = next((suffix for suffix in _UNITS if key.endswith(suffix)), None)
    if value is None:
        return f"no {key.removesuffix(unit or '')}"
    if unit and isinstance(value, int):
        return f"{key.removesuffix(unit)} {_UNITS[unit].format(value)}"
    if isinstance(value, dict):
        inner = "_bps" if key in _RATES_BY_DIRECTION else ""
        return f"{key} ({', '.join(_pair(name + inner, part) for name, part in value.items())})"
    if isinstance(value, float):
        return f"{key} {value:.2f}"
    return f"{key} {value}"


def conditions(scenario: Scenario) -> list[tuple[str, str]]:
    """What was declared for a variant, as (what, how): the causes of the delays that came out."""
    rows = [("topology", scenario.network.topology)]
    if scenario.network.parameters:
        rows.append(("its parameters", _parameters(scenario.network.parameters)))
    rows += [(f"access {direction}", _subscription(scenario, direction)) for direction in _DIRECTIONS]
    rows += _pon(scenario.pon)
    rows.append(("placement", _placement(scenario.placement)))
    alike: dict[tuple[str, str], list[str]] = {}
    for name, session in scenario.sessions.items():
        alike.setdefault((_session(session), _channel(session)), []).append(name)
    for (session_text, channel_text), names in alike.items():
        players = [scenario.sessions[name].player for name in names]
        rows.append((_named("session", names), f"player {listed(players)}, {session_text}"))
        rows.append((_named("channel of", names), channel_text))
    rows += [(f"background {name}", _flow(flow)) for name, flow in scenario.background.items()]
    rows += [(f"workload {name}", _workload(each)) for name, each in scenario.workloads.items()]
    rows += work_conditions(scenario)
    return rows


def _placement(placement: Placement) -> str:
    said = placement.policy.replace("_", " ")
    if placement.policy is PlacementPolicy.SUPERNODE:
        weights = {"load": placement.load_weight, "delay": placement.delay_weight, **placement.scores}
        said = ", ".join(f"{name} {weight:g}" for name, weight in weights.items())
    return f"{said}, {'with' if placement.backup else 'without'} backup"


def _parameters(parameters: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {_parameter(value)}" for key, value in parameters.items())


def _parameter(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"({_parameters(value)})"
    return f"({', '.join(map(_parameter, value))})" if isinstance(value, list | tuple) else str(value)


def _subscription(scenario: Scenario, direction: Direction) -> str:
    line = scenario.access.towards(direction)
    return (
        f"{short_rate(line.rate_bps)}, {short_rate(line.committed_bps)} of it committed, "
        f"{SIZE.format(line.queue_bytes)} may queue"
    )


def _named(what: str, names: Sequence[str]) -> str:
    """One session by its name, many that are declared alike by the first and the last."""
    if len(names) == 1:
        return f"{what} {names[0]}"
    return f"{what} {names[0]} … {names[-1]} ({len(names)})"


def _session(session: Session) -> str:
    scenes = ", ".join(_scene(scene) for scene in session.scenes)
    video = f"{session.frames_per_second} frames/s"
    if session.trace is not None:
        files = (file for file in (session.trace.file, session.trace.upstream) if file is not None)
        video = f"frames of {' and '.join(PurePath(file).name for file in files)}"
    return f"{video}; scenes: {scenes}"


def _scene(scene: Scene) -> str:
    upstream = "" if scene.upstream_bps is None else f" and {short_rate(scene.upstream_bps)} upstream"
    return f"{scene.name} {short_rate(scene.rate_bps)}{upstream}"


def _channel(session: Session) -> str:
    channel = session.channel
    if channel is None:
        return "none"
    ranges = (
        f"{direction} {short_rate(channel.towards(direction).committed_bps)} to "
        f"{short_rate(channel.towards(direction).peak_bps)}"
        for direction in _DIRECTIONS
    )
    return f"{channel.policy}: {', '.join(ranges)}"


def _flow(flow: Flow) -> str:
    span = f"{DURATION.format(flow.starts_at_ns)} to {DURATION.format(flow.ends_at_ns)}"
    return f"{_traffic(flow)}, {flow.source} → {flow.destination}, {span}"


def _workload(workload: Workload) -> str:
    span = f"{DURATION.format(workload.starts_at_ns)} to {DURATION.format(workload.ends_at_ns)}"
    of_kind = (
        f"{workload.kind} ({_parameters(workload.parameters)})" if workload.parameters else workload.kind
    )
    return f"{of_kind}, {workload.source} → {workload.destination}, {span}"


def _traffic(flow: Flow) -> str:
    """What a flow sends: "4 tcp, bbr", "measured udp, 100 B, poisson, 20 us apart"."""
    if flow.protocol == "tcp":
        said = [f"{flow.flows} tcp"]
        if flow.congestion:
            said.append(flow.congestion)
        if flow.ecn:
            said.append(flow.ecn)
        return ", ".join(said)
    said = ["measured udp" if flow.measured else "udp"]
    if flow.rate_bps is not None:
        said[0] += f" at {short_rate(flow.rate_bps)}"
    said.append(f"{SIZE.format(flow.packet_bytes)} packets")
    if flow.interval_ns is not None:
        said.append(f"{DURATION.format(flow.interval_ns)} apart")
    if flow.arrivals is Arrivals.POISSON:
        said.append("poisson")
    if flow.ecn:
        said.append(flow.ecn)
    if flow.phase_ns:
        said.append(f"phase {DURATION.format(flow.phase_ns)}")
    return ", ".join(said)


def _pon(pon: Pon) -> Iterator[tuple[str, str]]:
    """How the PON assigns capacity: the line, then each T-CONT beside those of the subscriptions."""
    yield "PON", _line(pon)
    for name, tcont in pon.tconts.items():
        yield f"T-CONT {name}", _tcont(tcont)


def _line(pon: Pon) -> str:
    if pon.model is PonModel.SHAPED_LINK:
        return "a shaped link"
    every = "every frame" if pon.report_every == 1 else f"every {pon.report_every} frames"
    reports = "" if pon.reporting is not Reporting.STATUS_REPORTING else f" {every}"
    said = [f"in frames, {_spelt(pon.reporting)}{reports}"]
    if pon.discovery is not None:
        said.append(f"a quiet window every {DURATION.format(pon.discovery.every_ns)}")
    return ", ".join(said)


def _tcont(tcont: TContClass) -> str:
    said = [f"of {listed(tcont.onus)}" if tcont.onus else "of all ONUs"]
    for kind, rate_bps in (("fixed", tcont.fixed_bps), ("assured", tcont.assured_bps)):
        if rate_bps:
            said.append(f"{kind} {short_rate(rate_bps)}")
    said.append(f"at most {short_rate(tcont.most_bps)}")
    if tcont.eligibility is not Eligibility.NONE:
        said.append(f"{_spelt(tcont.eligibility)}, priority {tcont.priority}, weight {tcont.weight}")
    if tcont.fixed_bps:
        said.append(f"{tcont.grants} grants a frame" if tcont.grants > 1 else "1 grant a frame")
    said.append(_spelt(tcont.reporting))
    queue = f"{SIZE.format(tcont.queue_bytes)} may queue"
    said.append(queue if tcont.aqm is Aqm.FIFO else f"{queue}, kept short by {tcont.aqm}")
    return ", ".join(said)


def _spelt(member: Reporting | Eligibility) -> str:
    return member.replace("_", " ")
