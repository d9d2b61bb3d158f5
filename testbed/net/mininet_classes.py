"""Mininet's own classes with netlink for hands: host, bridge, link and interface.

They work in a stock `Mininet(topo, host=…, switch=…, link=…)` and under `mn --custom`. What Mininet
does with ifconfig, brctl and tc subprocesses happens here in requests to the kernel.
"""

import os
from typing import Any

from mininet.link import Intf, Link
from mininet.node import Host, Node, Switch
from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from testbed.errors import KernelError
from testbed.net.namespaces import inside, namespace_path
from testbed.net.netlink import NetlinkSocket
from testbed.net.shaper import apply, interface_requests
from testbed.plan.network_plan import Interface


class Sockets:
    """The netlink sockets into one node's network namespace, opened when first used."""

    def __init__(self, pid: int | None) -> None:
        self._path = namespace_path(pid)
        self._route: IPRoute | None = None
        self._tc: NetlinkSocket | None = None

    @property
    def route(self) -> IPRoute:
        """Links, addresses, routes and neighbours."""
        if self._route is None:
            with inside(self._path):
                self._route = IPRoute()
                # Its socket is opened by the first request, which must be made here.
                self._route.get_links(1)
        return self._route

    @property
    def tc(self) -> NetlinkSocket:
        """Traffic control."""
        if self._tc is None:
            with inside(self._path):
                self._tc = NetlinkSocket()
        return self._tc

    def close(self) -> None:
        """Give both back."""
        if self._route is not None:
            self._route.close()
            self._route = None
        if self._tc is not None:
            self._tc.close()
            self._tc = None


def sockets_of(node: Node) -> Sockets:
    """The sockets of a Mininet node, whatever its class."""
    if not hasattr(node, "testbed_sockets"):
        node.testbed_sockets = Sockets(node.pid if node.inNamespace else None)
    found: Sockets = node.testbed_sockets
    return found


def close_sockets(node: Node) -> None:
    """Close what `sockets_of` opened for a node."""
    sockets_of(node).close()
    del node.testbed_sockets


class ShapedIntf(Intf):
    """An interface that is configured by netlink and shaped as planned.

    `shaping` is the plan's `Interface`; without one it is a plain veth end.
    """

    def config(self, shaping: Interface | None = None, **params: Any) -> Any:
        """Called by Mininet when the link is made."""
        self.shaping = shaping
        result = super().config(**params)
        if shaping is not None:
            apply(sockets_of(self.node).tc, interface_requests(self.index, shaping))
        return result

    @property
    def index(self) -> int:
        """The interface's number in its node's namespace.

        Raises:
            KernelError: The interface is gone.
        """
        if not hasattr(self, "_index"):
            found = sockets_of(self.node).route.link_lookup(ifname=self.name)
            if not found:
                raise KernelError(f"interface {self.name} of {self.node.name} does not exist")
            self._index: int = found[0]
        return self._index

    def setMAC(self, macstr: str) -> None:
        """Set the hardware address; Mininet's name."""
        self.mac = macstr
        self._link_set(address=macstr)

    def setIP(self, ipstr: str, prefixLen: int | None = None) -> None:
        """Set the IPv4 address, "10.0.0.1/8" or with the prefix length apart; Mininet's name."""
        ip, _, prefix = ipstr.partition("/")
        self.ip, self.prefixLen = ip, int(prefix or prefixLen or 8)
        self._link_set(state="up")
        try:
            sockets_of(self.node).route.addr(
                "replace", index=self.index, address=ip, prefixlen=self.prefixLen
            )
        except NetlinkError as error:
            raise KernelError(f"the kernel refused address {ipstr} on {self.name}: {error}") from error

    def isUp(self, setUp: bool = False) -> bool:
        """Whether the interface is up, having brought it up if asked; Mininet's name."""
        if setUp:
            self._link_set(state="up")
        links = sockets_of(self.node).route.get_links(self.index)
        return bool(links[0]["flags"] & 1)

    def _link_set(self, **settings: Any) -> None:
        try:
            sockets_of(self.node).route.link("set", index=self.index, **settings)
        except NetlinkError as error:
            raise KernelError(f"the kernel refused {settings} on {self.name}: {error}") from error

    def delete(self) -> None:
        """Nothing: an interface goes with its namespace or with its peer."""


class ShapedLink(Link):
    """A veth pair whose ends are made where they belong, each with its own shaping.

    `mtu_bytes` is the largest IP packet. Segmentation offload is limited to one segment: a queue that is
    measured must hold the packets that the wire would carry, not 64 kB super-packets.
    """

    intf1: Any
    intf2: Any

    def __init__(self, node1: Node, node2: Node, mtu_bytes: int = 1500, **params: Any) -> None:
        self.mtu_bytes = mtu_bytes
        params.setdefault("cls1", ShapedIntf)
        params.setdefault("cls2", ShapedIntf)
        super().__init__(node1, node2, **params)

    def makeIntfPair(
        self, intfname1: str, intfname2: str, addr1: str | None = None, addr2: str | None = None,
        node1: Node = None, node2: Node = None, deleteIntfs: bool = True,
    ) -> None:  # fmt: skip
        """Make the pair in the two nodes' namespaces; Mininet's name."""
        ends = []
        for name, address, node in ((intfname1, addr1, node1), (intfname2, addr2, node2)):
            end: dict[str, Any] = {"ifname": name, "gso_max_segs": 1, "mtu": self.mtu_bytes}
            end["net_ns_pid"] = node.pid if node is not None and node.inNamespace else os.getpid()
            if address:
                end["address"] = address
            ends.append(end)
        root = sockets_of(node1 if not node1.inNamespace else node2) if node1 and node2 else Sockets(None)
        try:
            root.route.link("add", kind="veth", peer=ends[1], **ends[0])
        except NetlinkError as error:
            raise KernelError(f"the kernel refused the veth pair {intfname1}–{intfname2}: {error}") from error

    def delete(self) -> None:
        """Remove the pair, if its namespaces have not already."""
        node = self.intf1.node
        if getattr(node, "shell", None):
            found = sockets_of(node).route.link_lookup(ifname=self.intf1.name)
            if found:
                sockets_of(node).route.link("del", index=found[0])
        self.intf1 = self.intf2 = None


class QuickShell(Node):
    """A node whose shell starts without closing every possible descriptor first.

    `mnexec -c` tries all of them up to the limit, 65,536 system calls a node where the limit is high.
    Python's descriptors close themselves on exec (PEP 446).
    """

    def startShell(self, mnopts: str | None = None) -> None:
        """Start the node's shell; Mininet's name."""
        super().startShell(mnopts or "-d")


class NetlinkHost(QuickShell, Host):
    """A Mininet host that is addressed by netlink."""

    def config(
        self, mac: str | None = None, ip: str | None = None, lo: str = "up", **_params: Any
    ) -> dict[str, Any]:
        """Set the first interface's addresses and bring up the loopback; Mininet's name."""
        sockets_of(self).route.link("set", index=1, state=lo)
        interface = self.defaultIntf()
        if interface is not None and mac:
            interface.setMAC(mac)
        if interface is not None and ip:
            interface.setIP(ip)
        return {}

    def terminate(self) -> None:
        """End the host's shell, and with it the namespace; Mininet's name."""
        close_sockets(self)
        super().terminate()


class Bridge(QuickShell, Switch):
    """A Linux bridge that neither learns nor floods more than it must once its entries are set."""

    def __init__(self, name: str, **params: Any) -> None:
        params.setdefault("inNamespace", False)
        super().__init__(name, **params)

    def defaultDpid(self, dpid: str | None = None) -> str:
        """No datapath id: this is not an OpenFlow switch."""
        return dpid or "0"

    def start(self, _controllers: list[Any] | None = None) -> None:
        """Make the bridge and put all ports on it; Mininet's name."""
        route = sockets_of(self).route
        try:
            route.link("add", ifname=self.name, kind="bridge", br_stp_state=0, br_forward_delay=0)
            index = route.link_lookup(ifname=self.name)[0]
            for port in self._ports():
                route.link("set", index=port.index, master=index, state="up")
            route.link("set", index=index, state="up")
        except NetlinkError as error:
            raise KernelError(f"the kernel refused bridge {self.name}: {error}") from error

    def stop(self, deleteIntfs: bool = True) -> None:
        """Remove the bridge; Mininet's name."""
        found = sockets_of(self).route.link_lookup(ifname=self.name)
        if found:
            sockets_of(self).route.link("del", index=found[0])
        close_sockets(self)
        super().stop(deleteIntfs)

    def _ports(self) -> list[ShapedIntf]:
        return [interface for interface in self.intfList() if interface.name != "lo"]
