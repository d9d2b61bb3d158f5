"""Elastic channels: who is admitted, at which rate, and when the rate changes. Pure, so that a run replays.

A channel lives like this (a refused session may ask again):

    requested ──► admitted ──► active ◄──► resized ──► released
        └──────► refused

`decide(state, event, now_ns)` is the whole controller: events in, decisions and actions out. Applying the
actions to a kernel, and waking at `state.wake_at_ns`, is the caller's part.
"""

from testbed.channel.controller import decide
from testbed.channel.demand import Packets, demand_of_scene
from testbed.channel.events import (
    Close,
    Counted,
    Decision,
    Demand,
    Event,
    Extend,
    Load,
    Observation,
    Open,
    Output,
    Release,
    Request,
    Resize,
    Tick,
)
from testbed.channel.state import Channel, ChannelState, Lane, Link, Want

__all__ = [
    "Channel",
    "ChannelState",
    "Close",
    "Counted",
    "Decision",
    "Demand",
    "Event",
    "Extend",
    "Lane",
    "Link",
    "Load",
    "Observation",
    "Open",
    "Output",
    "Packets",
    "Release",
    "Request",
    "Resize",
    "Tick",
    "Want",
    "decide",
    "demand_of_scene",
]
