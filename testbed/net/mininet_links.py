"""Mininet's own links and interfaces with netlink for hands.

They work in a stock `Mininet(topo, link=…)` and under `mn --custom`, between nodes of any class, with the
options of Mininet's TCLink: see `testbed.net.stock_options`.
"""

import os
from dataclasses import replace
from typing import Any

from mininet.link import Intf, Link
from mininet.log import info
from mininet.node import Node, Switch

from testbed.net import link_messages, stock, stock_messages
from testbed.net.link_messages import LinkState, VethEnd
from testbed.net.messages import Request
from testbed.net.mininet_nodes import LazyNode, close_socket, path_of, socket_of
from testbed.net.namespaces import namespace_path, open_namespace
from testbed.net.netlink import NetlinkSocket
from testbed.net.shaper import interface_requests
from testbed.net.stock_options import LinkOptions, link_options
from testbed.plan.network_plan import Interface

_WHOLE_ADDRESS_BITS = 32
_OF_ANY_INTERFACE = ("mac", "ip", "ifconfig", "up")
"""What Mininet's plain interface is told."""


class ShapedIntf(Intf):
    """An interface that is configured by netlink, shaped as planned or by Mininet's options, and up.

    `shaping` is the plan's `Interface`. An end to which the plan gives a distance or a queue keeps the plan,
    and options are for the others.
    """

    shaping: Interface | None = None
    options: LinkOptions | None = None

    def config(self, shaping: Interface | None = None, **params: Any) -> Any:
        """Called by Mininet when the link is made, and by whoever changes its options later.

        Raises:
            LinkOptionError: An option is unknown, or cannot be carried out.
            KernelError: The kernel refused.
        """
        own = {name: params.pop(name) for name in _OF_ANY_INTERFACE if name in params}
        options = link_options(params, is_switch=isinstance(self.node, Switch))
        result = super().config(**own)
        requests = []
        if shaping is not None:
            self.shaping = shaping
            requests += interface_requests(self.index, shaping)
        requests += self._shaped_by(options)
        requests.append(link_messages.bring_up(self.index))
        if shaping is not None and shaping.address is not None:
            self.ip, self.prefixLen = shaping.address, _WHOLE_ADDRESS_BITS
            requests.append(link_messages.address(self.index, self.ip, self.prefixLen))
        socket_of(self.node).ask(requests)
        return result

    def _shaped_by(self, options: LinkOptions | None) -> list[Request]:
        """What carries out options; a rate that changes alone is changed in place, and its queue stays."""
        before = self.options
        if options is None or options == before:
            return []
        if self.shaping is not None and self.shaping.is_shaped:
            info("(as planned) ")
            return []
        info(f"({options.in_words}) ")
        self.options = options
        if before is None:
            return stock_messages.option_requests(self.index, options)
        if None not in (before.rate_bps, options.rate_bps) and options == replace(
            before, rate_bps=options.rate_bps
        ):
            assert options.rate_bps is not None
            return [stock_messages.rate_request(self.index, options.rate_bps)]
        anew = stock_messages.option_requests(self.index, options)
        return [stock_messages.remove_request(self.index), *anew]

    @property
    def index(self) -> int:
        """The interface's number in its node's namespace.

        Raises:
            KernelError: The interface is gone.
        """
        if not hasattr(self, "_index"):
            self._index: int = socket_of(self.node).index_of(self.name)
        return self._index

    def state(self) -> LinkState:
        """What the kernel says of it now."""
        return link_messages.link_state(socket_of(self.node).query(link_messages.link(self.index)))

    def setMAC(self, macstr: str) -> None:
        """Set the hardware address; Mininet's name."""
        self.mac = macstr
        socket_of(self.node).ask([link_messages.set_mac(self.index, macstr)])

    def setIP(self, ipstr: str, prefixLen: int | None = None) -> None:
        """Set the IPv4 address, "10.0.0.1/8" or with the prefix length apart; Mininet's name."""
        ip, _, prefix = ipstr.partition("/")
        self.ip, self.prefixLen = ip, int(prefix or prefixLen or 8)
        socket_of(self.node).ask(
            [link_messages.bring_up(self.index), link_messages.address(self.index, ip, self.prefixLen)]
        )

    def isUp(self, setUp: bool = False) -> bool:
        """Whether the interface is up, having brought it up if asked; Mininet's name."""
        if setUp:
            socket_of(self.node).ask([link_messages.bring_up(self.index)])
        return self.state().is_up

    def delete(self) -> None:
        """Nothing: an interface goes with its namespace or with its peer."""


class ShapedLink(Link):
    """A veth pair whose ends are made where they belong, each with its own shaping.

    `mtu_bytes` is the largest IP packet. Segmentation offload is limited to one segment: a queue that is
    measured must hold the packets that the wire would carry, not 64 kB super-packets. Whatever else is given
    goes to both ends, as with Mininet's own links.
    """

    intf1: Any
    intf2: Any

    def __init__(self, node1: Node, node2: Node, mtu_bytes: int = 1500, **params: Any) -> None:
        self.mtu_bytes = mtu_bytes
        params.setdefault("cls1", ShapedIntf)
        params.setdefault("cls2", ShapedIntf)
        self._made: tuple[NetlinkSocket, str] | None = None
        try:
            with stock.noted():
                super().__init__(node1, node2, **params)
        except BaseException:
            # Mininet never hears of a link that is not finished.
            self._remove()
            raise

    def makeIntfPair(
        self, intfname1: str, intfname2: str, addr1: str | None = None, addr2: str | None = None,
        node1: Node = None, node2: Node = None, deleteIntfs: bool = True,
    ) -> None:  # fmt: skip
        """Make the pair in the two nodes' namespaces; Mininet's name."""
        paths = [path_of(node) if node is not None else namespace_path(None) for node in (node1, node2)]
        socket = socket_of(node1) if node1 is not None else NetlinkSocket()
        held: list[int] = []
        try:
            held += [open_namespace(path) for path in paths]
            a = VethEnd(name=intfname1, namespace=held[0], mac=addr1)
            b = VethEnd(name=intfname2, namespace=held[1], mac=addr2)
            socket.ask([link_messages.veth(a, b, self.mtu_bytes, gso_max_segs=1)])
        finally:
            for descriptor in held:
                os.close(descriptor)
        self._made = socket, intfname1

    def _remove(self) -> None:
        if self._made is not None:
            socket, name = self._made
            self._made = None
            socket.ask([link_messages.delete_link(socket.index_of(name))])

    def delete(self) -> None:
        """Remove the pair, if its namespaces have not already."""
        nodes = self.intf1.node, self.intf2.node
        if not isinstance(nodes[0], LazyNode) or nodes[0].is_there:
            self._remove()
        for node in nodes:
            # A node of another class would not close it, and so hold its namespace.
            if not isinstance(node, LazyNode):
                close_socket(node)
        self.intf1 = self.intf2 = None
