"""What the channel controller decides is done to the network in the order that loses no packet."""

import pytest
from fake_network import FakeAssignment, FakeEvents, FakeLoop, FakeNetwork, elastic, network_of

from testbed.applications.script import Script
from testbed.driver.bottlenecks import shared_links
from testbed.driver.channels import Channels
from testbed.driver.classes import first_port
from testbed.driver.protocols import Placed
from testbed.driver.scenes import Scenes
from testbed.driver.tc_southbound import TcSouthbound
from testbed.model.base import DOWNSTREAM, UPSTREAM
from testbed.model.channel import ChannelRange
from testbed.plan.shaping import FIRST_CHANNEL

MS = 1_000_000
SECOND = 1000 * MS


class Run:
    """A session of the shipped scenario with its channel, and all there is to look at."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.network: FakeNetwork = network_of(script)
        self.loop, self.events = FakeLoop(), FakeEvents()
        self.assignment = FakeAssignment(self.network)
        links = shared_links(self.network.plan, script.access, ["home1", "home2"])
        self.channels = Channels(
            TcSouthbound(self.network, self.assignment),  # type: ignore[arg-type]
            links,
            script.channels,
            self.loop,  # type: ignore[arg-type]
            self.events,  # type: ignore[arg-type]
        )
        self.scenes = Scenes(self.network.plan, self.channels)
        self.over: list[str] = []

    def placed(self, name: str = "player", index: int = 0) -> Placed:
        session = self.script.sessions[name]
        return Placed(name=name, session=session, node="edge", first_port=first_port(index))

    def request(self, name: str = "player", index: int = 0) -> None:
        self.scenes.request(index, self.placed(name, index))

    def enter(self, scene: int) -> None:
        session = self.script.sessions["player"]
        self.loop.pass_until(session.scenes[scene].at_ns)
        self.scenes.enter(self.placed(), session.scenes[scene])

    def release(self, name: str = "player") -> None:
        self.scenes.release(self.placed(name), "the session has ended", lambda: self.over.append(name))


@pytest.fixture
def run() -> Run:
    return Run(elastic())


def rates(done: list[str], verb: str, direction: str) -> list[int]:
    return [int(each.split()[2]) for each in done if each.startswith(f"{verb} {direction} ")]


def test_a_channel_opens_at_what_its_first_scene_needs(run: Run) -> None:
    """The lobby's largest frame within 1 ms of serialisation; upstream the committed rate suffices."""
    run.request()
    frame_bytes = -(-8_000_000 * 3 // (8 * 60 * 2))  # 25 kB, 150 % of the mean
    packets = -(-frame_bytes // 1400)
    wire_bytes = frame_bytes + packets * (42 + 12)  # Ethernet, IP and UDP, and the XGEM encapsulation
    assert run.network.done == [f"open downstream {wire_bytes * 8000}", "open upstream 20000000"]
    assert run.channels.rate_bps("player", DOWNSTREAM) == wire_bytes * 8000


def test_its_packets_are_sent_there_between_its_two_hosts_only(run: Run) -> None:
    run.request()
    (down,), (up,) = (run.network.filters[direction, 1] for direction in (DOWNSTREAM, UPSTREAM))
    assert (down.source, down.destination) == ("10.2.0.1", "10.1.1.1")
    assert (up.source, up.destination) == ("10.1.1.1", "10.2.0.1")
    assert down.source_ports == up.destination_ports == ((40_000, 40_003),)
    assert down.destination_ports == up.source_ports == ()
    assert down.udp
    assert up.udp
    assert down.minor == up.minor == FIRST_CHANNEL


def test_the_rate_has_grown_before_the_scene_is_answered(run: Run) -> None:
    run.request()
    before_bps = run.channels.rate_bps("player", DOWNSTREAM)
    run.enter(2)
    assert before_bps is not None
    (grown_bps,) = rates(run.network.done, "resize", "downstream")
    assert grown_bps > 5 * before_bps
    assert run.channels.rate_bps("player", DOWNSTREAM) == grown_bps
    assert run.network.classes[DOWNSTREAM, FIRST_CHANNEL].rate_bps == grown_bps


def test_the_rate_shrinks_only_when_the_demand_has_been_lower_for_the_hold_time(run: Run) -> None:
    run.request()
    run.enter(2)
    run.enter(4)
    grown_bps = run.channels.rate_bps("player", DOWNSTREAM)
    at_ns = run.loop.now_ns
    run.loop.pass_until(at_ns + 500 * MS - 1)
    assert run.channels.rate_bps("player", DOWNSTREAM) == grown_bps
    run.loop.pass_until(at_ns + 500 * MS)
    (first_bps, *_) = rates(run.network.done, "open", "downstream")
    assert run.channels.rate_bps("player", DOWNSTREAM) == first_bps


def test_the_demand_of_a_session_is_known_with_and_without_a_channel() -> None:
    script = load_without_channel()
    run = Run(script)
    run.request()
    run.enter(0)
    lobby_bps = run.scenes.demand_bps("player", DOWNSTREAM)
    run.enter(2)
    rich_bps = run.scenes.demand_bps("player", DOWNSTREAM)
    assert lobby_bps is not None
    assert rich_bps is not None
    assert 8_000_000 < lobby_bps < 9_000_000
    assert 45_000_000 < rich_bps < 50_000_000
    assert run.network.done == []
    assert run.channels.rate_bps("player", DOWNSTREAM) is None


def load_without_channel() -> Script:
    script = elastic()
    session = script.sessions["player"].model_copy(update={"channel": None})
    return elastic(sessions={"player": session})


def test_a_session_without_a_channel_is_over_at_once() -> None:
    run = Run(load_without_channel())
    run.request()
    run.release()
    assert run.over == ["player"]
    assert run.network.done == []
    assert run.scenes.demand_bps("player", DOWNSTREAM) is None


def test_the_filters_go_before_the_classes_and_classes_only_when_empty(run: Run) -> None:
    run.request()
    run.network.backlog = {(DOWNSTREAM, FIRST_CHANNEL): 9000}
    run.network.done.clear()
    run.release()
    assert run.network.done == ["unmatch downstream", "unmatch upstream", "remove upstream"]
    assert run.over == []
    run.loop.pass_until(run.loop.now_ns + 20 * MS)
    assert run.over == []
    run.network.backlog.clear()
    run.loop.pass_until(run.loop.now_ns + 2 * MS)
    assert run.network.done[-1] == "remove downstream"
    assert run.over == ["player"]
    assert run.network.classes == {}
    assert run.loop.timers == []


def test_the_network_tells_when_a_class_goes_with_packets_in_it(run: Run) -> None:
    """The control: without the wait for an empty queue, this is what would have been done."""
    run.request()
    shaped = run.network.classes[DOWNSTREAM, FIRST_CHANNEL]
    run.network.backlog = {(DOWNSTREAM, FIRST_CHANNEL): 9000}
    run.network.unmatch(DOWNSTREAM, 1)
    run.network.remove(DOWNSTREAM, shaped)
    assert run.network.done[-1] == "remove downstream losing 9000 bytes"


def test_every_decision_is_written_before_what_it_leads_to(run: Run) -> None:
    run.request()
    run.enter(2)
    run.release()
    assert run.events.kinds() == [
        "channel.admit", "channel.active", "net.open", "net.open",
        "channel.resize", "net.resize",
        "channel.release", "net.close", "net.close",
    ]  # fmt: skip
    assert all(event["reason"] for event in run.events.written if event["kind"].startswith("channel."))


def crowded() -> Script:
    """A second session whose committed rate does not fit beside what else there is."""
    script = elastic()
    player = script.sessions["player"]
    assert player.channel is not None
    huge = ChannelRange(committed_bps=42 * 10**9, peak_bps=42 * 10**9, queue_bytes=1000)
    greedy = player.model_copy(
        update={"player": "home2", "channel": player.channel.model_copy(update={"downstream": huge})}
    )
    return elastic(sessions={"player": player, "greedy": greedy})


def test_a_refused_session_has_no_class_and_goes_on_in_its_home_s() -> None:
    run = Run(crowded())
    run.request()
    before = list(run.network.done)
    run.request("greedy", index=1)
    assert run.network.done == before
    assert run.events.kinds()[-1] == "channel.refuse"
    assert run.channels.rate_bps("greedy", DOWNSTREAM) is None
    run.release("greedy")
    assert run.over == ["greedy"]
    assert run.channels.rate_bps("player", DOWNSTREAM) is not None


def test_two_channels_have_classes_filters_and_ports_of_their_own() -> None:
    script = elastic()
    player = script.sessions["player"]
    run = Run(elastic(sessions={"player": player, "other": player.model_copy(update={"player": "home2"})}))
    run.request()
    run.request("other", index=1)
    assert {minor for _, minor in run.network.classes} == {FIRST_CHANNEL, FIRST_CHANNEL + 1}
    ports = {match.source_ports or match.destination_ports for (match,) in run.network.filters.values()}
    assert ports == {((40_000, 40_003),), ((40_004, 40_007),)}
    run.release()
    assert {minor for _, minor in run.network.classes} == {FIRST_CHANNEL + 1}
