"""The hand on tc: realises the queues of an interface, and opens, resizes and closes channels on them."""

from collections.abc import Sequence
from typing import ClassVar

from testbed.net import bpf_messages, fabric_messages, messages, pon_messages, queue_messages
from testbed.net.messages import ClassCounters, Request
from testbed.net.netlink import NetlinkSocket
from testbed.net.queue_messages import QueueCounters
from testbed.plan.network_plan import ROOT, Interface, Match, PonPort, PonQueue, ShapedClass
from testbed.plan.pon_ports import SHARED
from testbed.pon.dba.grant_map import GrantMap

HTB_MAJOR = 1
NETEM_MAJOR = 2
PON_MAJOR = 3
FABRIC_MAJOR = 4
_LEAF_MAJOR = 0x4000
_EVERYWHERE = "0.0.0.0/0"
NETEM_LIMIT_PACKETS = 1_000_000
"""More than any distance holds: 64-byte frames at 50 Gbit/s over 10 ms. Queues drop, fibres do not."""


def _handle(major: int, minor: int = 0) -> int:
    return major << 16 | minor


def interface_requests(ifindex: int, interface: Interface) -> list[Request]:
    """Everything that gives a bare interface its distance, classes, queues and filters."""
    if interface.fabric is not None:
        return [fabric_messages.fabric(ifindex, _handle(FABRIC_MAJOR), messages.TC_H_ROOT, interface.fabric)]
    if interface.pon_port is not None and not interface.classes:
        return upstream_requests(ifindex, interface.pon_port, interface.matches)
    requests = []
    parent = messages.TC_H_ROOT
    if interface.delay_ns:
        requests.append(
            messages.netem(ifindex, _handle(NETEM_MAJOR), parent, interface.delay_ns, NETEM_LIMIT_PACKETS)
        )
        parent = _handle(NETEM_MAJOR, 1)
    if interface.pon_port is not None:
        requests += downstream_requests(ifindex, interface.pon_port)
        parent = _handle(PON_MAJOR, SHARED)
    if interface.classes:
        requests.append(messages.htb(ifindex, _handle(HTB_MAJOR), parent, interface.default_minor))
    for shaped in interface.classes:
        requests += class_requests(ifindex, shaped)
    requests += [match_request(ifindex, match, HTB_MAJOR) for match in interface.matches]
    return requests


def upstream_requests(ifindex: int, port: PonPort, matches: Sequence[Match]) -> list[Request]:
    """A PON's line with the queues of its T-CONTs; what no match leads to one is dropped, and counted."""
    requests = [pon_messages.pon(ifindex, _handle(PON_MAJOR), port.framing, port.epoch_ns, 0)]
    for queue in port.queues:
        requests += queue_requests(ifindex, queue)
    return requests + [match_request(ifindex, match, PON_MAJOR) for match in matches]


def downstream_requests(ifindex: int, port: PonPort) -> list[Request]:
    """A PON's line whose every frame belongs to one class."""
    assert port.permanent is not None
    return [
        pon_messages.pon(ifindex, _handle(PON_MAJOR), port.framing, port.epoch_ns, SHARED),
        pon_messages.pon_class(ifindex, _handle(PON_MAJOR, SHARED)),
        pon_messages.pon_map(ifindex, _handle(PON_MAJOR), port.permanent),
    ]


def queue_requests(ifindex: int, queue: PonQueue) -> list[Request]:
    """A T-CONT's class and its queue."""
    owner, leaf = _handle(PON_MAJOR, queue.minor), _handle(_LEAF_MAJOR + queue.minor)
    return [
        pon_messages.pon_class(ifindex, owner),
        queue_messages.queue(ifindex, leaf, owner, queue.queue_bytes, queue.aqm),
    ]


def class_requests(ifindex: int, shaped: ShapedClass) -> list[Request]:
    """A class, and its queue if it is a leaf."""
    requests = [_class_request(ifindex, shaped, change=False)]
    if shaped.queue_bytes is not None:
        leaf, owner = _handle(_LEAF_MAJOR + shaped.minor), _handle(HTB_MAJOR, shaped.minor)
        requests.append(queue_messages.queue(ifindex, leaf, owner, shaped.queue_bytes, shaped.aqm))
    return requests


def _class_request(ifindex: int, shaped: ShapedClass, *, change: bool) -> Request:
    parent = 0 if shaped.parent == ROOT else shaped.parent
    return messages.htb_class(
        ifindex,
        _handle(HTB_MAJOR, shaped.minor),
        _handle(HTB_MAJOR, parent),
        rate_bps=shaped.rate_bps,
        ceil_bps=shaped.ceil_bps,
        burst_bytes=shaped.burst_bytes,
        quantum_bytes=shaped.quantum_bytes,
        priority=shaped.priority,
        overhead_bytes=shaped.overhead_bytes,
        change=change,
    )


def match_request(ifindex: int, match: Match, major: int) -> Request:
    """The filter that sends matching packets to their class of the discipline with this major number."""
    parent, led_to = _handle(major), _handle(major, match.minor)
    if match.udp or match.source_ports or match.destination_ports:
        program = bpf_messages.ports_program(
            source=match.source or _EVERYWHERE,
            destination=match.destination or _EVERYWHERE,
            udp=match.udp,
            source_ports=match.source_ports,
            destination_ports=match.destination_ports,
        )
        return bpf_messages.bpf_filter(ifindex, parent, match.order, led_to, program)
    keys = []
    if match.source:
        keys.append(messages.source_key(match.source))
    if match.destination:
        keys.append(messages.destination_key(match.destination))
    if match.tos is not None:
        keys.append(messages.tos_key(match.tos))
    return messages.u32_filter(ifindex, parent, match.order, led_to, keys)


class _Port:
    """One discipline of an interface while the network runs; its classes are known by their minor numbers."""

    major: ClassVar[int]

    def __init__(self, socket: NetlinkSocket, ifindex: int) -> None:
        self._socket = socket
        self._ifindex = ifindex

    def _open(self, requests: Sequence[Request], matches: Sequence[Match]) -> None:
        led = [match_request(self._ifindex, match, self.major) for match in matches]
        self._socket.ask([*requests, *led])

    def unmatch(self, order: int) -> None:
        """Stop sending the packets of all matches of an order to their class; those queued still go out."""
        self._socket.ask([messages.delete_filter(self._ifindex, _handle(self.major), order)])

    def counters(self) -> dict[int, ClassCounters]:
        """The counters of every class, by minor number."""
        answers = self._socket.dump(messages.class_dump(self._ifindex, _handle(self.major)))
        counters = [messages.class_counters(answer) for answer in answers]
        return {each.handle & 0xFFFF: each for each in counters}

    def queue_counters(self, minor: int) -> QueueCounters:
        """What the queue of one class did to its packets."""
        query = queue_messages.queue_query(self._ifindex, _handle(_LEAF_MAJOR + minor))
        return queue_messages.queue_counters(self._socket.query(query))


class PortShaper(_Port):
    """The HTB classes of one interface while the network runs."""

    major = HTB_MAJOR

    def open(self, shaped: ShapedClass, matches: Sequence[Match]) -> None:
        """Add a class with its queue, then send its packets there.

        Raises:
            KernelError: Refused.
        """
        self._open(class_requests(self._ifindex, shaped), matches)

    def resize(self, *classes: ShapedClass) -> None:
        """Change the rates of classes, in order and all at once, keeping the packets queued in them.

        A class is changed in place. Deleting and re-adding it would be easier to write, but that
        discards the queue without counting a single drop, and with the queue goes the delay that we
        are here to measure.

        Raises:
            KernelError: A change was refused, and that class keeps its rate; the others were made.
        """
        self._socket.ask([_class_request(self._ifindex, shaped, change=True) for shaped in classes])

    def remove(self, shaped: ShapedClass) -> None:
        """Delete a class that has been emptied."""
        self._socket.ask([messages.delete_class(self._ifindex, _handle(HTB_MAJOR, shaped.minor))])


class PonShaper(_Port):
    """The T-CONTs of a PON's upstream line while the network runs: queues only, the OLT has the rates.

    The minor number of a T-CONT's class is its Alloc-ID.
    """

    major = PON_MAJOR

    def open(self, shaped: ShapedClass, matches: Sequence[Match]) -> None:
        """Add the queue of a T-CONT, then send its packets there.

        Raises:
            KernelError: Refused.
        """
        assert shaped.queue_bytes is not None
        queue = PonQueue(
            minor=shaped.minor, queue_bytes=shaped.queue_bytes, aqm=shaped.aqm, label=shaped.label
        )
        self._open(queue_requests(self._ifindex, queue), matches)

    def resize(self, *classes: ShapedClass) -> None:
        """Nothing: what a T-CONT is granted follows from what the OLT knows of it."""

    def remove(self, shaped: ShapedClass) -> None:
        """Delete the queue of a T-CONT that has been emptied, and that the OLT no longer knows."""
        self._socket.ask([pon_messages.delete_pon_class(self._ifindex, _handle(PON_MAJOR, shaped.minor))])

    def exchange(self, grants: GrantMap | None = None) -> pon_messages.PonStatus:
        """Have a bandwidth map take effect with its frame; the frame at present, and the newest reports.

        Raises:
            KernelError: The map names a T-CONT that does not exist, or its bursts overlap.
        """
        query = pon_messages.pon_query(self._ifindex, _handle(PON_MAJOR))
        first = [] if grants is None else [pon_messages.pon_map(self._ifindex, _handle(PON_MAJOR), grants)]
        return pon_messages.pon_status(self._socket.query(query, first))


def apply(socket: NetlinkSocket, requests: Sequence[Request]) -> None:
    """Carry out requests on the namespace of a socket.

    Raises:
        KernelError: Refused.
    """
    socket.ask(requests)
