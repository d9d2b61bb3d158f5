"""Mininet networks with our link class and Mininet's options: what packets between two hosts meet.

Usage: stock_links.py OUTPUT. All of it is written to `OUTPUT/links.json`.
"""

import json
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mininet.log import setLogLevel
from mininet.net import Mininet
from mininet.topo import LinearTopo, SingleSwitchTopo, Topo

from testbed.net.mininet_links import ShapedLink
from testbed.net.mininet_nodes import Bridge, NetlinkHost
from testbed.net.namespaces import inside

PORT, PAYLOAD = 9000, 958
"""With UDP, IPv4 and Ethernet a packet of 1000 bytes."""


class Pair(Topo):
    """Two hosts on a switch: the options are those of the first one's link."""

    def build(self, **options: Any) -> None:
        self.addSwitch("s1")
        self.addLink(self.addHost("h1"), "s1", **options)
        self.addLink(self.addHost("h2"), "s1")


@contextmanager
def running(topo: Topo) -> Iterator[Mininet]:
    net = Mininet(topo, link=ShapedLink, switch=Bridge, host=NetlinkHost, controller=None, autoStaticArp=True)
    net.start()
    try:
        yield net
    finally:
        net.stop()


def exchange(
    net: Mininet, count: int, *, back: bool = False, every_s: float = 0.0
) -> list[tuple[int, float]]:
    """Packets from one host to the other, as they come: numbers, and milliseconds since their sending."""
    here, there = (net["h2"], net["h1"]) if back else (net["h1"], net["h2"])
    with inside(here.path):
        source = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with inside(there.path):
        sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    source.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 24)
    sink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)
    sink.bind((there.IP(), PORT))
    sink.settimeout(0.5)
    sent_ns, found = [], []
    for number in range(count):
        sent_ns.append(time.monotonic_ns())
        source.sendto(number.to_bytes(4, "big").ljust(PAYLOAD, b"\0"), (there.IP(), PORT))
        if every_s:
            found += received(sink, sent_ns, until_s=time.monotonic() + every_s)
    found += received(sink, sent_ns, until_s=None)
    source.close()
    sink.close()
    return found


def received(sink: socket.socket, sent_ns: list[int], until_s: float | None) -> list[tuple[int, float]]:
    """What comes by an instant, or until nothing has come for half a second; each since its own sending."""
    found = []
    while True:
        left_s = 0.5 if until_s is None else until_s - time.monotonic()
        if left_s <= 0:
            return found
        sink.settimeout(left_s)
        try:
            payload = sink.recv(2048)
        except TimeoutError:
            return found
        number = int.from_bytes(payload[:4], "big")
        found.append((number, (time.monotonic_ns() - sent_ns[number]) / 1e6))


def changed_under_way(net: Mininet) -> list[tuple[int, float]]:
    """The rate doubles as packets wait in the queue."""
    interface = net["h1"].defaultIntf()
    found = exchange(net, 100)
    interface.config(bw=10)
    return found + exchange(net, 100)


def main(output: Path) -> None:
    setLogLevel("error")
    found: dict[str, Any] = {}
    with running(Pair(delay="15ms")) as net:
        found["delay"] = exchange(net, 5, every_s=0.1), exchange(net, 5, back=True, every_s=0.1)
    with running(Pair(bw=5, use_htb=True)) as net:
        found["bw"] = exchange(net, 100), exchange(net, 100, back=True)
    with running(Pair(params1={"bw": 5}, params2={"delay": "3ms"})) as net:
        found["ends"] = exchange(net, 100), exchange(net, 1, back=True)
    with running(Pair(bw=5, max_queue_size=10)) as net:
        found["queue"] = exchange(net, 100)
    with running(Pair(params1={"loss": 40})) as net:
        found["loss"] = exchange(net, 1000), exchange(net, 100, back=True)
    with running(Pair(params1={"delay": "10ms", "jitter": "4ms"})) as net:
        found["jitter"] = exchange(net, 200, every_s=0.02)
    with running(Pair(bw=5, speedup=50)) as net:
        found["speedup"] = exchange(net, 100), exchange(net, 100, back=True)
    with running(Pair(params1={"bw": 5})) as net:
        found["changed"] = changed_under_way(net)
    with running(Pair(bw=10, delay="5ms", loss=0, max_queue_size=100, use_htb=True)) as net:
        found["most"] = exchange(net, 10)
    with running(Pair()) as net:
        found["none"] = exchange(net, 10)
    for name, topo in (("single", SingleSwitchTopo(k=4)), ("linear", LinearTopo(k=4))):
        with running(topo) as net:
            found[name] = net.pingAll(timeout="1")
    (output / "links.json").write_text(json.dumps(found), encoding="utf-8")


main(Path(sys.argv[1]))
