"""What Mininet's options of a link are as traffic-control requests: netem with jitter and loss, HTB, a queue.

netem is at the root and HTB below it, as everywhere here: a port delays first and queues second.
"""

import struct

from testbed.net import messages
from testbed.net.messages import TC_H_ROOT, Request, attribute, kind_attribute, tcmsg
from testbed.net.shaper import HTB_MAJOR, NETEM_LIMIT_PACKETS, NETEM_MAJOR
from testbed.net.stock_options import DEFAULT_QUEUE_PACKETS, LinkOptions
from testbed.plan.shaping import burst_bytes, quantum_bytes

_TCA_OPTIONS = 2
_DELAY_NS, _JITTER_NS = 10, 11
"""TCA_NETEM_LATENCY64 and TCA_NETEM_JITTER64."""
_ALWAYS = 2**32 - 1
_LINE, _LEAF_MAJOR = 1, 0x4001


def option_requests(ifindex: int, options: LinkOptions) -> list[Request]:
    """Everything that gives a bare interface its delay, loss, rate and queue."""
    requests: list[Request] = []
    parent = TC_H_ROOT
    limit_only = options.rate_bps is None and options.queue_packets is not None
    if options.delay_ns or options.loss or limit_only:
        limit = options.queue_packets if limit_only else None
        requests.append(_netem(ifindex, options, limit or NETEM_LIMIT_PACKETS))
        parent = _handle(NETEM_MAJOR, 1)
    if options.rate_bps is None:
        return requests
    requests.append(messages.htb(ifindex, _handle(HTB_MAJOR), parent, _LINE))
    requests.append(_class(ifindex, options.rate_bps, change=False))
    return [*requests, _packet_fifo(ifindex, options.queue_packets or DEFAULT_QUEUE_PACKETS)]


def rate_request(ifindex: int, rate_bps: int) -> Request:
    """Give the class of `option_requests` another rate; the packets in its queue stay."""
    return _class(ifindex, rate_bps, change=True)


def remove_request(ifindex: int) -> Request:
    """Take away what `option_requests` made, and with it whatever waits there."""
    payload = tcmsg(ifindex, 0, TC_H_ROOT)
    return Request(messages.RTM_DELQDISC, 0, payload, f"delete the queues of interface {ifindex}")


def _class(ifindex: int, rate_bps: int, *, change: bool) -> Request:
    return messages.htb_class(
        ifindex,
        _handle(HTB_MAJOR, _LINE),
        _handle(HTB_MAJOR),
        rate_bps=rate_bps,
        ceil_bps=rate_bps,
        burst_bytes=burst_bytes(rate_bps),
        quantum_bytes=quantum_bytes(rate_bps),
        priority=0,
        overhead_bytes=0,
        change=change,
    )


def _handle(major: int, minor: int = 0) -> int:
    return major << 16 | minor


def _netem(ifindex: int, options: LinkOptions, limit_packets: int) -> Request:
    """struct tc_netem_qopt, with the times in attributes that keep their nanoseconds."""
    lost = min(round(options.loss * _ALWAYS), _ALWAYS)
    body = struct.pack("=6I", 0, limit_packets, lost, 0, 0, 0)
    body += attribute(_DELAY_NS, struct.pack("=q", options.delay_ns))
    body += attribute(_JITTER_NS, struct.pack("=q", options.jitter_ns))
    payload = tcmsg(ifindex, _handle(NETEM_MAJOR), TC_H_ROOT)
    payload += kind_attribute("netem") + attribute(_TCA_OPTIONS, body)
    what = f"add netem ({options.in_words}) to interface {ifindex}"
    return Request(messages.RTM_NEWQDISC, messages.NLM_F_EXCL | messages.NLM_F_CREATE, payload, what)


def _packet_fifo(ifindex: int, limit_packets: int) -> Request:
    """A queue of at most so many packets, first in, first out."""
    payload = tcmsg(ifindex, _handle(_LEAF_MAJOR), _handle(HTB_MAJOR, _LINE))
    payload += kind_attribute("pfifo") + attribute(_TCA_OPTIONS, struct.pack("=I", limit_packets))
    what = f"add pfifo of {limit_packets} packets to interface {ifindex}"
    return Request(messages.RTM_NEWQDISC, messages.NLM_F_EXCL | messages.NLM_F_CREATE, payload, what)
