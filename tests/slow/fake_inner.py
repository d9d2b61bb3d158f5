"""Stands for the inner program of `testbed serve`: no network, and every order is carried out at once.

With `FAKE_INNER` in its environment it does not get so far: `silent` never says that it is ready, `refused`
ends with an error before it does, and `dies` after its first order. `stubborn` does not end.
"""

import os
import select
import sys
import time
from pathlib import Path
from typing import Any

from testbed.host.line import Line
from testbed.host.orders import (
    ChannelOrder,
    News,
    Stage,
    WithdrawOrder,
    news_to_message,
    order_from_message,
)
from testbed.record.events import NetworkReady, RunEnded
from testbed.record.logs import EventLog

REFUSED_STATUS = 3


def classes(orders: dict[str, ChannelOrder]) -> list[dict[str, Any]]:
    return [
        {
            "session": session,
            "name": session,
            "direction": direction,
            "class": "100",
            "rate_bps": order.channel.downstream.committed_bps,
            "granted_bps": order.channel.downstream.committed_bps,
            "sent_bytes": 0,
            "backlog_bytes": 0,
            "dropped_packets": 0,
        }
        for session, order in orders.items()
        for direction in ("downstream", "upstream")
    ]


def answer(line: Line, message: dict[str, Any], orders: dict[str, ChannelOrder]) -> None:
    if message["kind"] == "classes":
        line.send({"kind": "classes", "at_ns": time.monotonic_ns(), "classes": classes(orders)})
        return
    order = order_from_message(message)
    if isinstance(order, ChannelOrder):
        orders[order.session] = order
        stage = Stage.ACTIVE
    elif isinstance(order, WithdrawOrder):
        del orders[order.session]
        stage = Stage.RELEASED
    else:
        return
    line.send(news_to_message(News(session=order.session, stage=stage, reason="it was ordered")))


def main(folder: Path, line: Line, way: str) -> None:
    events = EventLog(folder)
    events.write(NetworkReady(), 0)
    if way == "refused":
        print("error: the kernel refused to be a kernel", flush=True)
        sys.exit(REFUSED_STATUS)
    orders: dict[str, ChannelOrder] = {}
    waiting = select.poll()
    waiting.register(line, select.POLLIN)
    if way != "silent":
        line.send({"kind": "ready"})
    try:
        while True:
            waiting.poll()
            for message in line.receive():
                if way == "dies":
                    print("error: it broke under the first order", flush=True)
                    sys.exit(REFUSED_STATUS)
                answer(line, message, orders)
    except EOFError:
        while way == "stubborn":
            time.sleep(1)
        events.write(RunEnded(), 1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Line(int(sys.argv[-1])), os.environ.get("FAKE_INNER", ""))
