"""A plan decides addresses, forwarding, routes and queues so that every packet finds its port and class."""

from ipaddress import IPv4Address, IPv4Network

import pytest

from testbed.model.access import Access, Subscription
from testbed.model.base import DOWNSTREAM, UPSTREAM, Direction
from testbed.model.network import Network, Role
from testbed.plan.make import make_plan
from testbed.plan.network_plan import Match, NetworkPlan
from testbed.plan.paths import way
from testbed.plan.shaping import (
    FIRST_CHANNEL,
    FIRST_HOME,
    HOME_ORDER,
    LINE,
    UNCLASSIFIED,
    burst_bytes,
    channel_class,
    quantum_bytes,
)
from topologies import elastic_access, pon_tree

ACCESS = Access(
    downstream=Subscription(rate_bps=100_000_000, committed_bps=20_000_000, queue_bytes=770_000),
    upstream=Subscription(rate_bps=50_000_000, committed_bps=0, queue_bytes=318_000),
)
RATES_BPS = [10**8, 10**9, 2_500_000_000, 10**10, 25 * 10**9, 50 * 10**9]


def network(**parameters: object) -> Network:
    return elastic_access.network(elastic_access.Parameters.model_validate(parameters))


@pytest.fixture(scope="module")
def plan() -> NetworkPlan:
    return make_plan(network(onus=3, devices={"onu2": ["tv", "tablet"]}), ACCESS)


def test_an_address_tells_the_home_and_the_device_or_the_node(plan: NetworkPlan) -> None:
    assert {address.host: address.ip for address in plan.addresses} == {
        "home1": "10.1.1.1",
        "home2": "10.1.2.1",
        "tv": "10.1.2.2",
        "tablet": "10.1.2.3",
        "home3": "10.1.3.1",
        "node1": "10.2.0.1",
        "node2": "10.2.0.2",
        "node3": "10.2.0.3",
    }


def test_a_mac_repeats_the_address() -> None:
    assert make_plan(network(onus=17)).address("home17").mac == "02:00:0a:01:11:01"


def test_no_two_ports_share_a_name_or_a_mac() -> None:
    plan = make_plan(network(onus=128, split=128, pon="XGS-PON"))
    for values in ([i.name for i in plan.interfaces], [i.mac for i in plan.interfaces]):
        assert len(values) == len(set(values))


def test_many_hosts_have_valid_addresses_of_their_own() -> None:
    nodes = {f"n{number}": {"delay": "1 ms"} for number in range(40)}
    devices = {"onu1": [f"d{number}" for number in range(253)]}
    plan = make_plan(network(nodes=nodes, devices=devices))
    ips = [IPv4Address(address.ip) for address in plan.addresses]
    assert len(ips) == len(set(ips)) == 40 + 4 + 253
    with pytest.raises(ValueError, match="at most 253"):
        network(devices={"onu1": [f"d{number}" for number in range(254)]})


def test_every_bridge_sends_every_host_s_frames_towards_it(plan: NetworkPlan) -> None:
    """Followed hop by hop from every host to every other, over the entries alone."""
    entries = {(entry.bridge, entry.mac): entry.interface for entry in plan.forwarding}
    assert len(entries) == len(plan.forwarding)
    ports = {interface.name: interface for interface in plan.interfaces}
    for source in plan.addresses:
        for destination in plan.addresses:
            if source == destination:
                continue
            port = next(each for each in plan.interfaces if each.station == source.host)
            passed = [source.host]
            while port.peer_station != destination.host:
                assert port.peer_station not in passed
                passed.append(port.peer_station)
                port = ports[entries[port.peer_station, destination.mac]]
            assert len(passed) <= len(plan.network.stations)


def test_nothing_is_forwarded_back_to_where_a_host_is_not(plan: NetworkPlan) -> None:
    """The control: at the OLT a home is beyond the splitter and a node beyond the metro, never both."""
    olt = {entry.mac: entry.interface for entry in plan.forwarding if entry.bridge == "olt"}
    assert olt[plan.address("home1").mac] == "olt-eth0"
    assert olt[plan.address("node1").mac] == "olt-eth1"
    assert len(olt) == len(plan.addresses)


def test_nodes_of_a_mesh_route_to_each_other_over_their_own_wire(plan: NetworkPlan) -> None:
    routes = {(route.host, route.destination_ip): route for route in plan.direct_routes}
    assert len(routes) == 6
    for source, destination in (("node1", "node3"), ("node3", "node1"), ("node2", "node3")):
        route = routes[source, plan.address(destination).ip]
        port = plan.interface(route.interface)
        assert (port.station, port.peer_station) == (source, destination)
        assert route.mac == plan.interface(port.peer_name).mac
        assert [hop.there for hop in way(plan.network, source, destination)] == [destination]


def test_hosts_without_a_wire_between_them_have_no_direct_route() -> None:
    assert make_plan(pon_tree.network(pon_tree.Parameters())).direct_routes == ()


@pytest.mark.parametrize("direction", [DOWNSTREAM, UPSTREAM])
def test_a_home_has_its_subscription_in_each_direction(plan: NetworkPlan, direction: Direction) -> None:
    port = plan.pon_port(direction)
    assert port.station == ("olt" if direction is DOWNSTREAM else "splitter")
    offer = ACCESS.towards(direction)
    line, unclassified, *homes = port.classes
    assert (line.minor, line.queue_bytes, line.rate_bps) == (LINE, None, line.ceil_bps)
    assert unclassified.minor == port.default_minor == UNCLASSIFIED
    assert [home.minor for home in homes] == [FIRST_HOME + number for number in (1, 2, 3)]
    for home in homes:
        assert home.parent == LINE
        assert home.rate_bps == max(offer.committed_bps, 8_000)
        assert (home.ceil_bps, home.queue_bytes) == (offer.rate_bps, offer.queue_bytes)
        assert home.priority < unclassified.priority


def test_what_is_promised_to_the_homes_and_to_strangers_fits_the_line(plan: NetworkPlan) -> None:
    line, *rest = plan.pon_port(DOWNSTREAM).classes
    assert sum(each.rate_bps for each in rest) <= line.rate_bps


def test_a_subscription_beyond_the_line_is_the_line() -> None:
    much = Subscription(rate_bps=10**12, committed_bps=0, queue_bytes=1000)
    plan = make_plan(network(pon="XG-PON"), Access(downstream=much, upstream=much))
    line, _, *homes = plan.pon_port(UPSTREAM).classes
    assert {home.ceil_bps for home in homes} == {line.rate_bps}


def matched(matches: tuple[Match, ...], source: str, destination: str) -> set[int]:
    """The classes of all filters that a packet matches."""
    return {
        match.minor
        for match in matches
        if (match.source is None or IPv4Address(source) in IPv4Network(match.source))
        and (match.destination is None or IPv4Address(destination) in IPv4Network(match.destination))
    }


def test_every_packet_of_a_home_goes_to_its_class_and_no_other(plan: NetworkPlan) -> None:
    homes = {"home1": 1, "home2": 2, "tv": 2, "tablet": 2, "home3": 3}
    node = plan.address("node1").ip
    for host, number in homes.items():
        ip = plan.address(host).ip
        assert matched(plan.pon_port(DOWNSTREAM).matches, node, ip) == {FIRST_HOME + number}
        assert matched(plan.pon_port(UPSTREAM).matches, ip, node) == {FIRST_HOME + number}


def test_a_filter_looks_at_the_home_s_end_of_a_packet_only(plan: NetworkPlan) -> None:
    """The control: with source and destination exchanged, nothing matches."""
    node, home = plan.address("node1").ip, plan.address("home1").ip
    assert matched(plan.pon_port(DOWNSTREAM).matches, home, node) == set()
    assert matched(plan.pon_port(UPSTREAM).matches, node, home) == set()


def test_the_filters_of_channels_are_tried_before_those_of_homes(plan: NetworkPlan) -> None:
    assert {match.order for match in plan.pon_port(UPSTREAM).matches} == {HOME_ORDER}
    assert HOME_ORDER > FIRST_CHANNEL


def test_only_the_line_of_a_pon_has_filters(plan: NetworkPlan) -> None:
    for port in plan.interfaces:
        assert bool(port.matches) == (port.pon is not None)
        if port.classes and port.pon is None:
            assert [shaped.minor for shaped in port.classes] == [port.default_minor] == [LINE]


@pytest.mark.parametrize("rate_bps", RATES_BPS)
def test_a_burst_is_ten_microseconds_of_the_rate_but_never_less_than_two_frames(rate_bps: int) -> None:
    burst = burst_bytes(rate_bps)
    assert burst == max(3028, rate_bps // 800_000)
    assert burst * 8 * 10**9 / rate_bps <= max(10_000, 3028 * 8 * 10**9 / rate_bps)


@pytest.mark.parametrize("rate_bps", RATES_BPS)
def test_a_quantum_takes_a_whole_frame_and_stays_within_what_htb_accepts(rate_bps: int) -> None:
    """Below 1000 or above 200,000 bytes the kernel warns and takes its own (net/sched/sch_htb.c)."""
    assert 1514 < quantum_bytes(rate_bps) <= 60_000
    assert quantum_bytes(8_000) == 1600


@pytest.mark.parametrize("rate_bps", RATES_BPS)
def test_a_channel_has_its_rate_for_itself_and_goes_first(plan: NetworkPlan, rate_bps: int) -> None:
    line, _, home, *_ = plan.pon_port(DOWNSTREAM).classes
    channel = channel_class(line, 3, rate_bps, 1_000_000, "player")
    assert (channel.minor, channel.parent) == (FIRST_CHANNEL + 3, LINE)
    assert channel.rate_bps == channel.ceil_bps == rate_bps
    assert (channel.burst_bytes, channel.quantum_bytes) == (burst_bytes(rate_bps), quantum_bytes(rate_bps))
    assert channel.overhead_bytes == line.overhead_bytes > 0
    assert channel.priority < home.priority


def test_no_minor_number_of_the_largest_pon_is_taken_twice() -> None:
    plan = make_plan(network(onus=128, split=128, pon="XGS-PON"))
    for direction in (DOWNSTREAM, UPSTREAM):
        minors = [shaped.minor for shaped in plan.pon_port(direction).classes]
        assert len(minors) == len(set(minors)) == 130
        assert max(minors) < FIRST_CHANNEL


def test_what_is_not_there_is_a_key_error(plan: NetworkPlan) -> None:
    for ask in (
        lambda: plan.interface("olt-eth9"),
        lambda: plan.address("olt"),
        lambda: make_plan(Network(name="bare", stations=(), wires=())).pon_port(UPSTREAM),
    ):
        with pytest.raises(KeyError):
            ask()


def test_a_host_has_one_address_however_many_ports_it_has(plan: NetworkPlan) -> None:
    hosts = plan.network.having(Role.HOME, Role.COMPUTE)
    assert [address.host for address in plan.addresses] == [host.name for host in hosts]
    first = next(each for each in plan.interfaces if each.station == "node1")
    assert plan.address("node1").mac == first.mac
