"""When clients ask, and how much: requests evenly, as a Poisson process, in bursts or from a trace.

Pure but for reading the trace: the generator is given, and the same seed gives the same requests.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from random import Random

from testbed.applications.inference.model import Clients, RequestArrivals
from testbed.applications.inference.trace_file import read_trace


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as its client sends it: when, and the lengths of prompt and answer."""

    at_ns: int
    prompt_tokens: int
    output_tokens: int


def requests(clients: Clients, random: Random) -> Iterator[Asked]:
    """All requests in order, from the clients' start to before their end.

    Those that are evenly spaced, and those of a trace, begin at the start. Random gaps have no such first
    request: theirs is drawn like all others.

    Raises:
        ValueError: The trace cannot be read.
    """
    for asked in _endless(clients, random):
        if asked.at_ns >= clients.ends_at_ns:
            return
        yield asked


def _endless(clients: Clients, random: Random) -> Iterator[Asked]:
    if clients.trace is not None:
        for traced in read_trace(Path(clients.trace), clients.ends_at_ns - clients.starts_at_ns):
            at_ns = clients.starts_at_ns + traced.after_ns
            yield Asked(at_ns, traced.prompt_tokens, traced.output_tokens)
        return
    for at_ns in _instants(clients, random):
        yield Asked(at_ns, clients.prompt_tokens, clients.output_tokens)


def _instants(clients: Clients, random: Random) -> Iterator[int]:
    starts_at_ns, mean_ns = int(clients.starts_at_ns), clients.interval_ns
    assert mean_ns is not None, "only a trace has no interval"
    if clients.arrivals is RequestArrivals.CONSTANT:
        yield from (starts_at_ns + number * mean_ns for number in count())
        return
    gap_ns = _gaps(clients, random, mean_ns)
    at_ns = float(starts_at_ns)
    while True:
        at_ns += gap_ns()
        yield int(at_ns)


def _gaps(clients: Clients, random: Random, mean_ns: int) -> Callable[[], float]:
    if clients.arrivals is RequestArrivals.POISSON:
        return lambda: random.expovariate(1 / mean_ns)
    assert clients.burstiness is not None, "only bursts are left"
    # A gamma distribution of shape 1/c² has the coefficient of variation c; with c = 1 it is exponential.
    shape = clients.burstiness**-2
    return lambda: random.gammavariate(shape, mean_ns / shape)
