"""What a scenario asks of its PON: T-CONTs of ONUs that exist, rates that fit, flows that have one."""

import re
from collections.abc import Iterator

from testbed.applications.script import Script
from testbed.model.base import DOWNSTREAM, UPSTREAM
from testbed.model.network import Network, Role
from testbed.model.pon import Aqm, PonModel
from testbed.pon import PonStandard, check_tconts
from testbed.pon.provision import alloc_id_of, quiet_windows, tconts_of
from testbed.scenario.rates import Finding
from testbed.scenario.tree import Keys
from testbed.text import instead

MOST_TCONTS = 200
"""So many queues one line of `sch_pon` reports on at once."""


def pon_rules(script: Script, network: Network) -> Iterator[Finding]:
    """Findings about the key `pon`, and about the flows that use its T-CONTs."""
    if network.pon is None:
        if script.pon.tconts or script.pon.discovery:
            key = "tconts" if script.pon.tconts else "discovery"
            yield ("pon", key), f"{network.name} has no PON; remove this, or choose a topology with one"
        for direction in (DOWNSTREAM, UPSTREAM):
            if script.access.towards(direction).aqm is not Aqm.FIFO:
                at: Keys = ("access", direction, "aqm")
                yield at, f"{network.name} has no PON, so that no queue has it; remove this"
        return
    findings = [*_name_rules(script, network)]
    yield from findings
    yield from _flow_rules(script, network)
    if script.pon.model is PonModel.SHAPED_LINK:
        yield from _shaped_link_rules(script)
    elif not findings:
        yield from _fit_rules(script, network)


def _name_rules(script: Script, network: Network) -> Iterator[Finding]:
    onus = [onu.name for onu in network.having(Role.ONU)]
    for name, given in script.pon.tconts.items():
        for index, onu in enumerate(given.onus):
            if onu not in onus:
                at: Keys = ("pon", "tconts", name, "onus", index)
                yield at, f"{onu!r} is no ONU of {network.name}; {instead(onu, onus)}"


def _shaped_link_rules(script: Script) -> Iterator[Finding]:
    for key in ("tconts", "discovery"):
        if getattr(script.pon, key):
            yield (
                ("pon", "model"),
                f"a PON that is a shaped_link has no {key}; write frames, or remove {key}",
            )


def _flow_rules(script: Script, network: Network) -> Iterator[Finding]:
    for name, flow in script.background.items():
        if flow.tcont is None:
            continue
        at: Keys = ("background", name, "tcont")
        if flow.tcont not in script.pon.tconts:
            have = instead(flow.tcont, script.pon.tconts) if script.pon.tconts else "pon.tconts is empty"
            yield at, f"there is no T-CONT {flow.tcont!r}; {have}"
            continue
        onus = {_onu(network, host) for host in (flow.source, flow.destination)} - {None}
        served = script.pon.tconts[flow.tcont].onus
        if not onus:
            yield at, "the flow does not cross the PON; remove this key"
        elif served and not onus & set(served):
            listed = ", ".join(served)
            yield at, f"{flow.tcont!r} is of {listed}, and the flow is of {', '.join(map(str, onus))}"


def _onu(network: Network, host: str) -> str | None:
    """The ONU behind which a host stands; None for others, and for hosts that do not exist."""
    roles = {station.name: station.role for station in network.stations}
    if roles.get(host) is not Role.HOME:
        return None
    return next(there for there, _ in network.neighbours(host) if roles[there] is Role.ONU)


def _fit_rules(script: Script, network: Network) -> Iterator[Finding]:
    assert network.pon is not None
    at: Keys = ("pon", "tconts") if script.pon.tconts else ("access", "upstream", "committed")
    tconts = tuple(tconts_of(network, script.access, script.pon))
    channels = sum(
        session.channel is not None or session.booking is not None for session in script.sessions.values()
    )
    if len(tconts) + channels > MOST_TCONTS:
        yield (
            at,
            (
                f"{len(tconts)} T-CONTs and {channels} channels are more than one PON serves here; "
                f"at most {MOST_TCONTS}"
            ),
        )
        return
    if script.pon.report_every > 1 and not any(tcont.reports for tcont in tconts):
        yield (
            ("pon", "report_every"),
            f"{script.pon.report_every} has no effect: no T-CONT reports; remove it, or let one report",
        )
    try:
        check_tconts(PonStandard(network.pon.standard), tconts, quiet_windows(network, script.pon))
    except ValueError as error:
        names = _names(script, network)
        yield at, re.sub(r"T-CONT (\d+)", lambda found: names.get(int(found[1]), found[0]), str(error))


def _names(script: Script, network: Network) -> dict[int, str]:
    """What the author of a scenario calls the T-CONT of each Alloc-ID."""
    names = {}
    for home, onu in enumerate(network.having(Role.ONU), start=1):
        names[alloc_id_of(script.pon, None, home)] = f"the subscription of {onu.name}"
        for name in script.pon.tconts:
            names[alloc_id_of(script.pon, name, home)] = f"T-CONT {name!r} of {onu.name}"
    return names
