"""What a network with a PON must look like, so that its plan can be made and its traffic can cross it.

The shipped topologies always do; these are rules for networks from a topology of one's own.
"""

from collections.abc import Iterator

from testbed.model.base import DOWNSTREAM, UPSTREAM
from testbed.model.network import Network, Role, Station
from testbed.scenario.rates import Finding

_AT = ("network", "topology")


def pon_tree_rules(network: Network) -> Iterator[Finding]:
    """Findings about the stations of a PON and their wires."""
    if network.pon is None:
        return
    yield from _line_rules(network)
    splitters = [station.name for station in network.having(Role.SPLITTER)]
    for onu in network.having(Role.ONU):
        yield from _onu_rules(network, onu, splitters)
    for home in network.having(Role.HOME):
        there = [name for name, _ in network.neighbours(home.name)]
        if [network.station(name).role for name in there] != [Role.ONU]:
            listed = ", ".join(there) or "nothing"
            yield _AT, f"{home.name} is wired to {listed}; a host of a home has one wire, and that to an ONU"


def _line_rules(network: Network) -> Iterator[Finding]:
    """One OLT, one splitter, and between them the one line that is marked for both directions."""
    found = {role: [each.name for each in network.having(role)] for role in (Role.OLT, Role.SPLITTER)}
    for role, names in found.items():
        if not names:
            yield _AT, f"{network.name} has a PON without {role}; add a station of role {role}"
        elif len(names) > 1:
            yield (
                _AT,
                f"{network.name} has {len(names)} stations of role {role}, {', '.join(names)}: several PONs "
                "in one network are not supported; give each a scenario of its own",
            )
    if any(len(names) != 1 for names in found.values()):
        return
    (olt,), (splitter,) = found.values()
    marked = sorted(
        (here, there, egress.pon)
        for wire in network.wires
        for here, there, egress in wire.ends()
        if egress.pon is not None
    )
    if marked != sorted([(olt, splitter, DOWNSTREAM), (splitter, olt, UPSTREAM)]):
        yield (
            _AT,
            f"the PON's line is one wire between {olt} and {splitter}, with pon=DOWNSTREAM at {olt}'s port, "
            f"pon=UPSTREAM at {splitter}'s and neither at any other port; mark exactly these",
        )


def _onu_rules(network: Network, onu: Station, splitters: list[str]) -> Iterator[Finding]:
    assert network.pon is not None
    there = [network.station(name) for name, _ in network.neighbours(onu.name)]
    if [station.name for station in there if station.role is not Role.HOME] != splitters[:1]:
        yield _AT, f"{onu.name} has wires to its homes, and one to the splitter; wire it so"
    if not any(station.role is Role.HOME for station in there):
        yield (
            _AT,
            f"{onu.name} has no host behind it, so nothing can use its T-CONTs; wire a host of role home "
            "to it, or leave it out",
        )
    if onu.name not in network.pon.fibres_m:
        yield _AT, f"{onu.name} has no length in fibres_m; add its fibre from the OLT"
