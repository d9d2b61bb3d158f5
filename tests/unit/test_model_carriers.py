"""Every value that a scenario may have is one that can be carried: each field, walked to what carries it.

The fields are found, and not listed: one that is added without bounds, or without a carrier here, fails. The
extreme values that a type accepts are encoded by what sends them to the kernel or to a program, and read
back; what lies beyond is refused.
"""

import json
import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from random import Random
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from testbed.applications.flows.model import Flow
from testbed.applications.quantity import MEASURES
from testbed.host.clock import Clock
from testbed.host.loop import Loop
from testbed.model import carriers
from testbed.model.base import Argument, Line, Name
from testbed.model.pon import Aqm
from testbed.net import fabric_messages, messages, queue_messages
from testbed.net.messages import Request, attributes_of
from testbed.net.shaper import class_requests
from testbed.plan.network_plan import FabricPort
from testbed.plan.shaping import shaped_class
from testbed.record.logs import json_line
from testbed.record.streams import SENT
from testbed.scenario.shape import Layout
from testbed.workload.departures import departures
from testbed.workload.frames import SIZE_MOST
from testbed.workload.video import VIDEO_HEADER

EPOCH_NS = 1_900_000_000 * 10**9
"""Some instant of CLOCK_REALTIME at which a run may begin: in 2030."""
KTIME_MAX = 2**63 - 1


@dataclass(frozen=True)
class Leaf:
    """A field whose value is no mapping, list or value of the model; `type` is one of its alternatives."""

    owner: str
    field: str
    type: Any
    least: float | None
    most: float | None

    @property
    def name(self) -> str:
        return f"{self.owner}.{self.field}"


def leaves(model: type[BaseModel], seen: set[type]) -> Iterator[Leaf]:
    if model in seen:
        return
    seen.add(model)
    for name, info in model.model_fields.items():
        yield from _below(model, name, info.annotation, [*info.metadata], seen)


def _below(
    model: type[BaseModel], name: str, annotation: Any, metadata: list[Any], seen: set[type]
) -> Iterator[Leaf]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        inner = [each for part in arguments[1:] for each in _constraints(part)]
        yield from _below(model, name, arguments[0], [*inner, *metadata], seen)
    elif origin in (Union, UnionType, tuple, dict, list):
        for argument in arguments:
            if argument not in (NoneType, Ellipsis):
                kept = metadata if origin in (Union, UnionType) else []
                yield from _below(model, name, argument, kept, seen)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from leaves(annotation, seen)
    elif annotation in (int, float, str):
        bounds = [each for part in metadata for each in _constraints(part)]
        step = 1 if annotation is int else 0
        lower = [each.ge for each in bounds if hasattr(each, "ge")]
        lower += [each.gt + step for each in bounds if hasattr(each, "gt")]
        upper = [each.le for each in bounds if hasattr(each, "le")]
        upper += [each.lt - step for each in bounds if hasattr(each, "lt")]
        least, most = max(lower, default=None), min(upper, default=None)
        yield Leaf(model.__name__, name, annotation, least, most)
    else:
        is_choice = isinstance(annotation, type) and issubclass(annotation, Enum | bool)
        assert is_choice or origin is Literal or annotation is Any, (model, name, annotation)


def _constraints(part: Any) -> list[Any]:
    return list(part.metadata) if isinstance(part, FieldInfo) else [part]


LEAVES = list(dict.fromkeys(leaves(Layout, set())))
NUMBERS = [each for each in LEAVES if each.type in (int, float)]
TEXTS = [each for each in LEAVES if each.type is str]


def instant(value: int) -> None:
    """A record, a timer of the loop, clock_nanosleep, and the latency of a port."""
    assert EPOCH_NS + value <= KTIME_MAX
    assert SENT.unpack(SENT.pack(0, 0, value))[2] == value
    assert struct.pack("=qqqq", 0, 0, *divmod(EPOCH_NS + value, 10**9))
    options = dict(attributes_of(messages.netem(1, 1, 1, value, 1).payload[20:]))[2]
    latency = dict(attributes_of(options[struct.calcsize("=6I") :]))[10]
    assert struct.unpack("=q", latency) == (value,)
    assert json.loads(json_line({"at_ns": value}))["at_ns"] == value


def kept_rate(value: int) -> None:
    """An HTB class, in bytes a second, with its burst in ticks of 32 bits; and a port of a fabric."""
    shaped = shaped_class(
        minor=1,
        parent=0,
        rate_bps=value,
        ceil_bps=value,
        priority=0,
        overhead_bytes=12,
        queue_bytes=1,
        label="",
    )
    options = dict(attributes_of(dict(attributes_of(class_requests(1, shaped)[0].payload[20:]))[2]))
    for key in (6, 7):
        (rate,) = struct.unpack("=Q", options[key])
        assert abs(rate * 8 - value) <= value / 1000
    buffer, cbuffer, quantum = struct.unpack_from("=3I", options[1], 24)
    for ticks in (buffer, cbuffer):
        assert 0 < ticks < 2**32 - 1
        assert ticks * 64 >= 2 * 1514 * 8 * 10**9 // value - 1
    assert 0 < quantum < 2**32
    # HTB forgets a debt of more than a minute: the largest frame must cost less.
    assert 9_300 * 8 * 10**9 // value < 60 * 10**9
    fabric_port(value, 1)


def fabric_port(rate_bps: int, queue_bytes: int, delay_ns: int = 0) -> None:
    port = FabricPort(
        rate_bps=rate_bps, queue_bytes=queue_bytes, overhead_bytes=carriers.MOST_OVERHEAD_BYTES,
        cut_through=False, first_number=1, delays_ns=(delay_ns,),
    )  # fmt: skip
    payload = fabric_messages.fabric(1, 1, 1, port).payload
    options = dict(attributes_of(dict(attributes_of(payload[20:]))[2]))
    assert struct.unpack("=Q", options[1]) == (rate_bps,)
    assert 8_000 <= rate_bps <= 10 * 10**12  # what sch_fabric takes
    assert struct.unpack("=I", options[2]) == (queue_bytes,)


def any_rate(value: int) -> None:
    """Of a class that is lifted to the least: what is committed may be nothing."""
    kept_rate(max(value, carriers.LEAST_RATE_BPS))


MEMORY = {b"cake\0": 10, b"fq_codel\0": 9, b"dualpi2\0": 2}
"""By the kind of a queue, the attribute with the bytes that it may hold."""


def queue(value: int) -> None:
    """The limit of each discipline that a queue may have, and that of a fabric's port."""
    for aqm in Aqm:
        request: Request | None = queue_messages.queue(1, 1, 1, value, aqm)
        while request is not None:
            outer = dict(attributes_of(request.payload[20:]))
            options, kind = outer[2], outer[1]
            if kind != b"bfifo\0":
                options = dict(attributes_of(options))[MEMORY[kind]]
                assert 0 < value <= 2**31  # 0 would be the default of each; fq_codel takes no more
            assert struct.unpack("=I", options) == (value,)
            request = request.otherwise
    fabric_port(8_000, value)


def counted_size(value: int) -> None:
    """A record, and a number of an event."""
    assert SENT.unpack(SENT.pack(0, value, 0))[1] == value
    assert json.loads(json_line({"bytes": value}))["bytes"] == value


def packet(value: int) -> None:
    """The payload of one UDP packet over IPv4."""
    assert 0 < value <= 65_535 - 28
    counted_size(value)


def video(value: int) -> None:
    """The packets of the largest frame, at the highest frame rate; a session looks at its own rate."""
    frame_bytes = value / 1000 / 8 * SIZE_MOST
    count = -(-int(frame_bytes) // 1400) or 1
    assert VIDEO_HEADER.pack(0, 0, 1, min(count, 2**16) - 1, min(count, 2**16 - 1))


def flow_rate(value: int) -> None:
    """The instants of a flow's packets; how close they are depends on their size, so the flow looks at it."""
    flow = Flow.model_construct(
        protocol="udp", rate_bps=value, starts_at_ns=0, ends_at_ns=2**62, interval_ns=None, packet_bytes=9000
    )
    assert next(departures(flow, Random(1))) == 0
    assert flow.packets_ns(1) == 9000 * 8 * 10**9 // value


def count(value: float) -> None:
    """A number that programs in Python alone go by: finite, exact in JSON, and usable as a float."""
    assert json.loads(json.dumps(value)) == value
    assert float(value) < float("inf")


def word(value: int) -> None:
    """64 bits with a sign: UML_SEED, and the seed in a table."""
    assert struct.pack("=q", value)


CARRIED: dict[Callable[[Any], None], set[str]] = {
    kept_rate: {
        *("Subscription.rate_bps", "ChannelRange.committed_bps", "ChannelRange.peak_bps"),
        *("Towards.rate_bps", "TContClass.maximum_bps"),
    },
    any_rate: {
        *("Subscription.committed_bps", "Towards.committed_bps"),
        *("TContClass.fixed_bps", "TContClass.assured_bps"),
    },
    video: {"Scene.rate_bps", "Scene.upstream_bps"},
    flow_rate: {"Flow.rate_bps"},
    queue: {
        *("Subscription.queue_bytes", "ChannelRange.queue_bytes"),
        *("Towards.queue_bytes", "TContClass.queue_bytes"),
    },
    packet: {
        *("Commands.size_bytes", "Probes.size_bytes", "Flow.packet_bytes", "Survey.size_bytes"),
        *("Requests.size_bytes", "Transfer.block_bytes", "Service.token_bytes"),
    },
    counted_size: {"Job.state_bytes", "Experts.dispatch_bytes", "Experts.combine_bytes"},
    word: {"Layout.seed", "Script.seed"},
    count: {
        *("Repeat.count", "Session.frames_per_second", "Flow.flows", "Survey.window", "Health.missed"),
        *("Job.weight", "Job.priority", "JobGroup.count", "JobGroup.partners"),
        *("Towards.priority", "Towards.weight", "TContClass.priority", "TContClass.weight"),
        *("TContClass.grants", "Pon.report_every", "ChannelRequest.priority", "ChannelRequest.weight"),
        *("Placement.load_weight", "Placement.delay_weight", "Placement.scores"),
        *("Service.batch", "Service.prefill_rate", "Service.exchange_share", "Service.exchange_layers"),
        *("Clients.burstiness", "Clients.prompt_tokens", "Clients.output_tokens"),
        *("DecodePoint.batch", "DecodePoint.prompt_tokens", "Transfer.window_blocks"),
        *("Experts.ranks", "Experts.experts", "Experts.top", "Experts.tokens", "Experts.layers"),
        *("Experts.group", "Experts.locality", "Fault.plane", "FabricLink.plane"),
        *("Expectation.at_most", "Expectation.at_least", "Reference.value"),
    },
}
"""By what carries a number, the fields that it carries; an instant or a duration is carried by `instant`."""


def carrier_of(leaf: Leaf) -> Callable[[Any], None]:
    if leaf.field.endswith("_ns"):
        return instant
    found = [encode for encode, names in CARRIED.items() if leaf.name in names]
    assert len(found) == 1, f"{leaf.name} has no carrier; say here what carries it, and encode it"
    return found[0]


@pytest.mark.parametrize("leaf", NUMBERS, ids=lambda leaf: leaf.name)
def test_the_extremes_of_every_number_are_carried(leaf: Leaf) -> None:
    assert leaf.least is not None, f"{leaf.name} has no lower bound"
    assert leaf.most is not None, f"{leaf.name} has no upper bound"
    encode = carrier_of(leaf)
    for value in (leaf.least, leaf.most):
        encode(value)


@pytest.mark.parametrize("leaf", NUMBERS, ids=lambda leaf: leaf.name)
def test_what_lies_beyond_is_refused(leaf: Leaf) -> None:
    owner = next(each for each in _models(Layout, set()) if each.__name__ == leaf.owner)
    info = owner.model_fields[leaf.field]
    adapter = adapter_of(info)
    assert leaf.least is not None
    assert leaf.most is not None
    for value in (leaf.least - 1, leaf.most + 1):
        held = {"name": value} if get_origin(info.annotation) is dict else value
        with pytest.raises(ValidationError):
            adapter.validate_python(held)


def adapter_of(info: FieldInfo) -> TypeAdapter[Any]:
    """What validates a field by itself."""
    made: Any = info.annotation
    return TypeAdapter(Annotated.__class_getitem__((made, *info.metadata)) if info.metadata else made)


def _models(model: type[BaseModel], seen: set[type]) -> set[type[BaseModel]]:
    for _ in leaves(model, seen):
        pass
    return {each for each in seen if issubclass(each, BaseModel)}


def test_every_name_of_the_table_is_a_field() -> None:
    """The control of the table itself: nothing in it is of the past."""
    found = {leaf.name for leaf in NUMBERS} | {"Script.seed"}
    assert {name for names in CARRIED.values() for name in names} - found == set()


def test_a_field_without_a_carrier_is_found() -> None:
    """The control of the walk."""

    class Wheel(BaseModel):
        spokes: int

    (leaf,) = leaves(Wheel, set())
    assert leaf.least is None
    with pytest.raises(AssertionError, match=r"Wheel\.spokes has no carrier"):
        carrier_of(leaf)


def accepted(annotation: Any, text: str) -> bool:
    try:
        TypeAdapter(annotation).validate_python(text)
    except ValidationError:
        return False
    return True


FREE_TEXTS = {
    "NetworkChoice.topology": "the path of a file, which must exist",
    "NetworkChoice.parameters": "the topology's own",
    "Workload.parameters": "the kind's own",
}


@pytest.mark.parametrize("leaf", TEXTS, ids=lambda leaf: leaf.name)
@pytest.mark.parametrize("text", ["a\0b", "\ud800"], ids=["nul", "surrogate"])
def test_no_text_has_what_c_strings_and_utf8_cannot_hold(leaf: Leaf, text: str) -> None:
    if leaf.name in FREE_TEXTS:
        return
    owner = next(each for each in _models(Layout, set()) if each.__name__ == leaf.owner)
    info = owner.model_fields[leaf.field]
    held: Any = text
    if get_origin(info.annotation) is tuple:
        held = (text,)
    elif get_origin(info.annotation) is dict:
        held = {text: 1}
    with pytest.raises(ValidationError):
        adapter_of(info).validate_python(held)


@pytest.mark.parametrize("text", ["", "a.b", "a/b", "..", "-a", "a b", "a\nb", "a\n", "ä", "a" * 41])
def test_a_name_is_a_part_of_a_file_s_name(text: str) -> None:
    """As in SESSION.MEASURE.DIRECTION.received, which is taken apart again at its dots."""
    assert not accepted(Name, text)


def test_the_longest_names_make_file_names_that_the_kernel_takes() -> None:
    longest = max(MEASURES, key=len)
    name = f"{'a' * 40}.{longest}.downstream.received"
    assert len(os.fsencode(name)) <= 255
    assert accepted(Name, "a" * 40)


@pytest.mark.parametrize("text", ["two\nlines", "\x1b[2J", "bell\x07", "next\x85line", "\u2028"])
def test_text_for_people_is_one_line_that_no_terminal_obeys(text: str) -> None:
    assert not accepted(Line, text)
    assert accepted(Argument, text) is True, "a program may be given anything but NUL"


def test_an_argument_is_as_long_as_the_kernel_takes() -> None:
    assert accepted(Argument, "ä" * (carriers.MOST_ARGUMENT_BYTES // 2))
    assert not accepted(Argument, "ä" * (carriers.MOST_ARGUMENT_BYTES // 2 + 1))
    arguments = ["/bin/true", "x" * carriers.MOST_ARGUMENT_BYTES]
    assert os.waitstatus_to_exitcode(os.waitpid(os.posix_spawn("/bin/true", arguments, {}), 0)[1]) == 0
    with pytest.raises(OSError, match="too long"):
        os.posix_spawn("/bin/true", [*arguments, "x" * (carriers.MOST_ARGUMENT_BYTES + 1)], {})


def test_a_distance_of_a_fabric_fits_its_table() -> None:
    fabric_port(8_000, 1, carriers.MOST_FABRIC_DELAY_NS)
    with pytest.raises(OverflowError):
        fabric_port(8_000, 1, carriers.MOST_FABRIC_DELAY_NS + 1)


def test_a_loop_keeps_any_instant() -> None:
    """A timer at the last instant that a scenario may name can be set."""
    loop = Loop(Clock(EPOCH_NS))
    loop._timer.set(EPOCH_NS + carriers.MOST_INSTANT_NS)
