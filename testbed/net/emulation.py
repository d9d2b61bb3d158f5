"""The running network: a plan realised with Mininet, and what the driver may do to it.

Every host has its own network namespace. Neighbours and forwarding entries are set from the plan, so
no address resolution and no flooding disturbs a measurement.
"""

import gc
import os
from collections.abc import Callable, Sequence
from typing import Any

from mininet.log import setLogLevel
from mininet.net import Mininet
from pyroute2.netlink.exceptions import NetlinkError

from testbed.errors import InvariantError, KernelError
from testbed.model.base import UPSTREAM, Direction
from testbed.net.messages import ClassCounters
from testbed.net.mininet_classes import Bridge, NetlinkHost, ShapedLink, sockets_of
from testbed.net.namespaces import enter, namespace_path
from testbed.net.netlink import NetlinkSocket
from testbed.net.shaper import PonShaper, PortShaper
from testbed.net.topo import PlanTopo
from testbed.plan.network_plan import Interface, Match, NetworkPlan, ShapedClass

_NEIGHBOUR_PERMANENT = 0x80
_STATIC = 0x40
"""NUD_NOARP: a forwarding entry that never ages; a permanent one would mean the bridge itself."""
_ON_BRIDGE = 0x04
"""NTF_MASTER: the entry belongs to the bridge that the port is on."""


class Emulation:
    """A realised plan. Use as a context manager; leaving it removes everything that entering made."""

    def __init__(self, plan: NetworkPlan) -> None:
        self.plan = plan
        self._ports: dict[Direction, PortShaper | PonShaper] = {}

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
            self._set_neighbours()
            self._set_forwarding()
        except NetlinkError as error:
            self.mininet.stop()
            raise KernelError(f"the kernel refused a part of the network: {error}") from error
        except BaseException:
            self.mininet.stop()
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        self.mininet.stop()

    def _set_neighbours(self) -> None:
        """Tell every host where all others are: its first interface, or the direct wire to them."""
        direct = {(route.host, route.destination_ip): route for route in self.plan.direct_routes}
        for here in self.plan.addresses:
            node = self.mininet.get(here.host)
            route = sockets_of(node).route
            for there in self.plan.addresses:
                if there.host == here.host:
                    continue
                way = direct.get((here.host, there.ip))
                interface = node.nameToIntf[way.interface] if way else node.defaultIntf()
                lladdr = way.mac if way else there.mac
                route.neigh(
                    "replace",
                    dst=there.ip,
                    lladdr=lladdr,
                    ifindex=interface.index,
                    state=_NEIGHBOUR_PERMANENT,
                )
                if way:
                    route.link("set", index=interface.index, state="up")
                    route.route(
                        "replace", dst=f"{there.ip}/32", oif=interface.index, prefsrc=here.ip, scope=253
                    )

    def _set_forwarding(self) -> None:
        for entry in self.plan.forwarding:
            bridge = self.mininet.get(entry.bridge)
            port = bridge.nameToIntf[entry.interface]
            sockets_of(bridge).route.fdb(
                "replace", ifindex=port.index, lladdr=entry.mac, state=_STATIC, flags=_ON_BRIDGE
            )

    def pids(self) -> list[int]:
        """The processes that hold the hosts' namespaces."""
        return [host.pid for host in self.mininet.hosts]

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
        return sockets_of(self.mininet.get(interface.station)).tc

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

    def fork(self, host: str, program: Callable[[], None]) -> int:
        """Run a function in a new process inside a host's network namespace; its process id.

        A fork of this prepared process costs nothing like a new interpreter. The child never
        returns here: it ends when the function does, with status 1 after an exception.
        """
        path = namespace_path(self.mininet.get(host).pid)
        # What exists now is shared with the child, whose garbage collection would touch and so copy it.
        gc.freeze()
        pid = os.fork()
        if pid == 0:
            _run_child(path, program)
        return pid

    def cli(self) -> Any:
        """Mininet's own command line on this network."""
        from mininet.cli import CLI

        # Mininet prints the answers of its command line through its log.
        setLogLevel("output")
        return CLI(self.mininet)


def _run_child(path: str, program: Callable[[], None]) -> None:
    status = 1
    try:
        enter(path)
        program()
        status = 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(status)
