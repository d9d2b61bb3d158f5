"""What is asked of sch_pon, byte by byte as `sch_pon.c` declares it, and what is read from its answers."""

import re
import struct
from pathlib import Path

from testbed.model.base import UPSTREAM
from testbed.net import pon_messages
from testbed.net.messages import attribute, attributes_of
from testbed.pon import Allocation, Burst, GrantMap, PonStandard, framing
from testbed.venue.source import added_sources

XGS = framing(PonStandard.XGS_PON, UPSTREAM)
EPON = framing(PonStandard.EPON_10G, UPSTREAM)
HANDLE = 3 << 16
SOURCE = next(path for path in added_sources() if path.name == "sch_pon.c")
SIZES = {"__u64": 8, "__u32": 4, "__u16": 2}


def declared_bytes(name: str) -> int:
    """The size of a struct of the C source, members added up."""
    found = re.search(rf"struct {name} {{(.*?)\n}};", Path(SOURCE).read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return sum(SIZES[kind] for kind in re.findall(r"^\t(__u\d\d)\t", found[1], re.MULTILINE))


def options(payload: bytes) -> dict[int, bytes]:
    """The attributes inside TCA_OPTIONS, behind struct tcmsg."""
    return dict(attributes_of(dict(attributes_of(payload[20:]))[2]))


def test_the_layouts_are_as_long_as_the_kernel_s() -> None:
    line = options(pon_messages.pon(5, HANDLE, XGS, 231_000, 0).payload)[1]
    assert len(line) == declared_bytes("tc_pon_line")
    empty = options(pon_messages.pon_map(5, HANDLE, GrantMap(7, (), None)).payload)[2]
    assert len(empty) == declared_bytes("tc_pon_map")
    one = GrantMap(7, (Burst(1, 320, 500, (Allocation(17, 320, 8, 100, 500, True),)),), None)
    filled = options(pon_messages.pon_map(5, HANDLE, one).payload)[2]
    assert len(filled) - len(empty) == declared_bytes("tc_pon_allocation")


def test_a_line_says_its_frame_its_code_and_whether_packets_may_be_split() -> None:
    request = pon_messages.pon(5, HANDLE, XGS, 231_000, 0)
    values = struct.unpack("=Q10I", options(request.payload)[1])
    assert values == (231_000, 125_000, 155_520, 248, 216, 8, 4, 4, 64, 1, 0)
    ethernet = struct.unpack("=Q10I", options(pon_messages.pon(5, HANDLE, EPON, 0, 1).payload)[1])
    assert ethernet[1:6] == (1_000_000, 1_250_000, 248, 216, 20)
    assert ethernet[9:] == (0, 1)
    assert request.what == "make interface 5 a PON's line"


def test_a_map_lists_its_allocations_in_order_with_their_reports() -> None:
    first, second = Allocation(17, 320, 8, 100, 500, True), Allocation(18, 320, 108, 48, 500, False)
    grants = GrantMap(7, (Burst(1, 320, 500, (first, second)),), None)
    data = options(pon_messages.pon_map(5, HANDLE, grants).payload)[2]
    assert struct.unpack_from("=QII", data) == (7, 2, 0)
    assert [*struct.iter_unpack("=6I", data[16:])] == [
        (17, 320, 8, 100, 500, 1),
        (18, 320, 108, 48, 500, 0),
    ]


def test_the_reports_of_an_answer_are_read_whatever_pads_them() -> None:
    status = struct.pack("=QII", 4242, 1, 5) + struct.pack("=HHIII", 17, 0, 4241, 1_532, 99_000) + bytes(4)
    message = struct.pack("=BxxxiIII", 0, 5, HANDLE, 0, 0) + attribute(7, attribute(4, status))
    answer = pon_messages.pon_status(message)
    assert (answer.frame, answer.late_maps, answer.fragments) == (4242, 1, 5)
    assert answer.reports == (pon_messages.PonReport(17, 4241, 1_532, 99_000),)
