"""What a PON's two lines carry: T-CONTs and their queues upstream, classes below one grant downstream."""

from collections.abc import Iterator

from testbed.model.access import Access
from testbed.model.base import DOWNSTREAM, UPSTREAM
from testbed.model.network import Network, Role
from testbed.model.pon import Pon
from testbed.plan.network_plan import Match, PonPlan, PonPort, PonQueue, ShapedClass
from testbed.plan.shaping import HOME_PRIORITY, LINE, shaped_class, weight_quantum_bytes
from testbed.pon.dba.grant_map import Allocation, Burst, GrantMap
from testbed.pon.fibre import propagation_ns
from testbed.pon.framing import downstream_payload, framing
from testbed.pon.provision import alloc_id_of, has_class, tconts_of
from testbed.pon.standard import PonStandard
from testbed.pon.tcont import TCont
from testbed.pon.timing import quiet_window_ns, upstream_offset_ns

SHARED = 0x1
"""The one class of the downstream line: everything that goes to the homes."""
FIRST_CLASS_ORDER = 0x7000


def tos_of(pon: Pon, name: str) -> int:
    """The type-of-service octet by which packets of a class of traffic are known."""
    return (list(pon.tconts).index(name) + 1) << 2


def pon_plan(network: Network, access: Access, pon: Pon) -> PonPlan:
    """The T-CONTs of every ONU, and how the OLT is to serve them."""
    assert network.pon is not None
    window_ns = 0
    if pon.discovery is not None:
        window_ns = pon.discovery.window_ns or quiet_window_ns(network.pon.farthest_m)
    return PonPlan(
        standard=PonStandard(network.pon.standard),
        tconts=tuple(tconts_of(network, access, pon)),
        report_every_frames=pon.report_every,
        quiet_every_ns=pon.discovery.every_ns if pon.discovery else None,
        quiet_window_ns=window_ns,
    )


def channel_tcont(alloc_id: int, home: int, rate_bps: int) -> TCont:
    """The T-CONT of an elastic channel: its rate is assured and never exceeded, and idle is for others."""
    return TCont(alloc_id=alloc_id, onu=home, assured_bps=rate_bps, maximum_bps=rate_bps)


def upstream_port(network: Network, access: Access, pon: Pon) -> PonPort:
    """The queues of all T-CONTs, on a line whose frames begin when the farthest ONU can be there."""
    assert network.pon is not None
    queues = []
    for home, onu in enumerate(network.having(Role.ONU), start=1):
        offer = access.upstream
        minor = alloc_id_of(pon, None, home)
        queues.append(PonQueue(minor=minor, queue_bytes=offer.queue_bytes, aqm=offer.aqm, label=f"onu{home}"))
        for name, given in pon.tconts.items():
            if has_class(given, onu.name):
                minor, label = alloc_id_of(pon, name, home), f"onu{home} {name}"
                queues.append(
                    PonQueue(minor=minor, queue_bytes=given.queue_bytes, aqm=given.aqm, label=label)
                )
    return PonPort(
        framing=framing(PonStandard(network.pon.standard), UPSTREAM),
        epoch_ns=upstream_offset_ns(propagation_ns(network.pon.farthest_m)),
        queues=tuple(queues),
    )


def downstream_port(network: Network, tconts: tuple[TCont, ...]) -> PonPort:
    """One grant of every frame's whole payload; the map of the upstream's grants takes its part of it."""
    assert network.pon is not None
    standard = PonStandard(network.pon.standard)
    frame = framing(standard, DOWNSTREAM)
    payload = downstream_payload(frame, sum(tcont.grants_per_frame for tcont in tconts))
    grant_bytes = payload.payload_bytes // frame.unit_bytes * frame.unit_bytes
    allocation = Allocation(
        alloc_id=SHARED,
        start_byte=payload.start_byte,
        skip_bytes=payload.skip_bytes,
        grant_bytes=grant_bytes,
        end_byte=payload.end_byte,
        report=False,
    )
    burst = Burst(onu=0, start_byte=payload.start_byte, end_byte=payload.end_byte, allocations=(allocation,))
    return PonPort(framing=frame, epoch_ns=0, permanent=GrantMap(frame=0, bursts=(burst,), next_frame=None))


def downstream_classes(
    network: Network, pon: Pon, line: ShapedClass, overhead_bytes: int
) -> Iterator[ShapedClass]:
    """The classes of traffic beside the homes' own: strict priority, and weight among equals."""
    for name, given in pon.tconts.items():
        treatment = given.downstream
        for home, onu in enumerate(network.having(Role.ONU), start=1):
            if not has_class(given, onu.name):
                continue
            yield shaped_class(
                minor=alloc_id_of(pon, name, home),
                parent=LINE,
                rate_bps=max(treatment.committed_bps, 8_000),
                ceil_bps=treatment.rate_bps or line.ceil_bps,
                priority=HOME_PRIORITY + treatment.priority - 1,
                overhead_bytes=overhead_bytes,
                queue_bytes=treatment.queue_bytes,
                quantum_of_weight_bytes=weight_quantum_bytes(treatment.weight),
                aqm=treatment.aqm,
                label=f"onu{home} {name}",
            )


def class_matches(network: Network, pon: Pon, prefixes: dict[int, str], *, upstream: bool) -> Iterator[Match]:
    """Which packets of a home belong to a class of traffic: those that carry its mark."""
    for number, (name, given) in enumerate(pon.tconts.items(), start=1):
        for home, onu in enumerate(network.having(Role.ONU), start=1):
            if has_class(given, onu.name):
                yield Match(
                    order=FIRST_CLASS_ORDER + number,
                    minor=alloc_id_of(pon, name, home),
                    source=prefixes[home] if upstream else None,
                    destination=None if upstream else prefixes[home],
                    tos=tos_of(pon, name),
                )
