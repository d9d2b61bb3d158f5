"""What is asked of sch_fabric, as `sch_fabric.c` declares it, and what is read from its answers."""

import re
import struct

from testbed.net import fabric_messages
from testbed.net.messages import attribute, attributes_of, tcmsg
from testbed.plan.network_plan import FabricPort
from testbed.venue.source import added_sources

SOURCE = next(path for path in added_sources() if path.name == "sch_fabric.c").read_text(encoding="utf-8")
ROOT = 0xFFFFFFFF
PORT = FabricPort(
    rate_bps=3_136_000_000_000, queue_bytes=16_000_000, first_number=1, delays_ns=(0, 218, 2_500)
)


def options(payload: bytes) -> dict[int, bytes]:
    """The attributes inside TCA_OPTIONS, behind struct tcmsg."""
    assert struct.pack("=H", 2 | 0x8000) in payload, "a strict kernel wants the flag of nested attributes"
    return dict(attributes_of(dict(attributes_of(payload[20:]))[2]))


def number(name: str) -> int:
    """An attribute's number: its place in the enumeration of the C source."""
    names = re.findall(r"^\t(TCA_FABRIC_\w+)[,\s]", SOURCE.partition("enum {")[2].partition("}")[0], re.M)
    return names.index(f"TCA_FABRIC_{name}")


def test_a_node_s_port_has_its_rate_and_a_distance_for_each_number() -> None:
    request = fabric_messages.fabric(5, 4 << 16, ROOT, PORT)
    assert options(request.payload) == {
        number("RATE"): struct.pack("=Q", 3_136_000_000_000),
        number("LIMIT"): struct.pack("=I", 16_000_000),
        number("OVERHEAD"): struct.pack("=I", 0),
        number("FLAGS"): struct.pack("=I", 0),
        number("FIRST"): struct.pack("=I", 1),
        number("TABLE"): struct.pack("=3I", 0, 218, 2_500),
    }
    assert request.what == "add fabric port of 3.136 Tbit/s at interface 5"


def test_a_plane_s_port_cuts_through_and_has_no_table() -> None:
    port = FabricPort(rate_bps=10**11, queue_bytes=10**6, overhead_bytes=24, cut_through=True)
    found = options(fabric_messages.fabric(5, 4 << 16, ROOT, port).payload)
    assert found[number("FLAGS")] == struct.pack("=I", 1)
    assert found[number("OVERHEAD")] == struct.pack("=I", 24)
    assert number("TABLE") not in found


def test_a_change_makes_nothing_new() -> None:
    made, changed = (
        fabric_messages.fabric(5, 4 << 16, ROOT, PORT, change=change) for change in (False, True)
    )
    assert made.payload == changed.payload
    assert (made.flags, changed.flags) == (0x600, 0)


def answer(ifindex: int, parent: int = ROOT, app: bytes = struct.pack("=QQ", 3, 7)) -> bytes:
    queue = struct.pack("=5I", 10, 10_000, 0, 0, 0)
    # struct gnet_stats_queue begins with the packets that are held.
    statistics = attribute(3, queue) + attribute(4, app)
    return tcmsg(ifindex, 4 << 16, parent) + attribute(1, b"fabric\0") + attribute(7, statistics)


def test_counters_are_those_of_the_interface_that_is_meant() -> None:
    assert fabric_messages.port_counters(answer(5), 5) == (10, 10_000, 3, 7)
    assert fabric_messages.port_counters(answer(6), 5) is None
    assert fabric_messages.port_counters(answer(5, parent=1 << 16), 5) is None


def test_a_discipline_without_counters_of_its_own_is_no_port() -> None:
    statistics = attribute(3, struct.pack("=5I", 0, 0, 0, 0, 0))
    other = tcmsg(5, 1 << 16, ROOT) + attribute(1, b"htb\0") + attribute(7, statistics)
    assert fabric_messages.port_counters(other, 5) is None
