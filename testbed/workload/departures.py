"""When a paced udp flow sends its packets.

Pure: the generator is given, and the same seed gives the same instants.
"""

from collections.abc import Iterator
from itertools import count
from random import Random

from testbed.applications.flows.model import Arrivals, Flow


def departures(flow: Flow, random: Random) -> Iterator[int]:
    """The instant of every packet in order, from the flow's first instant to before its end.

    Evenly spaced packets begin at the first instant. A Poisson process has no such packet: its first
    gap is drawn like all others.
    """
    instants = _poisson(flow, random) if flow.arrivals is Arrivals.POISSON else _constant(flow)
    for at_ns in instants:
        if at_ns >= flow.ends_at_ns:
            return
        yield at_ns


def _constant(flow: Flow) -> Iterator[int]:
    return (flow.first_at_ns + flow.packets_ns(number) for number in count())


def _poisson(flow: Flow, random: Random) -> Iterator[int]:
    # Over a thousand gaps, so that their mean is not cut to whole nanoseconds.
    mean_ns = flow.packets_ns(1000) / 1000
    at_ns = float(flow.first_at_ns)
    while True:
        at_ns += random.expovariate(1 / mean_ns)
        yield int(at_ns)
