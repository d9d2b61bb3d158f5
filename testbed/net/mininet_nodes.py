"""Mininet's own nodes with netlink for hands: host, bridge and router, without processes until one is wanted.

They work in a stock `Mininet(topo, host=…, switch=…)` and under `mn --custom`. What Mininet does with
ifconfig, arp, route and brctl in a shell of each node happens here in requests to the kernel.
"""

import os
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from mininet.node import Host, Node, Switch

from testbed.net import link_messages, stock
from testbed.net.buffers import hold_in_tcp
from testbed.net.messages import Request
from testbed.net.namespaces import (
    descriptor_path,
    enter,
    inside,
    namespace_path,
    new_namespace,
    own_mounts,
    set_here,
)
from testbed.net.netlink import NetlinkSocket
from testbed.plan.network_plan import ForwardingEntry, Neighbour, Route

_LOOPBACK = 1
_ANY_WAY_BACK = {"net.ipv4.conf.all.rp_filter": 0, "net.ipv4.conf.default.rp_filter": 0}
"""A packet may come in by another interface than its answer leaves by, as over direct wires and planes."""
_BY_PORTS = "net.ipv4.fib_multipath_hash_policy"
"""Where a route has several hops, 1 gives each flow its own, by addresses and ports."""


class LazyNode(Node):
    """A node whose shell starts when it is first wanted: by a command, or by asking for `pid`.

    Its network namespace, unless it is its process's own, is held by a descriptor until then and after.
    """

    settings: ClassVar[Mapping[str, int]] = _ANY_WAY_BACK
    inNamespace: bool

    def __init__(self, name: str, **params: Any) -> None:
        self._pid: int | None = None
        self._namespace = new_namespace(self.settings) if params.get("inNamespace", True) else None
        self._is_there = True
        try:
            # Not the switches' own: it would have a shell bring up an interface for a controller.
            Node.__init__(self, name, **params)
        except BaseException:
            self.terminate()
            raise

    @property
    def path(self) -> str:
        """Where the kernel shows the node's network namespace to this process and its children."""
        return descriptor_path(self._namespace) if self._namespace is not None else namespace_path(None)

    @property
    def is_there(self) -> bool:
        """Whether the node has not been terminated."""
        return self._is_there

    @property
    def pid(self) -> int | None:
        """The process id of the node's shell, which asking for it starts; Mininet's name."""
        self.want_shell()
        return self._pid

    @pid.setter
    def pid(self, pid: int | None) -> None:
        self._pid = pid

    def startShell(self, mnopts: str | None = None) -> None:
        """Nothing yet, though Mininet's constructor asks for a shell; Mininet's name."""

    def want_shell(self) -> None:
        """Start the shell, if it has not been."""
        if self.shell or not self._is_there:
            return
        # Of a node with a namespace, Mininet would have mnexec make another one.
        kept, self.inNamespace = self.inNamespace, False
        try:
            # mnexec -c would try all descriptors up to the limit; Python's close themselves (PEP 446).
            super().startShell("-d")
        finally:
            self.inNamespace = kept

    def _popen(self, cmd: list[str], **params: Any) -> Any:
        """Start a process, in the node's namespace if it is the shell; Mininet's name."""
        if not self.shell and self._namespace is not None:
            params["preexec_fn"] = self._become_host
        return super()._popen(cmd, **params)

    def _become_host(self) -> None:
        enter(self.path)
        own_mounts()

    def cmd(self, *arguments: Any, **keywords: Any) -> Any:
        """Run a command in the node's shell; Mininet's name."""
        self.want_shell()
        return super().cmd(*arguments, **keywords)

    def sendCmd(self, *arguments: Any, **keywords: Any) -> Any:
        """Start a command in the node's shell; Mininet's name."""
        self.want_shell()
        return super().sendCmd(*arguments, **keywords)

    def terminate(self) -> None:
        """End the node's shell, if there is one, and let go of its namespace; Mininet's name."""
        close_socket(self)
        if self._is_there:
            super().terminate()
            self._is_there = False
        if self._namespace is not None:
            os.close(self._namespace)
            self._namespace = None


def path_of(node: Node) -> str:
    """Where the kernel shows the network namespace of a Mininet node, whatever its class."""
    if isinstance(node, LazyNode):
        return node.path
    return namespace_path(node.pid if node.inNamespace else None)


def socket_of(node: Node) -> NetlinkSocket:
    """The netlink socket into a Mininet node's namespace, whatever its class; opened when first used."""
    if not hasattr(node, "testbed_socket"):
        with inside(path_of(node)):
            node.testbed_socket = NetlinkSocket()
    found: NetlinkSocket = node.testbed_socket
    return found


def index_of(node: Node, interface: Any) -> int:
    """The number of a node's interface in its namespace, whatever the interface's class."""
    if hasattr(interface, "index"):
        return int(interface.index)
    return socket_of(node).index_of(interface.name)


def close_socket(node: Node) -> None:
    """Close what `socket_of` opened for a node, if it did."""
    if hasattr(node, "testbed_socket"):
        node.testbed_socket.close()
        del node.testbed_socket


def way_requests(node: Node, routes: Iterable[Route], neighbours: Iterable[Neighbour]) -> list[Request]:
    """What makes a node know its neighbours, and its ways to all others."""
    index = {name: index_of(node, each) for name, each in node.nameToIntf.items() if name != "lo"}
    return [link_messages.neighbour(index[each.interface], each.ip, each.mac) for each in neighbours] + [
        link_messages.route(
            each.destination, [(index[hop.interface], hop.gateway) for hop in each.hops], each.source
        )
        for each in routes
    ]


class NetlinkHost(LazyNode, Host):
    """A Mininet host that is configured by netlink."""

    def config(
        self, mac: str | None = None, ip: str | None = None, lo: str = "up", routes: Iterable[Route] = (),
        neighbours: Iterable[Neighbour] = (), tcp_buffer_bytes: int | None = None, **_params: Any,
    ) -> dict[str, Any]:  # fmt: skip
        """Set the first interface's addresses, the loopback and the ways to all others; Mininet's name."""
        if tcp_buffer_bytes is not None:
            with inside(self.path):
                hold_in_tcp(tcp_buffer_bytes)
        interface = self.defaultIntf() if self.intfs else None
        if interface is not None and mac and mac != interface.mac:
            interface.setMAC(mac)
        if interface is not None and ip:
            interface.setIP(ip)
        if any(len(route.hops) > 1 for route in routes):
            with inside(self.path):
                set_here(_BY_PORTS, 1)
        requests = [link_messages.bring_up(_LOOPBACK)] if lo == "up" else []
        socket_of(self).ask(requests + way_requests(self, routes, neighbours))
        return {}


class LazySwitch(LazyNode, Switch):
    """A Mininet switch that knows nothing of OpenFlow: no datapath id, and no interface for a controller."""

    dpid = "0"
    opts = ""
    listenPort = None
    controlIntf = None


class Router(LazySwitch):
    """A plane of a fabric: forwards packets between its interfaces, by addresses."""

    settings: ClassVar[Mapping[str, int]] = _ANY_WAY_BACK | {"net.ipv4.ip_forward": 1}

    def __init__(
        self, name: str, routes: Iterable[Route] = (), neighbours: Iterable[Neighbour] = (), **params: Any
    ) -> None:
        self._routes, self._neighbours = routes, neighbours
        super().__init__(name, **params)

    def start(self, _controllers: list[Any] | None = None) -> None:
        """Set the ways to all nodes; Mininet's name."""
        loopback = link_messages.bring_up(_LOOPBACK)
        socket_of(self).ask([loopback, *way_requests(self, self._routes, self._neighbours)])


class Bridge(LazySwitch):
    """A Linux bridge that neither learns nor floods more than it must once its entries are set."""

    def __init__(self, name: str, forwarding: Iterable[ForwardingEntry] = (), **params: Any) -> None:
        params.setdefault("inNamespace", False)
        self._forwarding = forwarding
        self._index: int | None = None
        super().__init__(name, **params)

    def start(self, _controllers: list[Any] | None = None) -> None:
        """Make the bridge, put all ports on it, and tell it where everybody is; Mininet's name."""
        with stock.noted():
            self._start()

    def _start(self) -> None:
        socket = socket_of(self)
        socket.ask([link_messages.bridge(self.name)])
        self._index = socket.index_of(self.name)
        ports = {port.name: index_of(self, port) for port in self.intfList() if port.name != "lo"}
        socket.ask(
            [link_messages.bring_up(_LOOPBACK)]
            + [link_messages.put_on_bridge(index, self._index) for index in ports.values()]
            + [link_messages.forwarding_entry(ports[each.interface], each.mac) for each in self._forwarding]
        )

    def stop(self, deleteIntfs: bool = True) -> None:
        """Remove the bridge; Mininet's name."""
        if self._index is not None:
            socket_of(self).ask([link_messages.delete_link(self._index)])
            self._index = None
        super().stop(deleteIntfs)
