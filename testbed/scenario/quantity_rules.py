"""Whether what expectations and references name is there: the variant, the session, its measure, its way.

Pure functions. Each yields the keys of what is at fault and what to do about it.
"""

from collections.abc import Iterator, Mapping, Sequence

from testbed.applications.application import all_rules, having
from testbed.applications.flows.model import Flow
from testbed.applications.game.model import Session
from testbed.applications.quantity import STATISTICS, Quantified
from testbed.applications.script import Script
from testbed.model.base import DOWNSTREAM, UPSTREAM, Direction
from testbed.model.network import Network
from testbed.model.workload import Workload
from testbed.plugins import ExtensionError
from testbed.scenario.rates import Finding
from testbed.scenario.tree import Keys
from testbed.scenario.workloads import workload_kind
from testbed.text import instead, listed

_ALWAYS_MEASURED: dict[str, tuple[Direction, ...]] = {
    "probe": (DOWNSTREAM, UPSTREAM),
    "frame": (DOWNSTREAM,),
    "packet": (DOWNSTREAM,),
    "command": (UPSTREAM,),
}
"""Which way each measure of any session goes: frames come down in packets, commands go up to the node."""


def quantity_rules(
    at: Keys,
    quantity: Quantified,
    scripts: Mapping[str, Script],
    networks: Mapping[str, Network],
    all_variants: tuple[str, ...],
) -> Iterator[Finding]:
    """Findings about what an expectation or a reference names.

    `all_variants` are the names in the file, `scripts` and `networks` those of variants without faults
    of their own.
    """
    if quantity.variant not in all_variants:
        message = f"there is no variant {quantity.variant!r}; {instead(quantity.variant, all_variants)}"
        yield (*at, "variant"), message
    script, network = scripts.get(quantity.variant), networks.get(quantity.variant)
    if script is not None:
        yield from _named_rules(at, quantity, script, network)


def _named_rules(
    at: Keys, quantity: Quantified, script: Script, network: Network | None
) -> Iterator[Finding]:
    """Whether a variant has the session or flow that is named, with that measure in that direction."""
    measure = quantity.measure
    if measure == "channel":
        yield from _channel_rules(at, quantity, script)
        return
    if quantity.of.direction is not None or (quantity.of.statistics and measure != "flow"):
        yield from _work_rules(at, quantity, script)
        return
    name = quantity.session
    assert name is not None, "only what is of all channels or jobs names no session"
    flow, workload = script.background.get(name), script.workloads.get(name)
    if measure == "flow":
        if flow is None and workload is None:
            known = [*script.background, *script.workloads]
            yield (*at, "session"), f"there is no flow {name!r}; {instead(name, known)}"
    elif name in script.sessions:
        if measure == "message":
            yield (*at, "measure"), "a session has no messages; those are of workloads"
            return
        ways = _measured_in(measure, script.sessions[name])
        if quantity.direction not in ways:
            message = f"a {measure} goes {listed(ways)} only; write that, or another measure"
            yield (*at, "direction"), message
    elif workload is not None:
        yield from _streams_of_workload(at, quantity, workload, network)
    elif flow is None:
        measured = [each for each, one in script.background.items() if one.measured]
        known = [*script.sessions, *measured, *script.workloads]
        yield (*at, "session"), f"there is no session {name!r}; {instead(name, known)}"
    else:
        yield from _packets_of_flow(at, quantity, flow, network)


def _streams_of_workload(
    at: Keys, quantity: Quantified, workload: Workload, network: Network | None
) -> Iterator[Finding]:
    """Whether the kind of a workload records such a stream."""
    way = None if network is None else _way(workload.source, workload.destination, network)
    if way is None:
        return  # it has faults of its own, or the network has
    try:
        streams = workload_kind(workload.kind).streams
    except ExtensionError:
        return  # told at the workload itself
    measure = str(quantity.measure)
    ways = [way.reverse if each.back else way for each in streams if str(each.measure) == measure]
    if not ways:
        there = listed(dict.fromkeys(str(each.measure) for each in streams))
        yield (
            (*at, "measure"),
            f"a workload of kind {workload.kind!r} has no {measure}; it has {there}",
        )
    elif quantity.direction not in ways:
        message = f"the {measure} of {quantity.session!r} goes {listed(ways)} only; write that"
        yield (*at, "direction"), message


def _measured_in(measure: str, session: Session) -> tuple[Direction, ...]:
    """Which way a measure of a session goes; video goes up as well if the session has any upstream."""
    if measure in ("frame", "packet") and session.sends_video(UPSTREAM):
        return (DOWNSTREAM, UPSTREAM)
    return _ALWAYS_MEASURED[measure]


def _work_rules(at: Keys, quantity: Quantified, script: Script) -> Iterator[Finding]:
    """Whether a variant has the work on nodes that is named, and whether anything breaks in it if need be."""
    name, measure, variant = quantity.session, quantity.measure, quantity.variant
    if measure == "jobs":
        if not (script.sessions or script.jobs or _entries_with_jobs(script)):
            yield (*at, "measure"), f"there are no jobs in variant {variant!r}"
        return
    assert name is not None, "only what is of all jobs names no session"
    what, names = _having(measure, script)
    if name not in names:
        yield (*at, "session"), f"there is no {what} {name!r}; {instead(name, names)}"
    elif measure == "request" and script.jobs[name].requests is None:
        yield (*at, "session"), f"nothing is asked of the jobs of {name!r}; write requests for them"
    elif not script.faults and (quantity.of.of_faults or STATISTICS[quantity.statistic].of_faults):
        key = "measure" if quantity.of.of_faults else "statistic"
        yield (*at, key), f"nothing breaks in variant {variant!r}; write faults for it, or remove this"


def _having(measure: str, script: Script) -> tuple[str, Sequence[str]]:
    """What has a measure, and the names of all of these in a variant."""
    if measure == "request":
        return "group of jobs", [*script.jobs]
    if measure == "recovery":
        return "job or group of jobs", [*script.sessions, *script.jobs, *_entries_with_jobs(script)]
    return having(measure, script)


def _entries_with_jobs(script: Script) -> list[str]:
    """The entries of all kinds that place jobs."""
    return [*dict.fromkeys(each.entry for rules in all_rules() for each in rules.jobs(script))]


def _channel_rules(at: Keys, quantity: Quantified, script: Script) -> Iterator[Finding]:
    """Whether there is a channel where a number of one is named."""
    asking = [name for name, each in script.sessions.items() if each.channel or each.booking]
    if quantity.session is not None and quantity.session not in asking:
        if quantity.session in script.sessions:
            yield (*at, "session"), f"session {quantity.session!r} asks for no channel in this variant"
        else:
            choices = instead(quantity.session, asking)
            yield (*at, "session"), f"there is no session {quantity.session!r}; {choices}"
    elif not asking:
        yield (*at, "statistic"), f"no session asks for a channel in variant {quantity.variant!r}"


def _packets_of_flow(
    at: Keys, quantity: Quantified, flow: Flow, network: Network | None
) -> Iterator[Finding]:
    if not flow.measured:
        yield (
            (*at, "session"),
            f"the packets of flow {quantity.session!r} are not recorded; write measured: true for it",
        )
    elif quantity.measure != "packet":
        yield (
            (*at, "measure"),
            f"a measured flow has packets and no {quantity.measure}; write measure: packet",
        )
    elif network is not None:
        way = way_of(flow, network)
        if way is not None and quantity.direction is not way:
            yield (*at, "direction"), f"flow {quantity.session!r} goes {way}; write that"


def way_of(flow: Flow, network: Network) -> Direction | None:
    """Which way a flow crosses the access network; None if it does not, or joins what is no station."""
    return _way(flow.source, flow.destination, network)


def _way(source: str, destination: str, network: Network) -> Direction | None:
    known = {station.name for station in network.stations}
    return network.direction(source, destination) if {source, destination} <= known else None
