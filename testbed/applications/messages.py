"""Messages that kinds of application publish on the bus of a run and other kinds subscribe to."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExchangeMeasured:
    """The experts of this name have exchanged the tokens of one layer."""

    experts: str
    took_ns: int
