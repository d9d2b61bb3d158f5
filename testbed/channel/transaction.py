"""One event's work on a state: a draft that may be changed, and at its end all links shared anew.

What comes out is in the order of its effect: whatever gives a rate up before whatever takes it, so that
applying the outputs one by one never oversells a link.
"""

from dataclasses import replace
from typing import Any

from testbed.channel import reasons
from testbed.channel.interface import Close, Decision, Open, Output, Resize
from testbed.channel.max_min import share
from testbed.channel.reasons import Change
from testbed.channel.state import DIRECTIONS, Channel, ChannelState, Lane, unknown_session
from testbed.model.base import Direction

_NOTHING = (None, None)


class Transaction:
    """A state while an event is worked on. The state that it began with stays as it was."""

    def __init__(self, state: ChannelState, now_ns: int) -> None:
        self._before, self.now_ns = state, now_ns
        self.holders = dict(state.holders)
        self.refused = state.refused
        self.promised_bps = dict(state.promised_bps)
        self._due_at_ns = dict(state.due_at_ns)
        self._memories = dict(state.memories)
        self._first: list[Output] = []
        self._admitted: list[Decision] = []
        self._opening: dict[str, None] = {}
        self._newcomers: dict[str, None] = {}
        self._touched: set[Direction] = set()
        self.asking_session: str | None = None

    def channel(self, session: str) -> Channel:
        """The channel of a session; InvariantError if it has none."""
        if session not in self.holders:
            raise unknown_session(session, self.holders)
        return self.holders[session]

    def memories(self, session: str) -> tuple[Any, Any]:
        """What a channel's policy remembers, by direction."""
        return self._memories.get(session, _NOTHING)

    def remember(self, session: str, memories: tuple[Any, Any]) -> None:
        """Remember this for a channel's policy."""
        if memories != _NOTHING:
            self._memories[session] = memories

    def emit(self, *outputs: Output) -> None:
        """Say something before any rate changes."""
        self._first += outputs

    def admit(self, channel: Channel, decision: Decision) -> None:
        """Hold the committed rates for a channel, and say so once others have given way."""
        self._admitted.append(decision)
        self._newcomers[channel.session] = None
        self.refused -= {channel.session}
        self._promise(channel, 1)
        self._touched.update(DIRECTIONS)
        self.put(channel)

    def open(self, session: str) -> None:
        """Make a channel active: from here on it has its share, and its classes."""
        channel = self.holders[session]
        down, up = (lane.opened(self.now_ns) for lane in channel.lanes)
        self.put(replace(channel, lanes=(down, up), opened_at_ns=self.now_ns))
        self._opening[session] = None
        self._touched.update(DIRECTIONS)

    def remove(self, session: str, decision: Decision) -> None:
        """Take a channel away, with its classes if they were made."""
        channel = self.holders.pop(session)
        self._promise(channel, -1)
        self._due_at_ns.pop(session, None)
        self._memories.pop(session, None)
        self._touched.update(DIRECTIONS)
        self.emit(decision)
        if self._opening.pop(session, self) is self and channel.opened_at_ns is not None:
            self.emit(Close(session=session))

    def put(self, channel: Channel) -> None:
        """Replace a channel by a changed one."""
        self.holders[channel.session] = channel
        wake_at_ns = channel.wake_at_ns
        if wake_at_ns is None:
            self._due_at_ns.pop(channel.session, None)
        else:
            self._due_at_ns[channel.session] = wake_at_ns

    def update_lanes(self, channel: Channel, lanes: tuple[Lane, Lane]) -> None:
        """Replace a channel's lanes by ones with other wants; what counts may have changed with them."""
        for old, new in zip(channel.lanes, lanes, strict=True):
            if new.is_open and (new.need is not old.need or new.session == self.asking_session):
                self._touched.add(new.direction)
        if lanes[0] is not channel.lanes[0] or lanes[1] is not channel.lanes[1]:
            self.put(channel.with_lanes(*lanes))

    def commit(self) -> tuple[ChannelState, list[Output]]:
        """Share the links anew where anything changed: the new state, and all that was and is to be said."""
        changes = [change for direction in DIRECTIONS for change in self._share(direction)]
        lanes: dict[str, list[Lane]] = {}
        for change in changes:
            session, old = change.lane.session, change.lane
            new = old.resized(change.to_bps)
            pair = lanes.setdefault(session, [*self.holders[session].lanes])
            pair[DIRECTIONS.index(old.direction)] = new
        for session, (down, up) in lanes.items():
            self.holders[session] = self.holders[session].with_lanes(down, up)
        outputs = [*self._first, *self._outputs(changes)]
        state = ChannelState(
            links=self._before.links,
            provisioning_ns=self._before.provisioning_ns,
            holders=self.holders,
            refused=self.refused,
            promised_bps=self.promised_bps,
            due_at_ns=self._due_at_ns,
            memories=self._memories,
            at_ns=self.now_ns,
        )
        return state, outputs

    def _promise(self, channel: Channel, sign: int) -> None:
        for lane in channel.lanes:
            for name in lane.links:
                key = (name, lane.direction)
                self.promised_bps[key] = self.promised_bps.get(key, 0) + sign * lane.committed_bps

    def _share(self, direction: Direction) -> list[Change]:
        """What changes in one direction, and the lanes that are told of though they do not change."""
        if direction not in self._touched:
            return []
        lanes = [channel.towards(direction) for channel in self.holders.values()]
        shares = share([link for link in self._before.links if link.direction is direction], lanes)
        told = {*self._opening, self.asking_session}
        return [
            Change(lane=lane, to_bps=to_bps, limit=shares.limits.get(index))
            for index, (lane, to_bps) in enumerate(zip(lanes, shares.rates_bps, strict=True))
            if to_bps != lane.rate_bps or lane.session in told
        ]

    def _outputs(self, changes: list[Change]) -> list[Output]:
        shrinking: list[Output] = []
        growing: list[Output] = []
        opening: dict[str, list[Change]] = {session: [] for session in self._opening}
        winners = reasons.Winners(changes, self._reserved())
        for change in changes:
            lane = change.lane
            if lane.session in opening:
                opening[lane.session].append(change)
            elif change.to_bps < lane.rate_bps:
                shrinking += _resized(change, reasons.why_less(change, winners))
            elif change.to_bps > lane.rate_bps:
                growing += _resized(change, reasons.why_this_much(change))
            elif lane.is_open and change.limit is not None:
                growing.append(reasons.starved(change))
        opened = [output for session, both in opening.items() for output in self._opened(session, both)]
        return [*shrinking, *self._admitted, *opened, *growing]

    def _reserved(self) -> list[Lane]:
        """The lanes of those that are new, with the committed rates that others make room for."""
        return [lane for session in self._newcomers for lane in self.holders[session].lanes]

    def _opened(self, session: str, changes: list[Change]) -> list[Output]:
        request = self.holders[session].request
        opens = [
            Open(
                session=session,
                direction=each.lane.direction,
                rate_bps=each.to_bps,
                queue_bytes=request.towards(each.lane.direction).queue_bytes,
            )
            for each in changes
        ]
        return [reasons.active(session, changes), *opens]


def _resized(change: Change, reason: str) -> list[Output]:
    lane = change.lane
    resize = Resize(
        session=lane.session, direction=lane.direction, from_bps=lane.rate_bps, to_bps=change.to_bps
    )
    fields = {
        "session": resize.session,
        "direction": resize.direction,
        "from_bps": resize.from_bps,
        "to_bps": resize.to_bps,
        "reason": reason,
    }
    return [Decision(kind="channel.resize", fields=fields), resize]
