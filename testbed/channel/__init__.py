"""Elastic channels: who is admitted, at which rate, and when the rate changes. Pure, so that a run replays.

A channel lives like this:

    requested ──► admitted ──► active ◄──► resized ──► released, expired or preempted
        └──────► refused

Admission holds its committed rates. Once it is provisioned it is active: it has its classes, and its share of
what is not committed, by its policy and its weight. Before that it takes its committed rates and no more,
is not resized, and goes without a trace in the network. Its lifetime counts from there, and can be extended.
A session that was refused, or whose channel has expired or was preempted, may not know it: what it says is
without effect, its release is not answered, and it may ask again.

`decide(state, event, now_ns)` is the whole controller: events in, decisions and actions out. Applying the
actions to a kernel, and waking at `state.wake_at_ns`, is the caller's part.
"""

from testbed.channel.controller import decide
from testbed.channel.interface import (
    ClassCounters,
    Close,
    CounterReadings,
    Decision,
    Event,
    Extend,
    OfferedLoad,
    Open,
    Output,
    Release,
    RequestChannel,
    Resize,
    SceneDemand,
    Tick,
)
from testbed.channel.policy import Answer, ChannelPolicy, Need, Observation
from testbed.channel.policy_registry import policy_called
from testbed.channel.state import Channel, ChannelState, Lane, Link, Want

__all__ = [
    "Answer",
    "Channel",
    "ChannelPolicy",
    "ChannelState",
    "ClassCounters",
    "Close",
    "CounterReadings",
    "Decision",
    "Event",
    "Extend",
    "Lane",
    "Link",
    "Need",
    "Observation",
    "OfferedLoad",
    "Open",
    "Output",
    "Release",
    "RequestChannel",
    "Resize",
    "SceneDemand",
    "Tick",
    "Want",
    "decide",
    "policy_called",
]
