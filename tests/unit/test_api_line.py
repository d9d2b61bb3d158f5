"""The network at the other end of a line, for an API server outside of it and for one on a host."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from testbed.api.network_port import ControlNetwork, StreamNetwork
from testbed.errors import InvariantError, NotReadyError
from testbed.host.control import Control
from testbed.host.orders import News, Stage, WithdrawOrder, news_to_message, order_to_message

NEWS = News(session="one", stage=Stage.ACTIVE, reason="it fits")
ORDER = WithdrawOrder(session="one")


def with_stream(use: Callable[[StreamNetwork, socket.socket], Awaitable[None]], limit: int = 65_536) -> None:
    """Give the network's port and the other end of its stream to a test."""

    async def main() -> None:
        near, far = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=near, limit=limit)
        with far:
            await use(StreamNetwork(reader, writer), far)
        writer.close()

    asyncio.run(main())


def test_orders_are_lines_of_json() -> None:
    async def use(network: StreamNetwork, far: socket.socket) -> None:
        network.order(ORDER)
        network.send({"kind": "classes"})
        await asyncio.sleep(0)
        far.setblocking(False)
        text = await asyncio.get_running_loop().sock_recv(far, 4096)
        assert [json.loads(line) for line in text.splitlines()] == [
            order_to_message(ORDER),
            {"kind": "classes"},
        ]

    with_stream(use)


def test_news_is_heard_however_the_bytes_are_cut() -> None:
    async def use(network: StreamNetwork, far: socket.socket) -> None:
        heard: list[Any] = []
        network.on_news(heard.append)
        network.on_message("ready", heard.append)
        running = asyncio.create_task(network.run())
        text = json.dumps({"kind": "ready"}) + "\n" + json.dumps(news_to_message(NEWS)) + "\n"
        for byte in text.encode():
            far.send(bytes([byte]))
            await asyncio.sleep(0)
        far.shutdown(socket.SHUT_WR)
        await running
        assert heard == [{"kind": "ready"}, NEWS]

    with_stream(use)


def test_a_message_to_an_end_that_is_closed_already_is_the_end_of_the_network_and_no_error() -> None:
    async def use(network: StreamNetwork, far: socket.socket) -> None:
        far.close()
        network.send({"kind": "classes"})
        await network.run()
        with pytest.raises(NotReadyError):
            network.send({"kind": "classes"})

    with_stream(use)


def test_the_end_of_the_stream_is_the_end_of_the_network() -> None:
    async def use(network: StreamNetwork, far: socket.socket) -> None:
        far.close()
        await network.run()
        with pytest.raises(NotReadyError):
            network.order(ORDER)

    with_stream(use)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"{\n", "no JSON"),
        (b"[1]\n", "no JSON object"),
        (b'{"kind": "gossip"}\n', "nobody listens"),
        (b"{" + b" " * 5000, "too long"),
    ],
)
def test_what_is_no_message_ends_the_server(text: bytes, told: str) -> None:
    async def use(network: StreamNetwork, far: socket.socket) -> None:
        far.send(text)
        with pytest.raises(InvariantError, match=told):
            await network.run()
        with pytest.raises(NotReadyError):
            network.order(ORDER)

    with_stream(use, limit=1000)


def test_the_control_line_to_the_driver_carries_orders_and_news() -> None:
    driver, ours = Control.pair()
    ended: list[bool] = []

    async def main() -> None:
        heard: list[Any] = []
        arrived = asyncio.Event()
        network = ControlNetwork(ours, lambda: (ended.append(True), arrived.set())[0])
        network.on_news(lambda news: (heard.append(news), arrived.set())[0])
        network.listen()
        network.order(ORDER)
        assert driver.hear() == order_to_message(ORDER)
        message = news_to_message(NEWS)
        driver.say(message.pop("kind"), **message)
        await arrived.wait()
        assert heard == [NEWS]
        arrived.clear()
        driver.close()
        await arrived.wait()
        with pytest.raises(NotReadyError):
            network.order(ORDER)

    asyncio.run(main())
    assert ended == [True]
    ours.close()


def test_a_deaf_control_network_hears_nothing() -> None:
    """The control of the listening."""
    driver, ours = Control.pair()

    async def main() -> None:
        heard: list[Any] = []
        network = ControlNetwork(ours, lambda: None)
        network.on_news(heard.append)
        network.listen()
        network.unlisten()
        message = news_to_message(NEWS)
        driver.say(message.pop("kind"), **message)
        await asyncio.sleep(0)
        assert heard == []
        assert ours.hear() == news_to_message(NEWS)

    asyncio.run(main())
    driver.close()
    ours.close()


def test_what_cannot_be_heard_from_the_driver_comes_out_at_the_end() -> None:
    driver, ours = Control.pair()

    async def main() -> None:
        ended = asyncio.Event()
        network = ControlNetwork(ours, ended.set)
        network.listen()
        driver.say("gossip")
        await ended.wait()
        with pytest.raises(InvariantError, match="nobody listens"):
            network.unlisten()

    asyncio.run(main())
    driver.close()
    ours.close()
