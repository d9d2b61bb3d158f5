"""Runs inside the embedded kernel: `extremes.py OUTPUT`. Asks for the extreme values that types accept.

Each case gets interfaces of its own. Writes what was refused, with the reason, and the rates that HTB keeps.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from two_hosts import write

from testbed.errors import KernelError
from testbed.model import carriers
from testbed.model.pon import Aqm
from testbed.net import fabric_messages, link_messages, messages, queue_messages
from testbed.net.link_messages import VethEnd
from testbed.net.messages import TC_H_ROOT, Request
from testbed.net.netlink import NetlinkSocket
from testbed.net.shaper import class_requests
from testbed.plan.network_plan import FabricPort
from testbed.plan.shaping import shaped_class

HANDLE, CLASS = 0x10000, 0x10001
RATES_BPS = (carriers.LEAST_RATE_BPS, carriers.LEAST_RATE_BPS + 1, 10**9, carriers.MOST_RATE_BPS)
QUEUES_BYTES = (1, carriers.MOST_QUEUE_BYTES)


def port(rate_bps: int, queue_bytes: int, delay_ns: int) -> FabricPort:
    return FabricPort(
        rate_bps=rate_bps, queue_bytes=queue_bytes, overhead_bytes=carriers.MOST_OVERHEAD_BYTES,
        cut_through=False, first_number=1, delays_ns=(0, delay_ns),
    )  # fmt: skip


def accepted(ifindex: int) -> Iterator[tuple[str, list[Request]]]:
    """What the kernel must take, each as the first discipline of an interface."""
    for delay_ns in (1, carriers.MOST_INSTANT_NS):
        yield f"netem {delay_ns}", [messages.netem(ifindex, HANDLE, TC_H_ROOT, delay_ns, 1000)]
    for aqm in Aqm:
        for size_bytes in QUEUES_BYTES:
            queue = queue_messages.queue(ifindex, HANDLE, TC_H_ROOT, size_bytes, aqm)
            yield f"{aqm} {size_bytes}", [queue]
    for rate_bps in RATES_BPS:
        yield f"htb {rate_bps}", [messages.htb(ifindex, HANDLE, TC_H_ROOT, 1), *htb_class(ifindex, rate_bps)]
        for delay_ns in (0, carriers.MOST_FABRIC_DELAY_NS):
            made = port(rate_bps, carriers.MOST_QUEUE_BYTES, delay_ns)
            yield f"fabric {rate_bps} {delay_ns}", [fabric_messages.fabric(ifindex, HANDLE, TC_H_ROOT, made)]


def refused(ifindex: int) -> Iterator[tuple[str, list[Request]]]:
    """The control: what the kernel refuses, one step beyond where the kernel itself draws the line."""
    for rate_bps in (carriers.LEAST_RATE_BPS - 1, carriers.MOST_RATE_BPS + 1):
        made = port(rate_bps, 1, 0)
        yield f"fabric {rate_bps}", [fabric_messages.fabric(ifindex, HANDLE, TC_H_ROOT, made)]
    yield "htb 7", [messages.htb(ifindex, HANDLE, TC_H_ROOT, 1), *htb_class(ifindex, 7)]


def htb_class(ifindex: int, rate_bps: int) -> list[Request]:
    shaped = shaped_class(
        minor=1, parent=0, rate_bps=rate_bps, ceil_bps=rate_bps, priority=0, overhead_bytes=0,
        queue_bytes=1000, label="",
    )  # fmt: skip
    return class_requests(ifindex, shaped)


class Kernel:
    """Asks, each time on a new interface."""

    def __init__(self) -> None:
        self.socket = NetlinkSocket()
        self.namespace = os.open("/proc/self/ns/net", os.O_RDONLY)
        self.made = 0

    def interface(self, name: str | None = None, mtu_bytes: int = 1500) -> int:
        self.made += 1
        name = name or f"a{self.made}"
        a = VethEnd(name=name, namespace=self.namespace, mac=None)
        b = VethEnd(name=f"b{self.made}", namespace=self.namespace, mac=None)
        self.socket.ask([link_messages.veth(a, b, mtu_bytes, 1)])
        return self.socket.index_of(name)

    def refusal(self, requests: list[Request]) -> str | None:
        try:
            self.socket.ask(requests)
        except KernelError as error:
            return str(error)
        return None

    def refusal_of_link(self, name: str, mtu_bytes: int) -> str | None:
        try:
            self.interface(name, mtu_bytes)
        except KernelError as error:
            return str(error)
        return None


def main(output: Path) -> None:
    kernel = Kernel()
    results: dict[str, dict[str, str | None]] = {}
    rates_bps = {}
    for cases in (accepted, refused):
        results[cases.__name__] = {}
        for index in range(len(list(cases(1)))):
            ifindex = kernel.interface()
            name, requests = list(cases(ifindex))[index]
            results[cases.__name__][name] = kernel.refusal(requests)
            if cases is accepted and name.startswith("htb"):
                answers = kernel.socket.dump(messages.class_dump(ifindex, HANDLE))
                counters = [messages.class_counters(answer) for answer in answers]
                rates_bps[name] = next(each.rate_bps for each in counters if each.handle == CLASS)
    longest = "n" * carriers.MOST_INTERFACE_NAME
    for name, mtu_bytes in ((longest, carriers.MOST_MTU_BYTES), ("small", carriers.LEAST_MTU_BYTES)):
        results["accepted"][f"link {name} {mtu_bytes}"] = kernel.refusal_of_link(name, mtu_bytes)
    for name, mtu_bytes in ((longest + "n", 1500), ("large", carriers.MOST_MTU_BYTES + 1)):
        results["refused"][f"link {name} {mtu_bytes}"] = kernel.refusal_of_link(name, mtu_bytes)
    write(output / "results.json", results)
    write(output / "rates.json", rates_bps)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
