"""From a scene of a session to the load that its channel must carry."""

from dataclasses import dataclass, replace

from testbed.applications.game.model import Commands, Scene, Session
from testbed.channel import rounding
from testbed.channel.interface import OfferedLoad, SceneDemand

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
        return message_bytes + max(1, divide_up(message_bytes, self.payload_bytes)) * self.overhead_bytes


def demand_of_scene(name: str, session: Session, scene: Scene, packets: Packets) -> SceneDemand:
    """What the session called `name` will send in a scene: frames down, commands and frames up."""
    return SceneDemand(
        session=name,
        scene=scene.name,
        downstream=_load_of_frames(scene.rate_bps, session.frames_per_second, packets),
        upstream=_upstream(session, scene, packets),
    )


def _upstream(session: Session, scene: Scene, packets: Packets) -> OfferedLoad:
    """Commands, and the player's own video if it sends any; the larger burst of the two sets the rate."""
    commands = _load_of_commands(session.commands, packets)
    if scene.upstream_bps is None:
        return commands
    video = _load_of_frames(scene.upstream_bps, session.frames_per_second, packets)
    larger = max(video, commands, key=lambda load: load.burst_bytes)
    return replace(larger, mean_bps=video.mean_bps + commands.mean_bps)


def _load_of_frames(rate_bps: int, frames_per_second: int, packets: Packets) -> OfferedLoad:
    mean_bytes = divide_up(rate_bps, 8 * frames_per_second)
    largest_bytes = divide_up(
        rate_bps * LARGEST_FRAME_NUMERATOR, 8 * frames_per_second * LARGEST_FRAME_DENOMINATOR
    )
    return OfferedLoad(
        mean_bps=packets.on_the_wire(mean_bytes) * 8 * frames_per_second,
        burst_bytes=packets.on_the_wire(largest_bytes),
        burst=f"a frame of {rounding.size(packets.on_the_wire(largest_bytes))}",
    )


def _load_of_commands(commands: Commands, packets: Packets) -> OfferedLoad:
    wire_bytes = packets.on_the_wire(commands.size_bytes)
    return OfferedLoad(
        mean_bps=divide_up(wire_bytes * 8 * _NS_PER_S, commands.interval_ns),
        burst_bytes=wire_bytes,
        burst=f"a command of {rounding.size(wire_bytes)}",
    )


def divide_up(dividend: int, divisor: int) -> int:
    """A quotient, rounded up."""
    return -(-dividend // divisor)
