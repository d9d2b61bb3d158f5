"""What a session's video is cut into, and how large a frame of it may be."""

from collections.abc import Iterable

from testbed.model.base import FieldError
from testbed.model.carriers import MOST_FRAME_PACKETS
from testbed.units import RATE

VIDEO_PAYLOAD_BYTES = 1400
"""UDP payload of a full packet of a session's video."""
VIDEO_SIZE_MOST = 1.5
"""The largest frame over the mean one (TR 38.838, table 5.1.1.1-1)."""


def check_frames(rates_bps: Iterable[tuple[int, int | None]], frames_per_second: int) -> None:
    """Whether the largest frame of each scene is cut into packets that its header can number.

    Scenes are given by their two mean rates, down and up.

    Raises:
        FieldError: One is not.
    """
    most_bytes = int(MOST_FRAME_PACKETS * VIDEO_PAYLOAD_BYTES / VIDEO_SIZE_MOST)
    most_bps = most_bytes * 8 * frames_per_second
    for index, both_bps in enumerate(rates_bps):
        for key, rate_bps in zip(("rate", "upstream"), both_bps, strict=True):
            if rate_bps is not None and rate_bps > most_bps:
                raise FieldError(
                    ("scenes", index, key),
                    f"makes frames of more packets than their header counts; at {frames_per_second} frames a "
                    f"second the most is {RATE.format_down(most_bps)}",
                )
