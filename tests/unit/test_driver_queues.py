"""What the queues with an AQM did is read where it is counted, and written down."""

from typing import Any

from fake_network import FakeEvents, FakeLoop, FakeNetwork, elastic, network_of

from testbed.driver.queues import Queues, managed_queues
from testbed.model.base import DOWNSTREAM, UPSTREAM
from testbed.model.network import Role
from testbed.model.pon import Aqm, Pon, TContClass
from testbed.net.queue_messages import QueueCounters
from testbed.pon.provision import FIRST_HOME, alloc_id_of

GOLD = TContClass.model_validate(
    {"onus": ["onu1"], "assured": "1 Mbit/s", "aqm": "cake", "downstream": {"aqm": "fq_codel"}}
)
PON = Pon(tconts={"gold": GOLD})


def network(*, upstream: str = "fifo", downstream: str = "fifo", pon: Pon | None = None) -> FakeNetwork:
    script = elastic()
    offers: dict[str, Any] = {
        "upstream": script.access.upstream.model_copy(update={"aqm": Aqm(upstream)}),
        "downstream": script.access.downstream.model_copy(update={"aqm": Aqm(downstream)}),
    }
    changes = {"access": script.access.model_copy(update=offers)} | ({"pon": pon} if pon else {})
    return network_of(script.model_copy(update=changes))


def test_a_network_of_fifos_has_no_managed_queue() -> None:
    assert managed_queues(network().plan) == {}


def test_every_home_s_queue_is_managed_in_the_direction_that_says_so() -> None:
    plan = network(upstream="l4s").plan
    homes = len(plan.network.having(Role.ONU))
    assert homes > 0
    found = managed_queues(plan)
    assert found.keys() == {(UPSTREAM, FIRST_HOME + home) for home in range(1, homes + 1)}


def test_the_queues_of_a_class_of_traffic_are_managed_each_in_its_way() -> None:
    minor = alloc_id_of(PON, "gold", 1)
    found = managed_queues(network(pon=PON).plan)
    assert {key: queue.aqm for key, queue in found.items()} == {
        (DOWNSTREAM, minor): Aqm.FQ_CODEL,
        (UPSTREAM, minor): Aqm.CAKE,
    }


def test_each_managed_queue_is_written_down_at_the_end() -> None:
    running = network(pon=PON)
    minor = alloc_id_of(PON, "gold", 1)
    running.queues = {
        (DOWNSTREAM, minor): QueueCounters("fq_codel", 3, 4),
        (UPSTREAM, minor): QueueCounters("cake", 5, 6),
    }
    events = FakeEvents()
    Queues(running, events, FakeLoop().clock).stop()  # type: ignore[arg-type]
    told = [
        (each["direction"], each["aqm"], each["discipline"], each["marks"], each["dropped_packets"])
        for each in events.written
    ]
    assert told == [(DOWNSTREAM, "fq_codel", "fq_codel", 3, 4), (UPSTREAM, "cake", "cake", 5, 6)]
