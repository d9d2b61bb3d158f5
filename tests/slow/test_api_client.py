"""A client that we have not written, network_as_code 10.0.0, against a server on a socket of its own."""

import asyncio
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from api_caller import PROFILE_LIST, SUBSCRIBERS, TOKENS, HandNetwork, bearer
from api_foreign_client import walk_through
from network_as_code.core.api_error import ApiError

from testbed.api.app import create_app
from testbed.api.http_server import run_server
from testbed.api.server_settings import ApiSettings
from testbed.host.orders import ChannelOrder, ExtendOrder, WithdrawOrder


@contextmanager
def served(network: HandNetwork) -> Iterator[str]:
    """An application on a free port of the loopback interface, in a thread; its address."""
    settings = ApiSettings(profiles=PROFILE_LIST, tokens=TOKENS, subscribers=SUBSCRIBERS)
    started: queue.SimpleQueue[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]] = queue.SimpleQueue()

    async def main() -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()

        def ready(port: int) -> None:
            started.put((port, loop, stop))

        await run_server(create_app(settings, network), "127.0.0.1", 0, ready=ready, stop=stop)

    thread = threading.Thread(target=lambda: asyncio.run(main()), name="API server")
    thread.start()
    port, loop, stop = started.get(timeout=120)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()


def test_the_foreign_client_creates_reads_extends_lists_and_deletes_a_session() -> None:
    network, steps = HandNetwork(), {}

    def after(step: str, answer: Any) -> None:
        steps[step] = (answer, list(network.orders))

    token = bearer("client")["Authorization"].removeprefix("Bearer ")
    with served(network) as address:
        walk_through(address, token, device_ip="10.1.1.1", server_ip="10.2.0.1", profile="plain", after=after)
    created, orders = steps["create"]
    [order] = orders
    assert isinstance(order, ChannelOrder)
    assert (order.device, order.server, order.server_ports) == ("home1", "10.2.0.1/32", ((5000, 5010),))
    assert order.session == created.session_id
    assert created.qos_status == "AVAILABLE"
    read, _ = steps["read"]
    assert (read.session_id, read.started_at, read.duration) == (created.session_id, created.started_at, 60)
    extended, orders = steps["extend"]
    assert extended.duration == 90
    assert orders[-1] == ExtendOrder(session=created.session_id, lifetime_ns=90 * 10**9)
    [listed], _ = steps["list"]
    assert (listed.session_id, listed.duration) == (created.session_id, 90)
    _, orders = steps["delete"]
    assert orders[-1] == WithdrawOrder(session=created.session_id)
    assert steps["list again"][0] == []


def test_the_foreign_client_understands_a_refusal() -> None:
    with served(HandNetwork()) as address, pytest.raises(ApiError) as error:
        walk_through(
            address,
            "no token",
            device_ip="10.1.1.1",
            server_ip="10.2.0.1",
            profile="plain",
            after=lambda step, _answer: pytest.fail(f"{step} was let in"),
        )
    assert error.value.status_code == 401
