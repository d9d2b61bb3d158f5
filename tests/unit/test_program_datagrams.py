"""UDP in batches over this machine's loopback: nothing lost, nothing reordered, every packet stamped."""

import select
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from testbed.errors import KernelError
from testbed.host import datagrams
from testbed.host.clock import Clock
from testbed.host.datagrams import NUMBER, Datagrams

HERE = "127.0.0.1"
Make = Callable[..., Datagrams]


@pytest.fixture
def clock() -> Clock:
    return Clock(time.clock_gettime_ns(time.CLOCK_REALTIME))


@pytest.fixture
def make(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Sockets that are closed afterwards, with a buffer of the size that an ordinary user may have."""
    monkeypatch.setattr(datagrams, "_SO_RCVBUFFORCE", socket.SO_RCVBUF)
    made = []

    def make(port: int, to: int | None = None) -> Datagrams:
        one = Datagrams(clock, HERE, port)
        made.append(one)
        if to is not None:
            one.connect(HERE, to)
        return one

    yield make
    for each in made:
        each.close()


@pytest.fixture
def ports() -> list[int]:
    """Three ports that nobody uses."""
    probes = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(3)]
    for probe in probes:
        probe.bind((HERE, 0))
    found = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return found


def test_many_packets_arrive_in_order_with_their_bytes(make: Make, ports: list[int]) -> None:
    """Three times what one system call takes, so that batches must join without a seam."""
    sender, receiver = make(ports[0], to=ports[1]), make(ports[1])
    payloads = [f"{number}:".encode().ljust(20 + number % 7, b"\0") for number in range(200)]
    sender.send(payloads)
    assert [payload for payload, _ in receiver.waiting()] == payloads


@pytest.mark.parametrize("count", [1, 63, 64, 65, 128])
def test_no_number_of_packets_is_special(make: Make, ports: list[int], count: int) -> None:
    sender, receiver = make(ports[0], to=ports[1]), make(ports[1])
    sender.send([bytes([number]) for number in range(count)])
    assert [payload[0] for payload, _ in receiver.waiting()] == list(range(count))
    assert list(receiver.waiting()) == []


def test_every_packet_has_the_instant_at_which_it_came(make: Make, ports: list[int], clock: Clock) -> None:
    sender, receiver = make(ports[0], to=ports[1]), make(ports[1])
    before_ns = clock.now_ns()
    sender.send([b"x"] * 100)
    stamps: list[int] = []
    while len(stamps) < 100:  # a busy machine may deliver some of them after the sender's return
        stamps += [at_ns for _, at_ns in receiver.waiting()]
    read_ns = clock.now_ns()
    assert len(stamps) == 100
    assert stamps == sorted(stamps)
    assert before_ns <= stamps[0]
    assert stamps[-1] <= read_ns


def test_reading_late_adds_nothing_to_an_instant(make: Make, ports: list[int], clock: Clock) -> None:
    """The stamps are the kernel's: they are the same whenever the program comes to read."""
    sender, receiver = make(ports[0], to=ports[1]), make(ports[1])
    sender.send([b"early"])
    # A busy machine may deliver it after the sender's return; once it can be read it has its stamp.
    select.select([receiver], [], [])
    between_ns = clock.now_ns()
    while clock.now_ns() < between_ns + 1_000_000:
        pass
    sender.send([b"late"])
    (_, early_ns), (_, late_ns) = receiver.waiting()
    assert early_ns <= between_ns < between_ns + 1_000_000 <= late_ns


def test_numbered_packets_tell_their_number_their_size_and_when_they_came(
    make: Make, ports: list[int], clock: Clock
) -> None:
    sender, receiver = make(ports[0], to=ports[1]), make(ports[1])
    before_ns = clock.now_ns()
    for number in range(100):
        sender.send_one(NUMBER.pack(number).ljust(36 + number, b"\0"))
    found = list(receiver.waiting_numbers())
    assert [(number, size) for number, size, _ in found] == [(number, 36 + number) for number in range(100)]
    assert before_ns <= found[0][2] <= found[-1][2] <= clock.now_ns()


def test_a_numbered_packet_may_be_larger_than_the_buffer_for_it(make: Make, ports: list[int]) -> None:
    sender, receiver = make(ports[0], to=ports[1]), make(ports[1])
    for number in range(3):
        sender.send_one(NUMBER.pack(number).ljust(8972, b"\0"))
    assert [(number, size) for number, size, _ in receiver.waiting_numbers()] == [(n, 8972) for n in range(3)]


def test_one_packet_that_cannot_be_sent_is_an_error_with_the_reason(make: Make, ports: list[int]) -> None:
    with pytest.raises(KernelError, match=r"cannot send 70000 B to .*: Message too long"):
        make(ports[0], to=ports[1]).send_one(bytes(70_000))


def test_one_packet_to_a_port_that_is_closed_yet_stops_nobody(make: Make, ports: list[int]) -> None:
    sender = make(ports[0], to=ports[1])
    sender.send_one(b"lost")
    receiver = make(ports[1])
    sender.send_one(b"first")
    assert [payload for payload, _ in receiver.waiting()] == [b"first"]


def test_nothing_waiting_is_an_empty_answer(make: Make, ports: list[int]) -> None:
    assert list(make(ports[0]).waiting()) == []


def test_a_connected_socket_hears_its_partner_alone(make: Make, ports: list[int]) -> None:
    receiver = make(ports[1], to=ports[0])
    make(ports[2], to=ports[1]).send([b"stranger"])
    make(ports[0], to=ports[1]).send([b"partner"])
    assert [payload for payload, _ in receiver.waiting()] == [b"partner"]


def test_a_port_that_is_closed_yet_loses_packets_and_stops_nobody(make: Make, ports: list[int]) -> None:
    """As on a real network: UDP goes on, and what is sent once the port is open arrives."""
    sender = make(ports[0], to=ports[1])
    sender.send([b"lost"] * 3)
    assert list(sender.waiting()) == []
    receiver = make(ports[1])
    sender.send([b"first"])
    sender.send([b"second"])
    assert [payload for payload, _ in receiver.waiting()] == [b"first", b"second"]


def test_an_address_that_cannot_be_reached_is_an_error_that_names_it(make: Make, ports: list[int]) -> None:
    sender = make(ports[0])
    with pytest.raises(KernelError, match=r"cannot send UDP to 192\.0\.2\.1:9: "):
        sender.connect("192.0.2.1", 9)  # from a loopback address no other is reached


def test_a_packet_that_cannot_be_sent_is_an_error_with_the_reason(make: Make, ports: list[int]) -> None:
    sender = make(ports[0], to=ports[1])
    with pytest.raises(KernelError, match=r"cannot send packet 1 of 2 to .*: Message too long"):
        sender.send([b"fine", bytes(70_000)])


def test_sending_to_nobody_is_an_error(make: Make, ports: list[int]) -> None:
    with pytest.raises(KernelError, match="Destination address required"):
        make(ports[0]).send([b"x"])


def test_a_port_in_use_is_an_error_that_names_it(make: Make, ports: list[int]) -> None:
    make(ports[0])
    with pytest.raises(KernelError, match=f"cannot bind UDP {HERE}:{ports[0]}: Address already in use"):
        make(ports[0])


def test_a_closed_socket_does_not_pass_for_an_idle_one(make: Make, ports: list[int]) -> None:
    closed = make(ports[0])
    closed.close()
    with pytest.raises(KernelError, match=r"cannot receive .*: Bad file descriptor"):
        list(closed.waiting())
