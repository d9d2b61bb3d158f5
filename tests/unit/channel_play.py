"""Playing events to the channel controller, and its answers in short."""

from typing import Any

from testbed.channel import (
    ChannelState,
    Close,
    Decision,
    Event,
    Link,
    OfferedLoad,
    Open,
    Output,
    RequestChannel,
    Resize,
    SceneDemand,
    decide,
)
from testbed.model.base import DOWNSTREAM, Direction
from testbed.model.channel import ChannelRange, ChannelRequest

M, G = 10**6, 10**9
MS, S = 10**6, 10**9


def request(session: str, committed_bps: int = 100 * M, **keys: Any) -> RequestChannel:
    """A channel from so much to 2 Gbit/s downstream, and 10 Mbit/s upstream."""
    links = keys.pop("links", ("pon",))
    delay_ns = keys.pop("delay_ns", 0)
    down = ChannelRange(committed_bps=committed_bps, peak_bps=max(2 * G, committed_bps), queue_bytes=500_000)
    up = ChannelRange(committed_bps=keys.pop("up_bps", 10 * M), peak_bps=2 * G, queue_bytes=20_000)
    channel = ChannelRequest(downstream=down, upstream=up, serialisation_ns=MS, hold_ns=500 * MS, **keys)
    return RequestChannel(session=session, channel=channel, links=links, delay_ns=delay_ns)


def demand(session: str, rate_bps: int) -> SceneDemand:
    load = OfferedLoad(mean_bps=rate_bps, burst_bytes=0, burst="nothing")
    return SceneDemand(
        session=session,
        scene="s",
        downstream=load,
        upstream=OfferedLoad(mean_bps=0, burst_bytes=0, burst="nothing"),
    )


def network(
    down_bps: int = 1 * G, up_bps: int = 1 * G, provisioning_ns: int = 0, names: tuple[str, ...] = ("pon",)
) -> ChannelState:
    links = [
        Link(name=name, direction=direction, capacity_bps=down_bps if direction is DOWNSTREAM else up_bps)
        for name in names
        for direction in Direction
    ]
    return ChannelState(links=tuple(links), provisioning_ns=provisioning_ns)


def play(state: ChannelState, *events: tuple[int, Event]) -> tuple[ChannelState, list[Output]]:
    """The state after all events, and what the last of them brought about."""
    outputs: list[Output] = []
    for now_ns, event in events:
        state, outputs = decide(state, event, now_ns)
    return state, outputs


def told(outputs: list[Output]) -> list[str]:
    """The outputs in short."""
    said = []
    for output in outputs:
        match output:
            case Decision():
                said.append(f"{output.kind} {output.fields.get('session', '')}".strip())
            case Open():
                said.append(f"open {output.session} {output.direction} {output.rate_bps // M}")
            case Resize():
                said.append(f"resize {output.session} {output.from_bps // M} {output.to_bps // M}")
            case Close():
                said.append(f"close {output.session}")
    return said


def fields(outputs: list[Output], kind: str) -> dict[str, Any]:
    """The fields of the only decision of a kind."""
    (found,) = (each for each in outputs if isinstance(each, Decision) and each.kind == kind)
    return dict(found.fields)
