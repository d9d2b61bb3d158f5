"""From a scene of a session to the load that its channel must carry, and from a load to the rate it needs."""

from dataclasses import dataclass, replace

from testbed.channel import words
from testbed.channel.events import Demand, Load
from testbed.model.base import Direction
from testbed.model.channel import ChannelRequest, ResizePolicy
from testbed.model.scenario import Commands, Scene, Session

LARGEST_FRAME_NUMERATOR, LARGEST_FRAME_DENOMINATOR = 3, 2
"""No video frame exceeds 150 % of the mean (3GPP TR 38.838: a Gaussian truncated to 50 to 150 %)."""

_NS_PER_S = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Packets:
    """How an application cuts its messages: at most `payload_bytes` each, and what each packet adds to that.

    `overhead_bytes` is all that is charged to the channel besides: UDP, IP and Ethernet headers and the
    access link's encapsulation.
    """

    payload_bytes: int
    overhead_bytes: int

    def on_the_wire(self, message_bytes: int) -> int:
        """The bytes that a message takes with the headers of all its packets."""
        return message_bytes + max(1, _divide_up(message_bytes, self.payload_bytes)) * self.overhead_bytes


def demand_of_scene(name: str, session: Session, scene: Scene, packets: Packets) -> Demand:
    """What the session called `name` will send in a scene: frames down, commands and frames up."""
    return Demand(
        session=name,
        scene=scene.name,
        downstream=_load_of_frames(scene.rate_bps, session.frames_per_second, packets),
        upstream=_upstream(session, scene, packets),
    )


def _upstream(session: Session, scene: Scene, packets: Packets) -> Load:
    """Commands, and the player's own video if it sends any; the larger burst of the two sets the rate."""
    commands = _load_of_commands(session.commands, packets)
    if scene.upstream_bps is None:
        return commands
    video = _load_of_frames(scene.upstream_bps, session.frames_per_second, packets)
    larger = max(video, commands, key=lambda load: load.burst_bytes)
    return replace(larger, mean_bps=video.mean_bps + commands.mean_bps)


def _load_of_frames(rate_bps: int, frames_per_second: int, packets: Packets) -> Load:
    mean_bytes = _divide_up(rate_bps, 8 * frames_per_second)
    largest_bytes = _divide_up(
        rate_bps * LARGEST_FRAME_NUMERATOR, 8 * frames_per_second * LARGEST_FRAME_DENOMINATOR
    )
    return Load(
        mean_bps=packets.on_the_wire(mean_bytes) * 8 * frames_per_second,
        burst_bytes=packets.on_the_wire(largest_bytes),
        burst=f"a frame of {words.size(packets.on_the_wire(largest_bytes))}",
    )


def _load_of_commands(commands: Commands, packets: Packets) -> Load:
    wire_bytes = packets.on_the_wire(commands.size_bytes)
    return Load(
        mean_bps=_divide_up(wire_bytes * 8 * _NS_PER_S, commands.interval_ns),
        burst_bytes=wire_bytes,
        burst=f"a command of {words.size(wire_bytes)}",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """The rate that a policy wants, already within the channel's committed and peak, and why."""

    rate_bps: int
    reason: str


def need(request: ChannelRequest, direction: Direction, demand: Demand | None) -> Need:
    """The rate that a channel's policy wants in one direction.

    Signalled: enough for the load's largest burst within the serialisation time, and for its mean rate
    where that is more. Static, or before any demand is known: the committed rate.
    """
    bounds = request.towards(direction)
    if request.policy is ResizePolicy.STATIC:
        return Need(
            rate_bps=bounds.committed_bps, reason=f"static policy, {words.rate(bounds.committed_bps)}"
        )
    if demand is None:
        return Need(
            rate_bps=bounds.committed_bps,
            reason=f"no demand yet, {words.rate(bounds.committed_bps)} committed",
        )
    wanted_bps, reason = _signalled(request.serialisation_ns, demand.scene, demand.towards(direction))
    if wanted_bps > bounds.peak_bps:
        return Need(
            rate_bps=bounds.peak_bps, reason=f"{reason}, the peak rate is {words.rate(bounds.peak_bps)}"
        )
    if wanted_bps < bounds.committed_bps:
        committed = words.rate(bounds.committed_bps)
        return Need(rate_bps=bounds.committed_bps, reason=f"{reason}, the committed rate is {committed}")
    return Need(rate_bps=wanted_bps, reason=reason)


def _signalled(serialisation_ns: int, scene: str, load: Load) -> tuple[int, str]:
    burst_bps = _divide_up(load.burst_bytes * 8 * _NS_PER_S, serialisation_ns)
    if burst_bps < load.mean_bps:
        return load.mean_bps, f"scene {scene}: a mean load of {words.rate(load.mean_bps)}"
    within = words.duration(serialisation_ns)
    return burst_bps, f"scene {scene}: {load.burst} within {within} needs {words.rate(burst_bps)}"


def _divide_up(dividend: int, divisor: int) -> int:
    return -(-dividend // divisor)
