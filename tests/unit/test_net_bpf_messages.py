"""A filter by ports takes exactly the packets of its flow; its program is run here as the kernel runs it."""

import struct
from ipaddress import IPv4Address
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_net_messages import decoded, options

from testbed.api.flow_models import merged
from testbed.net import messages
from testbed.net.bpf_messages import Instruction, bpf_filter, ports_program
from testbed.net.shaper import HTB_MAJOR, match_request
from testbed.plan.network_plan import MOST_RANGES, Match, Ports

TCP, UDP = 6, 17
MOST_INSTRUCTIONS = 4096
"""BPF_MAXINSNS of include/uapi/linux/bpf_common.h."""
EVERY_OTHER: Ports = tuple((port, port) for port in range(0, 2 * MOST_RANGES, 2))


def run(program: list[Instruction], frame: bytes) -> bool:
    """What the kernel's interpreter answers; a load from beyond the packet is no match (Linux filter.rst)."""
    at = a = x = 0
    while True:
        each = program[at]
        at += 1
        match each.code:
            case 0x20 | 0x28 | 0x30 | 0x48 as load:
                size = {0x20: 4, 0x28: 2, 0x30: 1, 0x48: 2}[load]
                offset = each.value + (x if load == 0x48 else 0)
                if offset + size > len(frame):
                    return False
                a = int.from_bytes(frame[offset : offset + size])
            case 0xB1:
                x = 4 * (frame[each.value] & 0xF)
            case 0x54:
                a &= each.value
            case 0x05:
                at += each.value
            case 0x15 | 0x25 | 0x35 | 0x45 as test:
                holds = {
                    0x15: a == each.value,
                    0x25: a > each.value,
                    0x35: a >= each.value,
                    0x45: bool(a & each.value),
                }
                at += each.then if holds[test] else each.otherwise
            case 0x06:
                return each.value != 0


def frame_of(
    *, protocol: int = UDP, ports: tuple[int, int] = (1, 2), options: int = 0, fragment: int = 0,
    source: str = "10.2.0.1", destination: str = "10.1.1.1",
) -> bytes:  # fmt: skip
    addresses = IPv4Address(source).packed + IPv4Address(destination).packed
    header = struct.pack("!BBHHHBBH", 0x45 + options, 0, 60, 7, fragment, 64, protocol, 0) + addresses
    return bytes(14) + header + bytes(4 * options) + struct.pack("!HH", *ports) + bytes(8)


def program_of(
    source_ports: Ports = (), destination_ports: Ports = (), *, udp: bool = False
) -> list[Instruction]:
    return ports_program(
        source="10.2.0.0/31",
        destination="10.1.1.1",
        udp=udp,
        source_ports=source_ports,
        destination_ports=destination_ports,
    )


PORT = st.integers(0, 65_535)
PORTS = st.lists(st.tuples(PORT, PORT).map(lambda pair: (min(pair), max(pair))), max_size=8).map(
    tuple
) | st.just(EVERY_OTHER)


def near(ports: Ports) -> st.SearchStrategy[int]:
    borders = {port + more for pair in ports for port in pair for more in (-1, 0, 1)}
    return st.sampled_from(sorted(borders & set(range(65_536)))) | PORT if borders else PORT


def is_one_of(port: int, ports: Ports) -> bool:
    return not ports or any(first <= port <= last for first, last in ports)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(data=st.data(), source_ports=PORTS, destination_ports=PORTS)
def test_it_answers_as_a_comparison_of_the_ports_does(
    data: st.DataObject, source_ports: Ports, destination_ports: Ports
) -> None:
    program = program_of(merged(source_ports), merged(destination_ports))
    for _ in range(8):
        source, destination = data.draw(near(source_ports)), data.draw(near(destination_ports))
        frame = frame_of(
            protocol=data.draw(st.sampled_from((TCP, UDP))),
            ports=(source, destination),
            options=data.draw(st.integers(0, 10)),
        )
        belongs = is_one_of(source, source_ports) and is_one_of(destination, destination_ports)
        assert run(program, frame) is belongs


@pytest.mark.parametrize(
    ("frame", "takes"),
    [
        (frame_of(), True),
        (frame_of(protocol=TCP, source="10.2.0.0"), True),
        (frame_of(source="10.2.0.2"), False),
        (frame_of(destination="10.1.1.2"), False),
        (frame_of(source="10.1.1.1", destination="10.2.0.1"), False),
        (frame_of(protocol=1), False),
        (frame_of(protocol=132), False),
        (frame_of(fragment=0x2000), True),
        (frame_of(fragment=0x2001), False),
        (frame_of(fragment=0x0400), False),
        (frame_of()[:36], False),
    ],
)
def test_what_else_a_packet_must_have(frame: bytes, *, takes: bool) -> None:
    assert run(program_of(((0, 1),), ((2, 65_535),)), frame) is takes


def test_of_udp_alone_tcp_is_no_part() -> None:
    assert run(program_of(((1, 1),), udp=True), frame_of())
    assert not run(program_of(((1, 1),), udp=True), frame_of(protocol=TCP))


def test_the_most_ranges_at_both_ends_fit_into_one_program_and_no_jump_is_too_long() -> None:
    assert all(last + 1 < first for (_, last), (first, _) in pairwise(EVERY_OTHER))
    program = program_of(EVERY_OTHER, EVERY_OTHER)
    assert len(program) < MOST_INSTRUCTIONS
    assert all(max(each.then, each.otherwise) < 256 for each in program)
    last = 2 * MOST_RANGES - 2
    assert run(program, frame_of(ports=(last, last)))
    assert not run(program, frame_of(ports=(last, last - 1)))


def test_the_request_has_the_program_and_its_length_and_the_class() -> None:
    program = program_of(((1, 1),))
    request = bpf_filter(5, 0x10000, 7, 0x11000, program)
    message = decoded(request)
    assert (message["parent"], message["info"] >> 16) == (0x10000, 7)
    assert message.get_attr("TCA_KIND") == "bpf"
    given = options(request)
    assert struct.unpack("=I", given[3]) == (0x11000,)
    assert struct.unpack("=H", given[4]) == (len(program),)
    assert given[5] == b"".join(
        struct.pack("=HBBI", each.code, each.then, each.otherwise, each.value) for each in program
    )
    assert request.what == "add filter 7 by ports to interface 5 for class 1000"
    assert decoded(messages.delete_filter(5, 0x10000, 7))["info"] == message["info"]


def test_a_match_with_ports_is_one_filter_by_ports_and_one_without_compares_addresses() -> None:
    match = Match(order=3, minor=0x1000, source="10.1.1.1", destination="10.2.0.1")
    assert decoded(match_request(5, match, HTB_MAJOR)).get_attr("TCA_KIND") == "u32"
    by_ports = Match(order=3, minor=0x1000, source="10.1.1.1", destination="10.2.0.1", source_ports=((1, 9),))
    assert decoded(match_request(5, by_ports, HTB_MAJOR)).get_attr("TCA_KIND") == "bpf"
