"""A capture's file is read by others as it was written: ports, instants to the nanosecond, directions."""

import struct
from pathlib import Path

from scapy.utils import RawPcapNgReader

from testbed.record.pcapng import PcapngLog

AT_NS = 1_700_000_000_123_456_789


def blocks(path: Path) -> list[tuple[int, bytes]]:
    """(type, body) of each block; both lengths of every block agree, and nothing is left over."""
    content, found = path.read_bytes(), []
    while content:
        kind, length = struct.unpack_from("<II", content)
        assert length % 4 == 0
        assert struct.unpack_from("<I", content, length - 4)[0] == length
        found.append((kind, content[8 : length - 4]))
        content = content[length:]
    return found


def test_another_reader_finds_packets_instants_and_ports(tmp_path: Path) -> None:
    path = tmp_path / "home1.pcapng"
    with PcapngLog(path, ["home1-eth0", "home1-eth1"]) as log:
        log.write(0, AT_NS, b"abcde", outbound=True)
        log.write(1, AT_NS + 1, b"f" * 9014, outbound=False)
    with RawPcapNgReader(str(path)) as reader:
        packets = list(reader)
    assert [packet for packet, _ in packets] == [b"abcde", b"f" * 9014]
    instants = [(meta.tshigh << 32 | meta.tslow, meta.tsresol) for _, meta in packets]
    assert instants == [(AT_NS, 10**9), (AT_NS + 1, 10**9)]
    assert [meta.ifname for _, meta in packets] == [b"home1-eth0", b"home1-eth1"]


def test_directions_are_told(tmp_path: Path) -> None:
    path = tmp_path / "x.pcapng"
    with PcapngLog(path, ["x-eth0"]) as log:
        log.write(0, AT_NS, b"abc", outbound=True)
        log.write(0, AT_NS, b"abc", outbound=False)
    flags = [struct.unpack_from("<HHI", body, 20 + 4) for kind, body in blocks(path) if kind == 6]
    assert flags == [(2, 4, 2), (2, 4, 1)]


def test_a_capture_of_nothing_is_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "x.pcapng"
    PcapngLog(path, ["x-eth0"]).close()
    assert [kind for kind, _ in blocks(path)] == [0x0A0D0D0A, 1]
