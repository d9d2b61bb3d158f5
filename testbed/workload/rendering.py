"""The graphics processor of a node as a session sees it: shared evenly by all sessions that render there."""


class Gpu:
    """How long a frame takes, and whether there is a frame to be left out.

    `render_ns` is a frame's time on a node that renders for nobody else; with others it takes as many times
    as long as there are `sharers`, the session itself among them. A frame that could not be begun before the
    next one is due is left out.
    """

    def __init__(self, render_ns: int, frames_per_second: int) -> None:
        self._render_ns, self._interval_ns = render_ns, 10**9 // frames_per_second
        self.sharers = 1
        self.left_out = 0

    def takes_ns(self, due_ns: int, now_ns: int) -> int | None:
        """How long the frame due at an instant takes if it is begun now; None if it is left out."""
        if now_ns - due_ns >= self._interval_ns:
            self.left_out += 1
            return None
        return self._render_ns * self.sharers
