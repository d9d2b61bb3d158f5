"""What a scenario and its network must agree on: names that exist, times within the run, rates that fit.

Pure functions. Each yields the keys of what is at fault and what to do about it.
"""

from collections.abc import Iterator
from pathlib import Path

from testbed.applications.application import all_rules
from testbed.applications.game.model import Session
from testbed.applications.script import Script
from testbed.channel.policy_registry import policy_called
from testbed.model.base import Direction
from testbed.model.channel import ChannelRequest
from testbed.model.frame_trace import FrameTrace
from testbed.model.network import Network, Role
from testbed.plugins import ExtensionError
from testbed.scenario.common_rules import fits_a_node, within
from testbed.scenario.extensions import placement_rules
from testbed.scenario.failure_rules import failure_rules
from testbed.scenario.frame_trace import read_frames
from testbed.scenario.names import name_rules
from testbed.scenario.northbound_rules import northbound_rules
from testbed.scenario.pon_rules import pon_rules
from testbed.scenario.pon_tree_rules import pon_tree_rules
from testbed.scenario.quantity_rules import way_of
from testbed.scenario.rates import Finding, rate_rules
from testbed.scenario.repeat import repeat_rules
from testbed.scenario.tree import Keys
from testbed.scenario.workloads import workload_rules
from testbed.text import instead
from testbed.units import DURATION, SIZE


def script_rules(script: Script, network: Network, pon_name: str) -> Iterator[Finding]:
    """All findings about one variant; `pon_name` is what users call its PON."""
    lines = {egress.pon for wire in network.wires for egress in (wire.a_egress, wire.b_egress)}
    if not lines >= {*Direction}:
        yield (
            ("network", "topology"),
            f"{network.name} has no access network, and a run needs the PON of one; put one in front of it, "
            "as elastic_access, elastic_supernode and elastic_cluster do",
        )
    tree_findings = [*pon_tree_rules(network)]
    if tree_findings:
        # The other rules follow wires from homes to ONUs.
        yield from tree_findings
        return
    for name, session in script.sessions.items():
        yield from _session_rules(("sessions", name), session, script, network)
    yield from name_rules(script)
    yield from repeat_rules(script.sessions, script.duration_ns)
    yield from placement_rules(script)
    yield from _flow_rules(script, network)
    yield from workload_rules(script, network)
    yield from northbound_rules(script, network)
    for rules in all_rules():
        yield from rules.findings(script, network)
    yield from failure_rules(script, network)
    rate_findings = [*rate_rules(script, network, pon_name)]
    yield from rate_findings
    if not rate_findings:
        yield from pon_rules(script, network)


def _session_rules(at: Keys, session: Session, script: Script, network: Network) -> Iterator[Finding]:
    homes = [station.name for station in network.having(Role.HOME)]
    if session.player not in homes:
        yield (
            (*at, "player"),
            f"{session.player!r} is no host of a home; {instead(session.player, homes)}",
        )
    yield from fits_a_node((*at, "job"), session.job, network)
    if session.trace is not None:
        yield from _trace_rules((*at, "trace"), session.trace)
    if session.channel is not None:
        yield from _channel_rules((*at, "channel"), session.channel, script)
    # A session's scenes lie between its starts and its ends.
    yield from within((*at, "ends"), session.ends_at_ns, script)


def _trace_rules(at: Keys, trace: FrameTrace) -> Iterator[Finding]:
    for key, path in (("file", trace.file), ("upstream", trace.upstream)):
        if path is not None:
            try:
                read_frames(Path(path), trace.size, trace.interval)
            except ValueError as error:
                yield (*at, key), str(error)


def _channel_rules(at: Keys, channel: ChannelRequest, script: Script) -> Iterator[Finding]:
    try:
        policy = policy_called(channel.policy)
    except ExtensionError as error:
        yield (*at, "policy"), str(error)
        return
    sample_ns = script.channels.sample_ns
    if policy.uses_counters and channel.hold_ns < sample_ns:
        yield (
            (*at, "hold"),
            f"{DURATION.format(channel.hold_ns)} is shorter than channels.sample, "
            f"{DURATION.format(sample_ns)}: a {channel.policy} channel would follow every reading",
        )


def _flow_rules(script: Script, network: Network) -> Iterator[Finding]:
    hosts = [station.name for station in network.stations if station.role.is_host]
    for name, flow in script.background.items():
        at: Keys = ("background", name)
        for key, host in (("source", flow.source), ("destination", flow.destination)):
            if host not in hosts:
                yield (*at, key), f"{host!r} is no host of {network.name}; {instead(host, hosts)}"
        if flow.source == flow.destination:
            yield (*at, "destination"), f"is {flow.source!r}, the source itself; a flow joins two hosts"
        elif flow.measured and {flow.source, flow.destination} <= {*hosts} and way_of(flow, network) is None:
            yield (
                (*at, "measured"),
                f"{flow.source} and {flow.destination} are on one side of the PON; a measured flow joins "
                "a host of a home and a compute node",
            )
        if flow.protocol == "udp" and flow.packet_bytes > network.mtu_bytes:
            yield (
                (*at, "packet"),
                f"{SIZE.format(flow.packet_bytes)} is more than the wires of {network.name} carry at "
                f"once; the most is {SIZE.format(network.mtu_bytes)}",
            )
        yield from within((*at, "ends"), flow.ends_at_ns, script)
