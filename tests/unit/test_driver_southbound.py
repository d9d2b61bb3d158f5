"""The controller of channels on a southbound side that is no tc: any that opens and resizes will do."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fake_network import EMPTY, FakeEvents, FakeLoop, elastic, network_of

from testbed.driver.bottlenecks import shared_links
from testbed.driver.channels import Channels
from testbed.driver.classes import first_port
from testbed.driver.flow_filters import FlowFilters
from testbed.driver.protocols import Placed
from testbed.driver.scenes import Scenes
from testbed.model.base import DOWNSTREAM, UPSTREAM, Direction
from testbed.net.messages import ClassCounters

MS = 1_000_000


@dataclass
class Bundles:
    """A network that knows rates by the names of sessions, and nothing of classes or filters."""

    done: list[str]
    rates_bps: dict[tuple[str, Direction], int]
    waiting: Counter[tuple[str, Direction]]

    def open(self, filters: FlowFilters, direction: Direction, rate_bps: int, queue_bytes: int) -> None:
        self.rates_bps[filters.session, direction] = rate_bps
        self.done.append(f"open {direction} for {filters.player}, queue {queue_bytes}")

    def resize(self, direction: Direction, rates_bps: Sequence[tuple[str, int]]) -> None:
        for session, rate_bps in rates_bps:
            self.rates_bps[session, direction] = rate_bps
        self.done.append(f"resize {direction} of {', '.join(session for session, _ in rates_bps)}")

    def close(self, session: str) -> None:
        self.done.append(f"close {session}")

    def remove_if_empty(self, session: str, direction: Direction) -> bool:
        if self.waiting[session, direction]:
            self.waiting[session, direction] -= 1
            return False
        del self.rates_bps[session, direction]
        return True

    def counters(self, direction: Direction) -> dict[str, ClassCounters]:
        return {session: EMPTY for session, way in self.rates_bps if way is direction}


def test_the_controller_runs_on_any_southbound_side() -> None:
    script = elastic()
    plan = network_of(script).plan
    bundles, loop, events = Bundles([], {}, Counter()), FakeLoop(), FakeEvents()
    links = shared_links(plan, script.access, ["home1"])
    channels = Channels(bundles, links, script.channels, loop, events)  # type: ignore[arg-type]
    scenes, session, over = Scenes(plan, channels), script.sessions["player"], list[str]()
    placed = Placed(name="player", session=session, node="edge", first_port=first_port(0))
    assert session.channel is not None

    scenes.request(0, placed)
    assert bundles.done == [
        f"open downstream for home1, queue {session.channel.downstream.queue_bytes}",
        f"open upstream for home1, queue {session.channel.upstream.queue_bytes}",
    ]
    opened_bps = channels.rate_bps("player", DOWNSTREAM)
    assert opened_bps == bundles.rates_bps["player", DOWNSTREAM]

    loop.pass_until(session.scenes[1].at_ns)
    scenes.enter(placed, session.scenes[1])
    assert bundles.done[2] == "resize downstream of player"
    assert bundles.rates_bps["player", DOWNSTREAM] == channels.rate_bps("player", DOWNSTREAM)
    assert bundles.rates_bps["player", DOWNSTREAM] > (opened_bps or 0)

    # Three packets wait when it is closed: it is asked again every millisecond.
    bundles.waiting["player", UPSTREAM] = 3
    scenes.release(placed, "the session has ended", lambda: over.append("player"))
    assert bundles.done[-1] == "close player"
    assert ([*bundles.rates_bps], over) == ([("player", UPSTREAM)], [])
    loop.pass_until(loop.now_ns + 3 * MS)
    assert (bundles.rates_bps, over) == ({}, ["player"])
    assert channels.rate_bps("player", UPSTREAM) is None
    assert events.kinds()[-2:] == ["net.close", "net.close"]
