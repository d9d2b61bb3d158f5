"""What one event costs the channel controller: milliseconds at 100, 1,000 and 10,000 channels.

64 homes behind one PON, a metro link and 8 nodes, in both directions, with rates such that every home's
port, the PON and half of the nodes are contested: the dearest case, in which one demand moves the rates of
all. `share` is one full sharing of one direction; the others are whole decisions of the controller. Nothing
here touches a network.

    .venv/bin/python bench/channel_sharing.py [--repeat 5] [channels ...]
"""

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from random import Random

from testbed.channel import (
    Channel,
    ChannelState,
    ClassCounters,
    CounterReadings,
    Event,
    Link,
    OfferedLoad,
    Release,
    RequestChannel,
    Resize,
    SceneDemand,
    Tick,
    decide,
)
from testbed.channel.max_min import share
from testbed.model.base import DOWNSTREAM, Direction
from testbed.model.channel import ChannelRange, ChannelRequest, ResizePolicy

HOMES, NODES = 64, 8
MS = 1_000_000
COUNTS = (100, 1_000, 10_000)


def links(per_channel_bps: int, channels: int) -> tuple[Link, ...]:
    """Homes, PON, metro and nodes, with so much for each channel on the PON."""
    pon_bps = per_channel_bps * channels
    capacities = {"pon": pon_bps, "metro": pon_bps * 2}
    capacities |= {f"home{n}": pon_bps * (60 + n) // (60 * HOMES) for n in range(HOMES)}
    capacities |= {f"node{n}": pon_bps * (2 + n % 2 * 14) // (6 * NODES) for n in range(NODES)}
    return tuple(
        Link(name=name, direction=direction, capacity_bps=capacity_bps)
        for name, capacity_bps in capacities.items()
        for direction in Direction
    )


def request(index: int, policy: ResizePolicy, random: Random) -> RequestChannel:
    """A channel of a home to a node."""
    bounds = ChannelRange(committed_bps=100_000, peak_bps=1_000_000_000, queue_bytes=100_000)
    channel = ChannelRequest(
        policy=policy,
        downstream=bounds,
        upstream=bounds,
        serialisation_ns=MS,
        hold_ns=500 * MS,
        weight=random.choice((1, 1, 1, 2, 3, 5)),
    )
    path = (f"home{index % HOMES}", "pon", "metro", f"node{random.randrange(NODES)}")
    name = f"s{index}"
    return RequestChannel(session=name, channel=channel, links=path, demand=demand(name, random))


def demand(session: str, random: Random) -> SceneDemand:
    """A scene, from a tenth of what there is for each channel to ten times that."""
    load = OfferedLoad(mean_bps=random.randrange(200_000, 20_000_000), burst_bytes=0, burst="nothing")
    return SceneDemand(session=session, scene="s", downstream=load, upstream=load)


def filled(channels: int, policy: ResizePolicy) -> ChannelState:
    """A state with so many channels, all just opened.

    Each is admitted to a network of its own and then put beside the others, which is what admitting them one
    after another comes to, but for sharing the links anew for each.
    """
    random = Random(f"{channels}/{policy}")
    empty = ChannelState(links=links(2_000_000, channels), provisioning_ns=1)
    holders: dict[str, Channel] = {}
    promised_bps: Counter[tuple[str, Direction]] = Counter()
    for index in range(channels):
        alone, _ = decide(empty, request(index, policy, random), 0)
        holders |= alone.holders
        promised_bps.update(alone.promised_bps)
    together = replace(
        empty, holders=holders, promised_bps=dict(promised_bps), due_at_ns=dict.fromkeys(holders, 1)
    )
    return decide(together, Tick(), 1)[0]


def observation(state: ChannelState, random: Random) -> CounterReadings:
    """The counters of all channels, each with a load of its own."""

    def counted() -> ClassCounters:
        waits_bytes = random.choice((0, 3000))
        return ClassCounters(
            interval_ns=5 * MS, sent_bytes=random.randrange(50_000), backlog_bytes=waits_bytes
        )

    return CounterReadings(counted={session: (counted(), counted()) for session in state.holders})


def observed(state: ChannelState, random: Random) -> tuple[ChannelState, CounterReadings]:
    """A state that has seen its loads, and the same loads once more, with nothing waiting."""
    first = observation(state, random)
    state, _ = decide(state, first, 6 * MS)
    again = {
        session: (replace(down, backlog_bytes=0), replace(up, backlog_bytes=0))
        for session, (down, up) in first.counted.items()
    }
    return decide(state, CounterReadings(counted=again), 7 * MS)[0], CounterReadings(counted=again)


def milliseconds(work: Callable[[], object], repeat: int) -> float:
    """The best of some repetitions, in processor time: what the machine does besides only adds."""
    best = float("inf")
    for _ in range(repeat):
        begun = time.process_time()
        work()
        best = min(best, time.process_time() - begun)
    return best * 1000


def cases(channels: int) -> Iterator[tuple[str, ChannelState, Event]]:
    """What is measured: a name, a state and an event."""
    random = Random(channels)
    signalled = filled(channels, ResizePolicy.SIGNALLED)
    yield "request", signalled, request(channels, ResizePolicy.SIGNALLED, random)
    yield "demand", signalled, demand("s1", random)
    yield "release", signalled, Release(session="s1", reason="end")
    yield "tick, nothing due", signalled, Tick()
    for policy in (ResizePolicy.MEASURED, ResizePolicy.PREDICTIVE):
        fresh = filled(channels, policy)
        steady, again = observed(fresh, random)
        yield f"observation of all, {policy}: as before", steady, again
        yield f"observation of all, {policy}: all new", fresh, observation(fresh, random)


def measure(channels: int, repeat: int) -> Iterator[tuple[str, float, int]]:
    """What each event costs, and how many lanes it resized."""
    for number, (name, state, event) in enumerate(cases(channels)):
        if not number:
            down = [link for link in state.links if link.direction is DOWNSTREAM]
            lanes = state.lanes(DOWNSTREAM)
            yield "share, one direction", milliseconds(partial(share, down, lanes), repeat), 0
        resized = sum(isinstance(each, Resize) for each in decide(state, event, 10 * MS)[1])
        yield name, milliseconds(partial(decide, state, event, 10 * MS), repeat), resized


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description="What one event costs the channel controller.")
    parser.add_argument("channels", nargs="*", type=int, default=COUNTS)
    parser.add_argument("--repeat", type=int, default=5)
    arguments = parser.parse_args()
    print(f"{'channels':>9}  {'event':<44}{'ms':>9}  {'resized':>8}")
    for channels in arguments.channels:
        for name, taken_ms, resized in measure(channels, arguments.repeat):
            print(f"{channels:>9}  {name:<44}{taken_ms:>9.2f}  {resized:>8}")


if __name__ == "__main__":
    main()
