"""The hand on tc: realises the queues of an interface, and opens, resizes and closes channels on them."""

from collections.abc import Sequence

from testbed.net import messages
from testbed.net.messages import ClassCounters, Request
from testbed.net.netlink import NetlinkSocket
from testbed.plan.network_plan import ROOT, Interface, Match, ShapedClass

HTB_MAJOR = 1
NETEM_MAJOR = 2
_LEAF_MAJOR = 0x4000
NETEM_LIMIT_PACKETS = 1_000_000
"""More than any distance holds: 64-byte frames at 50 Gbit/s over 10 ms. Queues drop, fibres do not."""


def _handle(major: int, minor: int = 0) -> int:
    return major << 16 | minor


def interface_requests(ifindex: int, interface: Interface) -> list[Request]:
    """Everything that gives a bare interface its distance, classes, queues and filters."""
    requests = []
    parent = messages.TC_H_ROOT
    if interface.delay_ns:
        requests.append(
            messages.netem(ifindex, _handle(NETEM_MAJOR), parent, interface.delay_ns, NETEM_LIMIT_PACKETS)
        )
        parent = _handle(NETEM_MAJOR, 1)
    if interface.classes:
        requests.append(messages.htb(ifindex, _handle(HTB_MAJOR), parent, interface.default_minor))
    for shaped in interface.classes:
        requests += class_requests(ifindex, shaped)
    requests += [match_request(ifindex, match) for match in interface.matches]
    return requests


def class_requests(ifindex: int, shaped: ShapedClass) -> list[Request]:
    """A class, and its queue if it is a leaf."""
    requests = [_class_request(ifindex, shaped, change=False)]
    if shaped.queue_bytes is not None:
        leaf, owner = _handle(_LEAF_MAJOR + shaped.minor), _handle(HTB_MAJOR, shaped.minor)
        requests.append(messages.byte_fifo(ifindex, leaf, owner, shaped.queue_bytes))
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


def match_request(ifindex: int, match: Match) -> Request:
    """The filter that sends matching packets to their class."""
    keys = []
    if match.source:
        keys.append(messages.source_key(match.source))
    if match.destination:
        keys.append(messages.destination_key(match.destination))
    if match.ports is not None:
        keys += messages.udp_ports_keys(match.ports, source=match.port_is_source)
    class_handle = _handle(HTB_MAJOR, match.minor)
    return messages.u32_filter(ifindex, _handle(HTB_MAJOR), match.order, class_handle, keys)


class PortShaper:
    """The classes of one interface while the network runs."""

    def __init__(self, socket: NetlinkSocket, ifindex: int) -> None:
        self._socket = socket
        self._ifindex = ifindex

    def open(self, shaped: ShapedClass, match: Match) -> None:
        """Add a class with its queue, then send its packets there.

        Raises:
            KernelError: Refused.
        """
        self._socket.ask([*class_requests(self._ifindex, shaped), match_request(self._ifindex, match)])

    def resize(self, shaped: ShapedClass) -> None:
        """Change a class's rate, keeping the packets already queued in it.

        The class is changed in place. Deleting and re-adding it would be easier to write, but that
        discards the queue without counting a single drop, and with the queue goes the delay that we
        are here to measure.

        Raises:
            KernelError: The change was refused; the previous rate still holds.
        """
        self._socket.ask([_class_request(self._ifindex, shaped, change=True)])

    def unmatch(self, match: Match) -> None:
        """Stop sending packets to a class; those in its queue still go out."""
        self._socket.ask([messages.delete_filter(self._ifindex, _handle(HTB_MAJOR), match.order)])

    def remove(self, shaped: ShapedClass) -> None:
        """Delete a class that has been emptied."""
        self._socket.ask([messages.delete_class(self._ifindex, _handle(HTB_MAJOR, shaped.minor))])

    def counters(self) -> dict[int, ClassCounters]:
        """The counters of every class, by minor number."""
        answers = self._socket.dump(messages.class_dump(self._ifindex))
        counters = [messages.class_counters(answer) for answer in answers]
        return {each.minor: each for each in counters}


def apply(socket: NetlinkSocket, requests: Sequence[Request]) -> None:
    """Carry out requests on the namespace of a socket.

    Raises:
        KernelError: Refused.
    """
    socket.ask(requests)
