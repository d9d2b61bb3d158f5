"""What nodes, their monitor and those who ask jobs for answers send each other: one UDP packet a message.

The first byte says what it is. Heartbeats and requests are many and have fixed fields; orders are few and are
JSON objects. All go to and come from the ports below, on whatever host.
"""

import json
import struct
from typing import Any

from testbed.host import ports

MONITOR_PORT, AGENT_PORT, STATE_PORT = ports.MONITOR.first, ports.AGENT.first, ports.STATE.first
"""Of the monitor, of each node's agent, and of whoever hands state over (TCP)."""

HEARTBEAT, ANSWER, ORDER, ACKNOWLEDGEMENT, REQUEST, SERVED = b"H", b"A", b"O", b"K", b"R", b"S"
_BEAT = struct.Struct("!cIIQ")
"""Kind, number of the node, its boot, number of the heartbeat; an answer repeats the three."""
_ASKED = struct.Struct("!cIQB")
"""Kind, epoch, number of the request, length of the job's name, which follows; an answer repeats all."""


def beat(kind: bytes, node: int, boot: int, number: int) -> bytes:
    """A heartbeat or its answer."""
    return _BEAT.pack(kind, node, boot, number)


def read_beat(payload: bytes) -> tuple[int, int, int]:
    """Node, boot and number of a heartbeat or an answer."""
    _, node, boot, number = _BEAT.unpack_from(payload)
    return node, boot, number


def asked(kind: bytes, job: str, epoch: int, number: int, size_bytes: int) -> bytes:
    """A request or its answer, as large as the scenario says."""
    name = job.encode("ascii")
    return (_ASKED.pack(kind, epoch, number, len(name)) + name).ljust(size_bytes, b"\0")


def read_asked(payload: bytes) -> tuple[str, int, int]:
    """Job, epoch and number of a request or an answer."""
    _, epoch, number, length = _ASKED.unpack_from(payload)
    return payload[_ASKED.size : _ASKED.size + length].decode("ascii"), epoch, number


def written(kind: bytes, fields: dict[str, Any]) -> bytes:
    """An order or its acknowledgement."""
    return kind + json.dumps(fields, separators=(",", ":")).encode("ascii")


def read_written(payload: bytes) -> dict[str, Any]:
    """The fields of an order or an acknowledgement."""
    fields: dict[str, Any] = json.loads(payload[1:])
    return fields
