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
    "network.ready": EventKind(
        "",
        "The network is built and the flows' programs are ready; before time 0.",
    ),
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
    "job.place": EventKind(
        "job, node, backup (or null), reason, scores (by node)",
        "Decision of the scheduler.",
    ),
    "job.refuse": EventKind("job, reason", "No node can take it, and it does not wait for one."),
    "job.queue": EventKind("job, reason", "No node can take it now; it waits."),
    "job.complete": EventKind("job", "A job is done, and its node free again."),
    "job.cancel": EventKind("job", "A job is given up: it waits no more."),
    "job.promote": EventKind("job, failed, node, epoch", "Its node failed, and its backup takes over."),
    "job.evict": EventKind("job, failed, reason", "A job has lost its node, and had no backup; it waits."),
    "job.backup": EventKind("job, backup (or null), reason", "A job has another backup, or none any more."),
    "job.serve": EventKind("job, node, epoch", "A job's program serves there for the first time."),
    "job.stop": EventKind(
        "job, node, epoch",
        "The agent of a node serves it no more: it was told so, or its lease is over.",
    ),
    "job.recover": EventKind(
        "job, node, epoch, recovery_ns, and its five parts, which add up: detection_ns, decision_ns, "
        "transfer_ns, restart_ns, first_request_ns",
        "A job has served again after a fault.",
    ),
    "fault": EventKind("fault, and one of node, isolated, plane, link (node, plane)", "Something breaks."),
    "repair": EventKind(
        "fault, and one of node, isolated, plane, link (node, plane)",
        "What broke is whole again.",
    ),
    "node.fail": EventKind("node, silent_ns", "A node was silent for so long that it is given up."),
    "node.return": EventKind("node", "A node that was given up is heard of again."),
    "session.gap": EventKind(
        "session, gap_ns, frames_due, frames_missed",
        "The first frame of another node has come: how long the player had none.",
    ),
    "transfer.plane": EventKind(
        "transfer, plane, alive, after_ns, blocks (that are sent again)",
        "A plane is given up after so long a silence, or found alive so long after that.",
    ),
    "transfer.end": EventKind(
        "transfer, received_bytes, throughput_bps, blocks_sent_again, outage_ns, stalled_ns",
        "A transfer has ended.",
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
    "channel.order": EventKind(
        "session, order, device, profile",
        "The API orders a channel; `order` is its own name for it, `session` the scenario's, if the "
        "packets are a session's.",
    ),
    "channel.admit": EventKind(
        "session, rates (by direction), reason",
        "The controller admits a channel: the committed rates are held from here on.",
    ),
    "channel.active": EventKind(
        "session, rates (by direction), reason",
        "A channel opens, once it is provisioned.",
    ),
    "channel.refuse": EventKind(
        "session, reason, fits (by direction)",
        "The controller refuses a channel: the session runs without a channel. `fits` has the "
        "committed rates that would have fitted.",
    ),
    "channel.resize": EventKind(
        "session, direction, from_bps, to_bps, reason",
        "The rate of a channel is changed.",
    ),
    "channel.preempt": EventKind(
        "session, by, link, reason",
        "A channel is taken for a channel of a higher priority.",
    ),
    "channel.expire": EventKind("session, reason", "A channel's lifetime is over."),
    "channel.release": EventKind("session, reason", "A channel is given back."),
    "net.open": EventKind("session, direction, rate_bps", "A channel's class and filter were made in tc."),
    "net.resize": EventKind("session, direction, rate_bps", "A channel's class was changed in tc."),
    "net.close": EventKind(
        "session, direction, rate_bps",
        "A channel's filter is gone; its class goes when its queue is empty.",
    ),
    "api.call": EventKind(
        "session, operation, status, took_ns, and of the answer qosStatus, statusInfo, code, message",
        "An application server has called the API.",
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
    "queue.end": EventKind(
        "queue, direction, aqm, discipline, marks, dropped_packets",
        "What a queue with an active queue management did, with the end of the run. `discipline` is the "
        "kernel's that stood for `aqm`; `marks` is how often it set CE.",
    ),
    "warning": EventKind(
        "text, and of a program that was late program, late_ns", "The numbers need a second look."
    ),
    "run.end": EventKind("", "The run is over, and what is left is recorded."),
    "host.late": EventKind(
        "the load of a second, as in host.load without the driver",
        "In real time: within this second a timer was more than 1 ms late, or the machine lost a packet.",
    ),
    "host.load": EventKind(
        "seconds, timers, late_p50_ns, late_p99_ns, late_max_ns, busy_ppm, steal_ppm, waiting_ppm (or "
        "null), dropped, squeezed, driver_late_ns",
        "In real time, at the end: how well the machine kept real time.",
    ),
}
"""By their kind; in the order of a run, as far as there is one."""
