"""Runs inside the embedded kernel: `pon_maps.py OUTPUT`. What sch_pon accepts as bandwidth maps and lines.

The loopback interface is the line. Writes {"maps": …}: refusals by what was asked, and instants in ns.
"""

import fcntl
import socket
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from two_hosts import write

from testbed.errors import KernelError
from testbed.host.clock import use_exact_timers
from testbed.model.base import UPSTREAM
from testbed.net.namespaces import unshare
from testbed.net.netlink import NetlinkSocket
from testbed.net.pon_messages import pon, pon_class
from testbed.net.shaper import PON_MAJOR, PonShaper
from testbed.pon import Allocation, Burst, GrantMap, PonStandard, framing

LOOPBACK, MINOR, HANDLE = 1, 0x11, PON_MAJOR << 16
XGS = framing(PonStandard.XGS_PON, UPSTREAM)
PORT = 5000
SETTLE_S = 0.05
"""A kernel that has just booted has coarse timers until its first tick."""


def map_for(frame: int) -> GrantMap:
    """A whole frame for the one class, and its report."""
    allocation = Allocation(MINOR, 320, 8, 99_996, 155_000, True)
    return GrantMap(frame, (Burst(1, 320, 155_000, (allocation,)),), None)


def refusal(asked: Callable[..., Any], *arguments: Any) -> str:
    """What the kernel says against a request; empty if nothing."""
    try:
        asked(*arguments)
    except KernelError as error:
        return str(error)
    return ""


def lines(netlink: NetlinkSocket) -> dict[str, str]:
    """Refusals of lines whose sums would leave their numbers."""
    requests = {
        "epoch": pon(LOOPBACK, HANDLE, XGS, 1 << 63, MINOR),
        "unit": pon(LOOPBACK, HANDLE, replace(XGS, unit_bytes=1 << 16), 0, MINOR),
        "frame": pon(LOOPBACK, HANDLE, replace(XGS, frame_bytes=1 << 31), 0, MINOR),
    }
    return {name: refusal(netlink.ask, [request]) for name, request in requests.items()}


def main() -> None:
    """Try every map, with a packet waiting meanwhile, and let it go."""
    unshare()
    use_exact_timers()
    time.sleep(SETTLE_S)
    netlink = NetlinkSocket()
    refused = lines(netlink)
    epoch_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    netlink.ask([pon(LOOPBACK, HANDLE, XGS, epoch_ns, MINOR), pon_class(LOOPBACK, HANDLE | MINOR)])
    line = PonShaper(netlink, LOOPBACK)
    sent, received = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    up(sent)
    received.bind(("127.0.0.1", PORT))
    received.settimeout(1)
    sent.sendto(bytes(100), ("127.0.0.1", PORT))
    now = line.exchange().frame
    for name, frame in (("far", 10**12), ("beyond", now + 129), ("last", now + 128), ("past", 0)):
        refused[name] = refusal(line.exchange, map_for(frame))
    line.exchange(map_for(now + 2))
    received.recv(1000)
    arrived_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC) - epoch_ns
    found = {"refused": refused, "now": now, "arrived_ns": arrived_ns, "late": line.exchange().late_maps}
    write(Path(sys.argv[1]) / "maps.json", found)


def up(any_socket: socket.socket) -> None:
    """Set the loopback interface up and running."""
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh22x", b"lo", 0x1 | 0x8 | 0x40))


if __name__ == "__main__":
    main()
