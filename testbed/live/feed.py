"""A view as plain values for JSON, as a page is told of it; names end in their units."""

from typing import Any

from testbed.live import short_text
from testbed.live.view import View

MOST_TOLD = 60
"""Events, channels, jobs, and streams of each kind that are told, the newest or the first."""


def feed(view: View) -> dict[str, Any]:
    """Everything that a page shows; `counts` says how many there are of what may be told in part."""
    streams = [(key, delays) for key, delays in view.delays.items() if delays.arrived]
    return {
        "at_ns": view.at_ns,
        "late_ns": view.late_ns,
        "sessions": dict(view.sessions),
        "rates": [
            {
                "name": name,
                "direction": direction,
                "rate_bps": rate.rate_bps,
                "throughput_bps": rate.throughput_bps,
                "backlog_bytes": rate.backlog_bytes,
                "dropped": rate.dropped,
                "history": [list(point) for point in rate.history],
            }
            for (name, direction), rate in [*view.rates.items()][:MOST_TOLD]
        ],
        "delays": [
            {
                "name": name,
                "measure": measure,
                "direction": direction,
                "newest_ns": delays.newest_ns,
                "arrived": delays.arrived,
                "bins": [[each.at_ns, each.lowest_ns, each.highest_ns] for each in delays.bins],
            }
            for (name, measure, direction), delays in streams[:MOST_TOLD]
        ],
        "channels": [
            {
                "name": name,
                "state": channel.state,
                "device": channel.device,
                "profile": channel.profile,
                "rates_bps": dict(channel.rates_bps),
                "reason": channel.reason,
            }
            for name, channel in [*view.channels.items()][-MOST_TOLD:]
        ],
        "jobs": [
            {"name": name, "state": job.state, "node": job.node, "backup": job.backup}
            for name, job in [*view.jobs.items()][:MOST_TOLD]
        ],
        "events": [
            {"at_ns": at_ns, "kind": content["kind"], "text": short_text.fields(content)}
            for at_ns, event in [*view.events][-MOST_TOLD:]
            for content in [event.as_json()]
        ],
        "counts": {
            "rates": len(view.rates),
            "delays": len(streams),
            "channels": len(view.channels),
            "jobs": len(view.jobs),
            "events": view.told,
        },
    }
