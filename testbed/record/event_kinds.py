"""The kinds of event in events.jsonl: what each carries beside variant, instant and kind, and when it comes.

One place for whoever writes one, for the reference, and for the test that none is missing here.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EventKind:
    """What an event of a kind carries, in words, and when it is written."""

    fields: str
    when: str


EVENTS: dict[str, EventKind] = {
    "session.start": EventKind("session, player, node", "Both ends were told to go."),
    "scene": EventKind("session, scene, rate_bps", "The application entered a scene."),
    "session.render": EventKind(
        "session, left_out",
        "Of a session with `render`: frames that were left out, because the node had too much to render.",
    ),
    "session.refuse": EventKind(
        "session, reason",
        "No node can take the session's job: it does not run.",
    ),
    "session.end": EventKind("session", "Both ends were told to stop."),
    "session.gap": EventKind(
        "session, gap_ns, frames_due, frames_missed",
        "The first frame of another node has come: how long the player had none.",
    ),
    "experts.refuse": EventKind(
        "experts, reason",
        "A rank finds no node: none of them runs.",
    ),
    "experts.end": EventKind(
        "experts, steps, exchange_ns (mean), given_up, nodes (by rank)",
        "Experts have ended.",
    ),
    "service.refuse": EventKind(
        "service, reason",
        "No node can take the service's job: neither it nor its clients run.",
    ),
    "service.end": EventKind(
        "service, node, requests, answered, tokens, steps, prefill_ns, busy_ns, least_ns, of_ns, mean_batch "
        "(or null), exchange_ns (of a layer, the mean; or null)",
        "A service has ended, on the node that it had then; counted over all that it had.",
    ),
    "program.exit": EventKind(
        "program, status",
        "A program of the user's has ended; a negative status is the signal.",
    ),
    "survey.delay": EventKind(
        "a, b, delay_ns",
        "The survey has a new delay between a node and another station.",
    ),
    "flow.end": EventKind(
        "flow, received_bytes, drained_bytes, throughput_bps; of TCP busy_ns, receive_window_ns, "
        "refills, dry_refills, round_trip_ns, least_round_trip_ns; of a flow with ECN packets, ce_packets",
        "A background flow or a workload has ended, with the run: what arrived between its starts and its "
        "ends, and what queues delivered after that. Bytes of UDP are those of IP packets, of TCP of the "
        "payload. `busy_ns` is how long its connections had data under way, all together, and "
        "`receive_window_ns` for how much of that the receiver's window held them up, and not the network. "
        "Of `refills`, when a sender's full buffer had room again, `dry_refills` found all that it held "
        "under way, so that the buffer held the flow up. The round trips are the smoothed one at the end and "
        "the least of all. Of "
        "`packets`, `ce_packets` arrived with CE: counted by the sink of UDP, and of TCP by the sender, of "
        "what was acknowledged.",
    ),
}
"""By their kind; in the order of a run, as far as there is one."""
