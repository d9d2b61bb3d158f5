"""What arrives of a flow, told apart by its end: what came within the flow's time, and what came after it.

A throughput is over the flow's time, so what queues still hold at its end belongs to no throughput: a
starved queue may deliver for seconds what was sent in one.
"""


class Tally:
    """Bytes that arrived before an instant, and from it on."""

    def __init__(self, ends_at_ns: int) -> None:
        self.ends_at_ns = ends_at_ns
        self.received_bytes = 0
        """What arrived before the end."""
        self.drained_bytes = 0
        """What arrived at the end or after it."""

    def add(self, size_bytes: int, at_ns: int) -> None:
        """Count what arrived at an instant."""
        if at_ns < self.ends_at_ns:
            self.received_bytes += size_bytes
        else:
            self.drained_bytes += size_bytes
