"""A player hears the node of the highest epoch only, and frames keep the numbers they would have had."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
from fake_network import FakeLoop, elastic

from testbed.host.clock import Clock
from testbed.host.datagrams import Datagrams
from testbed.model.base import DOWNSTREAM
from testbed.record.samples import StreamName, join
from testbed.workload.frames import Frame, frames
from testbed.workload.video import VIDEO_HEADER, Takeover, VideoReceiver, VideoSender

MS = 1_000_000


class Air:
    """Carries packets from senders at addresses to one receiver, in place of sockets."""

    def __init__(self, loop: FakeLoop) -> None:
        self.loop = loop
        self.arrived: list[tuple[bytes, int, str]] = []

    def waiting_from(self) -> Iterator[tuple[bytes, int, str]]:
        arrived, self.arrived = self.arrived, []
        yield from arrived

    def sending(self, address: str) -> Any:
        air = self

        class Socket:
            def hold_much(self) -> None: ...

            def send(self, payloads: Sequence[bytes]) -> None:
                air.arrived += [(payload, air.loop.now_ns, address) for payload in payloads]

        return Socket()


def packet(number: int, frame: int, epoch: int) -> bytes:
    return VIDEO_HEADER.pack(number, frame, epoch, 0, 1)


class Player:
    """The receiving half of one."""

    def __init__(self, logs: Path) -> None:
        self.air = Air(FakeLoop())
        self.followed: list[str] = []
        self.takeovers: list[Takeover] = []
        self.receiver = VideoReceiver(self.air, logs, session="player", direction=DOWNSTREAM)  # type: ignore[arg-type]
        self.receiver.on_sender = self.followed.append
        self.receiver.on_takeover = self.takeovers.append

    def hear(self, *packets: tuple[int, int, int], address: str, at_ns: int) -> None:
        self.air.arrived += [(packet(*each), at_ns, address) for each in packets]
        self.receiver.take()


def received(logs: Path, *, sent: int) -> list[int]:
    """The numbers of the packets in the player's records, of those that were sent."""
    path = logs / "player.packet.downstream.sent"
    path.write_bytes(b"".join(number.to_bytes(8, "little") + bytes(16) for number in range(sent)))
    stream = join(logs, StreamName("player", "packet", "downstream"))
    return [int(seq) for seq, at_ns in zip(stream.seq, stream.received_at_ns, strict=True) if at_ns >= 0]


def test_a_node_that_was_given_up_is_refused_once_another_has_been_heard(tmp_path: Path) -> None:
    player = Player(tmp_path)
    player.hear((0, 0, 1), address="old", at_ns=1)
    player.hear((2, 2, 2), address="new", at_ns=2)
    player.hear((1, 1, 1), address="old", at_ns=3)
    player.receiver.close()
    assert received(tmp_path, sent=3) == [0, 2]
    assert player.receiver.refused == 1
    assert player.followed == ["old", "new"]


def test_without_epochs_the_old_node_would_be_heard(tmp_path: Path) -> None:
    """The control: with equal epochs the same packets all count, so it is the epoch that refuses them."""
    player = Player(tmp_path)
    for number, address in ((0, "old"), (2, "new"), (1, "old")):
        player.hear((number, number, 1), address=address, at_ns=number + 1)
    player.receiver.close()
    assert received(tmp_path, sent=3) == [0, 1, 2]
    assert player.receiver.refused == 0
    assert player.takeovers == []


def test_the_first_whole_frame_of_another_node_is_told_with_the_last_one_before(tmp_path: Path) -> None:
    player = Player(tmp_path)
    player.hear((0, 0, 1), (1, 1, 1), address="old", at_ns=10)
    player.hear((5, 4, 2), address="new", at_ns=70)
    player.hear((6, 5, 2), address="new", at_ns=80)
    assert player.takeovers == [
        Takeover(epoch=2, address="new", frame=4, at_ns=70, frame_before=1, before_ns=10)
    ]
    player.receiver.close()


def sent_by(logs: Path, video: list[Frame], until_ns: int, **sender: int) -> list[tuple[int, int]]:
    """The numbers of packets and frames that a sender sends."""
    loop = FakeLoop()
    loop.now_ns = sender.get("from_ns", 0)
    air = Air(loop)
    logs.mkdir()
    source = VideoSender(
        loop,  # type: ignore[arg-type]
        air.sending("node"),
        iter(video),
        logs,
        session="player",
        direction=DOWNSTREAM,
        **sender,  # type: ignore[arg-type]
    )
    source.start()
    loop.pass_until(until_ns)
    source.close()
    return [VIDEO_HEADER.unpack_from(payload)[:2] for payload, _, _ in air.arrived]


@pytest.mark.parametrize("from_ms", [1000, 1500, 2345])
def test_who_goes_on_sends_what_the_first_would_have_sent_from_then_on(tmp_path: Path, from_ms: int) -> None:
    session = elastic().sessions["player"]
    video = [frame for frame in frames(session, Random(1)) if frame.at_ns < 3000 * MS]
    whole = sent_by(tmp_path / "whole", video, 3000 * MS)
    rest = sent_by(tmp_path / "rest", video, 3000 * MS, epoch=2, from_ns=from_ms * MS)
    before = sent_by(tmp_path / "before", video, from_ms * MS - 1)
    assert before + rest == whole
    assert rest


def test_a_socket_that_is_aimed_sends_there_and_hears_everybody() -> None:
    clock = Clock(0)
    player = Datagrams(clock, "127.0.0.1", 0)
    nodes = [Datagrams(clock, f"127.0.0.{number}", 0) for number in (2, 3)]
    port = player._socket.getsockname()[1]
    for node in nodes:
        node.connect("127.0.0.1", port)
        node.send([b"frame"])
        player.aim(*node._socket.getsockname())
        player.send([b"command"])
    assert [address for _, _, address in player.waiting_from()] == ["127.0.0.2", "127.0.0.3"]
    assert [[payload for payload, _ in node.waiting()] for node in nodes] == [[b"command"]] * 2
    for each in (player, *nodes):
        each.close()
