"""The queue of every AQM as it is asked for, and its counters as the kernel's structs have them."""

import struct

import pytest

from testbed.model.pon import Aqm
from testbed.net import queue_messages
from testbed.net.messages import Request, attribute, attributes_of
from testbed.net.queue_messages import QueueCounters

OWNER, LEAF = 0x30011, 0x40110000
ECT_1, BOTH_ECN_BITS = b"\1", b"\3"


def asked(aqm: Aqm) -> Request:
    return queue_messages.queue(5, LEAF, OWNER, 675_000, aqm)


def kind(request: Request) -> str:
    return dict(attributes_of(request.payload[20:]))[1].rstrip(b"\0").decode()


def options(request: Request) -> dict[int, bytes]:
    return dict(attributes_of(dict(attributes_of(request.payload[20:]))[2]))


@pytest.mark.parametrize(
    ("aqm", "name"),
    [(Aqm.FIFO, "bfifo"), (Aqm.FQ_CODEL, "fq_codel"), (Aqm.CAKE, "cake"), (Aqm.L4S, "dualpi2")],
)
def test_a_queue_is_of_its_kind_and_holds_its_bytes(aqm: Aqm, name: str) -> None:
    request = asked(aqm)
    assert kind(request) == name
    assert struct.pack("=I", 675_000) in request.payload


def test_l4s_is_fq_codel_with_a_threshold_for_ect_1_where_there_is_no_dualpi2() -> None:
    otherwise = asked(Aqm.L4S).otherwise
    assert otherwise is not None
    assert kind(otherwise) == "fq_codel"
    given = options(otherwise)
    assert struct.unpack("=I", given[7]) == (1_000,)  # TCA_FQ_CODEL_CE_THRESHOLD, microseconds
    assert (given[10], given[11]) == (ECT_1, BOTH_ECN_BITS)
    assert {key: given[key] for key in options(asked(Aqm.FQ_CODEL))} == options(asked(Aqm.FQ_CODEL))


def test_dualpi2_marks_ect_1_from_a_millisecond_on() -> None:
    given = options(asked(Aqm.L4S))
    assert struct.unpack("=I", given[8]) == (1_000,)  # TCA_DUALPI2_STEP_THRESH_US
    assert given[14] == b"\1"  # TC_DUALPI2_ECN_MASK_L4S_ECT
    # This discipline parses strictly: without the flag of a nested attribute it refuses its options.
    (nested,) = struct.unpack_from("=H", asked(Aqm.L4S).payload, 20 + 12 + 2)
    assert nested == 0x8000 | 2


@pytest.mark.parametrize("aqm", [Aqm.FIFO, Aqm.FQ_CODEL, Aqm.CAKE])
def test_only_l4s_has_a_substitute(aqm: Aqm) -> None:
    assert asked(aqm).otherwise is None


def answer(name: str, own: bytes) -> bytes:
    """struct gnet_stats_queue in TCA_STATS2, then what a discipline counts itself in TCA_STATS_APP."""
    queue = attribute(3, struct.pack("=5I", 12, 18_000, 7, 0, 99))
    counted = queue + (attribute(4, own) if own else b"")
    return (
        struct.pack("=BxxxiIII", 0, 5, LEAF, OWNER, 0)
        + attribute(1, name.encode() + b"\0")
        + attribute(7, counted)
    )


def test_marks_are_read_from_each_discipline() -> None:
    fq_codel = struct.pack("=10I", 0, 1514, 0, 30, 1, 0, 0, 12, 0, 0)
    dualpi2 = struct.pack("=8IiIII", 0, 0, 0, 5, 6, 7, 30, 12, -1, 0, 0, 0)
    tins = b"".join(
        attribute(number, attribute(8, struct.pack("=I", marked))) for number, marked in ((1, 30), (2, 12))
    )
    for name, own in (("fq_codel", fq_codel), ("dualpi2", dualpi2), ("cake", attribute(10, tins))):
        assert queue_messages.queue_counters(answer(name, own)) == QueueCounters(name, 42, 7)
    assert queue_messages.queue_counters(answer("bfifo", b"")) == QueueCounters("bfifo", 0, 7)
