"""Who may be connected, and who gives way: decided without a socket."""

from dataclasses import dataclass, field

from testbed.api.connection_limits import ClientConnections, ConnectionLimits

LIMITS = ConnectionLimits(most=4, most_of_address=2, patience_s=1.0)


@dataclass(eq=False)
class Client:
    """A connection that does as it is told."""

    address: str
    waiting_since_s: float = 0.0
    is_working: bool = False
    gone: list[str] = field(default_factory=list)

    def close_for_newcomer(self) -> None:
        self.gone.append("gone")


def full() -> tuple[ClientConnections[Client], list[Client]]:
    """A connections with no room at all: two of one address, and one each of two others."""
    connections, clients = (
        ClientConnections[Client](LIMITS),
        [Client(name, at) for at, name in enumerate("aabc")],
    )
    assert all(connections.admit(client, client.waiting_since_s) for client in clients)
    return connections, clients


def test_while_there_is_room_nobody_gives_way() -> None:
    _connections, clients = full()
    assert not any(client.gone for client in clients)


def test_an_address_that_has_its_share_gives_up_its_own_that_has_waited_longest() -> None:
    connections, clients = full()
    assert connections.admit(Client("a", 10.0), 10.0)
    assert [bool(client.gone) for client in clients] == [True, False, False, False]


def test_a_newcomer_of_another_address_takes_the_place_of_one_of_whom_most_are_there() -> None:
    connections, clients = full()
    assert connections.admit(Client("d", 10.0), 10.0)
    assert [bool(client.gone) for client in clients] == [True, False, False, False]
    assert connections.admit(Client("e", 10.0), 10.0)
    assert sum(bool(client.gone) for client in clients) == 2


def test_who_works_or_has_come_just_now_stays_and_the_newcomer_goes() -> None:
    connections, clients = full()
    clients[0].is_working = True
    clients[1].waiting_since_s = 9.5
    newcomer = Client("a", 10.0)
    assert not connections.admit(newcomer, 10.0)
    assert not any(client.gone for client in clients)
    connections.leave(newcomer)
    clients[0].is_working = False
    assert connections.admit(newcomer, 10.0)
    assert clients[0].gone


def test_whoever_leaves_makes_room() -> None:
    connections, clients = full()
    connections.leave(clients[1])
    assert connections.admit(Client("a", 0.0), 0.0)
    assert not any(client.gone for client in clients)


def test_one_address_cannot_have_more_than_its_share_however_it_tries() -> None:
    connections = ClientConnections[Client](LIMITS)
    there = []
    for at in range(100):
        client = Client("a", at / 10)
        if connections.admit(client, at / 10):
            there.append(client)
        assert sum(not each.gone for each in there) <= LIMITS.most_of_address
    assert connections.admit(Client("b", 10.0), 10.0)


def test_so_many_refused_connections_are_answered_and_no_more() -> None:
    connections = ClientConnections[Client](LIMITS)
    assert not connections.is_overrun(LIMITS.most + 128)
    assert connections.is_overrun(LIMITS.most + 129)
