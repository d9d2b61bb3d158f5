"""Records of a run as its programs write them, for tests of what is shown of it while it goes on."""

from typing import Any

from testbed.record.event import Event, parse

SECOND_NS = 10**9
Happened = tuple[int, Event]
"""An instant and an event."""


def event(at_s: float, kind: str, **fields: Any) -> Happened:
    return round(at_s * SECOND_NS), parse({"kind": kind, **fields})


def late(at_s: float, late_max_ns: int) -> Happened:
    """A second in which the machine was late."""
    counted = {"seconds": 1.0, "timers": 100, "late_p50_ns": 1, "late_p99_ns": 2, "late_max_ns": late_max_ns}
    shares = {"busy_ppm": 0, "steal_ppm": 0, "waiting_ppm": None}
    return event(at_s, "host.late", **counted, **shares, dropped=0, squeezed=0)


def sample(
    at_s: float, session: str = "player", direction: str = "downstream", **fields: Any
) -> dict[str, Any]:
    values = {"rate_bps": 100_000_000, "demand_bps": None, "throughput_bps": 8_000_000}
    counted = {"backlog_bytes": 1500, "dropped": 2}
    return {
        "at_ns": round(at_s * SECOND_NS),
        "session": session,
        "direction": direction,
        **values,
        **counted,
    } | fields


def beginning(session: str = "player") -> list[Happened]:
    """A session with a channel begins."""
    rates = {"downstream": 100_000_000, "upstream": 20_000_000}
    return [
        event(-3, "network.ready"),
        event(
            0.5,
            "job.place",
            job=session,
            node="edge",
            backup="region",
            reason="it is near",
            scores={"edge": 9.0},
        ),
        event(0.5, "channel.admit", session=session, rates=rates, reason="it fits"),
        event(0.6, "channel.active", session=session, rates=rates, reason="it is provisioned"),
        event(0.6, "session.start", session=session, player="home1", node="edge"),
    ]


def ending(session: str = "player") -> list[Happened]:
    """It ends in order."""
    return [
        event(9, "session.end", session=session),
        event(9, "channel.release", session=session, reason="the session has ended"),
        event(9, "job.complete", job=session),
    ]
