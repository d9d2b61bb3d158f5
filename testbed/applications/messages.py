"""Messages that kinds of application publish on the bus of a run and other kinds subscribe to."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExchangeMeasured:
    """The experts of this name have exchanged the tokens of one layer."""

    experts: str
    took_ns: int


@dataclass(frozen=True, slots=True)
class NodeDied:
    """A node has died, and everything that ran on it."""

    node: str


@dataclass(frozen=True, slots=True)
class JobDropped:
    """The agent of a node serves a job no more, because its lease is over."""

    job: str
    node: str


@dataclass(frozen=True, slots=True)
class FirstServed:
    """The first answer or frame of a job from another node than before has arrived."""

    job: str
    epoch: int
    at_ns: int
