"""The running network: a plan realised with Mininet, and what the driver may do to it.

Every host has its own network namespace. Neighbours and forwarding entries are set from the plan, so
no address resolution and no flooding disturbs a measurement.
"""

import gc
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from mininet.log import setLogLevel
from mininet.net import Mininet

from testbed.errors import InvariantError
from testbed.lifeline import tie
from testbed.model.base import UPSTREAM, Direction
from testbed.net.ecn_messages import send_ect1
from testbed.net.faults import Faults
from testbed.net.messages import ClassCounters
from testbed.net.mininet_links import ShapedLink
from testbed.net.mininet_nodes import Bridge, NetlinkHost, socket_of
from testbed.net.namespaces import enter, inside
from testbed.net.netlink import NetlinkSocket
from testbed.net.queue_messages import QueueCounters
from testbed.net.shaper import PonShaper, PortShaper
from testbed.net.topo import PlanTopo
from testbed.plan.network_plan import Interface, Match, NetworkPlan, ShapedClass


class Emulation:
    """A realised plan. Use as a context manager; leaving it removes everything that entering made."""

    def __init__(self, plan: NetworkPlan) -> None:
        self.plan = plan
        self._ports: dict[Direction, PortShaper | PonShaper] = {}
        self._interfaces = {interface.name: interface for interface in plan.interfaces}
        self._faults: dict[str, Faults] = {}

    def __enter__(self) -> "Emulation":
        setLogLevel("error")
        self.mininet = Mininet(
            topo=PlanTopo(self.plan),
            host=NetlinkHost,
            switch=Bridge,
            link=ShapedLink,
            controller=None,
            build=False,
            waitConnected=False,
        )
        try:
            self.mininet.build()
            self.mininet.start()
            self._await_carriers()
        except BaseException:
            self.mininet.stop()
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        self.mininet.stop()

    def _await_carriers(self) -> None:
        """Have every link carry packets.

        The kernel attends to the carriers of a hundred new links a second, and until then a link that is up
        drops what it is given. It does so at once for a link that is asked for (rtnl_getlink).
        """
        for interface in self.plan.interfaces:
            self.mininet.get(interface.station).nameToIntf[interface.name].state()

    def port(self, direction: Direction) -> PortShaper | PonShaper:
        """The shaper of the PON's line in one direction."""
        if direction not in self._ports:
            interface = self.plan.pon_port(direction)
            in_frames = interface.pon_port is not None and not interface.classes
            make = PonShaper if in_frames else PortShaper
            self._ports[direction] = make(self._socket_of(interface), self._index_of(interface))
        return self._ports[direction]

    def upstream_line(self) -> PonShaper:
        """The PON's upstream line for the OLT's own use: with a socket of its own, as it is another process.

        Raises:
            InvariantError: The PON is not emulated frame by frame.
        """
        interface = self.plan.pon_port(UPSTREAM)
        if interface.pon_port is None:
            raise InvariantError(f"{interface.name} is a shaped link, which no OLT assigns")
        return PonShaper(NetlinkSocket(), self._index_of(interface))

    def _socket_of(self, interface: Interface) -> NetlinkSocket:
        return socket_of(self.mininet.get(interface.station))

    def _index_of(self, interface: Interface) -> int:
        index: int = self.mininet.get(interface.station).nameToIntf[interface.name].index
        return index

    def open(self, direction: Direction, shaped: ShapedClass, matches: Sequence[Match]) -> None:
        """Add a channel's class to the PON's line, and its filters.

        Raises:
            KernelError: Refused.
        """
        self.port(direction).open(shaped, matches)

    def resize(self, direction: Direction, *classes: ShapedClass) -> None:
        """Give channels' classes their new rates, in place and all at once; see `PortShaper.resize`."""
        self.port(direction).resize(*classes)

    def unmatch(self, direction: Direction, order: int) -> None:
        """Send a channel's packets back to their home's class."""
        self.port(direction).unmatch(order)

    def remove(self, direction: Direction, shaped: ShapedClass) -> None:
        """Delete a channel's class; see `PortShaper.remove`."""
        self.port(direction).remove(shaped)

    def counters(self, direction: Direction) -> dict[int, ClassCounters]:
        """The counters of every class of the PON's line, by minor number."""
        return self.port(direction).counters()

    def queue_counters(self, direction: Direction, minor: int) -> QueueCounters:
        """What the queue of one class of the PON's line did to its packets: its AQM's drops and marks too."""
        return self.port(direction).queue_counters(minor)

    def send_ect1(self, source: str, destination: str, port: int) -> None:
        """Have a TCP flow to a port of the destination say ECT(1), both ways, where it says ECT(0) by itself.

        Raises:
            KernelError: Refused.
        """
        for here, there, from_port in ((source, destination, False), (destination, source, True)):
            address = self.plan.address(there).ip
            for interface in self.plan.interfaces:
                if interface.station == here:
                    requests = send_ect1(self._index_of(interface), address, port, from_port=from_port)
                    self._socket_of(interface).ask(requests)

    def prepare_faults(self, interfaces: Iterable[str]) -> None:
        """Make interfaces ready to be cut, while nothing is on its way: what waits in them is lost.

        Raises:
            KernelError: Refused.
        """
        for name in interfaces:
            self._faults_of(name).prepare()

    def cut(self, interfaces: Iterable[str]) -> None:
        """Break interfaces, by their names in the plan: whatever leaves them is lost and counted.

        Nothing tells of it: neither the carrier nor a route changes. What waits in an interface is sent, if
        it was prepared; the first cut of one that was not empties it. What is broken stays so.

        Raises:
            KernelError: Refused.
        """
        for name in interfaces:
            self._faults_of(name).cut()

    def mend(self, interfaces: Iterable[str]) -> None:
        """Let packets leave interfaces again; what is whole stays so.

        Raises:
            KernelError: Refused.
        """
        for name in interfaces:
            self._faults_of(name).mend()

    def dropped(self, interface: str) -> int:
        """How many packets an interface has lost while it was cut, in all.

        Raises:
            KernelError: Refused.
        """
        return self._faults_of(interface).lost_packets()

    def _faults_of(self, name: str) -> Faults:
        if name not in self._faults:
            interface = self._interfaces[name]
            self._faults[name] = Faults(self._socket_of(interface), self._index_of(interface))
        return self._faults[name]

    def inside(self, host: str) -> AbstractContextManager[None]:
        """Be on a host for the length of a block: sockets made there stay there, whoever uses them later.

        A forked program can be on other hosts than its own as well.
        """
        return inside(self.mininet.get(host).path)

    def fork(self, host: str, program: Callable[[], None]) -> int:
        """Run a function in a new process inside a host's network namespace; its process id.

        A fork of this prepared process costs nothing like a new interpreter. The child never
        returns here: it ends when the function does, with status 1 after an exception.
        """
        path, parent_pid = self.mininet.get(host).path, os.getpid()
        # What exists now is shared with the child, whose garbage collection would touch and so copy it.
        gc.freeze()
        pid = os.fork()
        if pid == 0:
            _run_child(path, program, parent_pid)
        return pid

    def cli(self) -> Any:
        """Mininet's own command line on this network."""
        from mininet.cli import CLI

        # Mininet prints the answers of its command line through its log.
        setLogLevel("output")
        return CLI(self.mininet)


def _run_child(path: str, program: Callable[[], None], parent_pid: int) -> None:
    status = 1
    try:
        tie(parent_pid)
        enter(path)
        program()
        status = 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(status)
