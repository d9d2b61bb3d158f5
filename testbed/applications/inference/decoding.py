"""How long decoding takes by what is in the batch: points of a table, and the lines between them.

A table is measured at one length of prompts; a point at another length says how much each request of
such a length adds or takes away. What is not here: when steps begin, which is `workload.batching`.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Annotated

from pydantic import Field

from testbed.model.base import Duration, FieldError, Value

Tokens = Annotated[int, Field(ge=1, le=1_000_000)]


class DecodePoint(Value):
    """What is known of decoding: with so many requests in the batch, a token of each takes so long.

    `prompt_tokens` is the length of the prompts with which that was measured; None holds for any.
    """

    batch: Annotated[int, Field(ge=1, le=10_000)]
    """With so many requests."""
    tpot_ns: Annotated[Duration, Field(ge=1000)]
    """a step takes so long: the time per output token."""
    prompt_tokens: Tokens | None = None
    """The prompts with which that was measured; none: whatever they are, for all points."""


CLOUDMATRIX384 = tuple(
    DecodePoint(batch=batch, tpot_ns=tpot_us * 1000, prompt_tokens=prompt)
    for batch, prompt, tpot_us in (
        (8, 4096, 14_900),
        (24, 4096, 24_600),
        (96, 4096, 49_400),
        (112, 2048, 47_400),
        (128, 1024, 46_800),
    )
)
"""DeepSeek-R1 on an NPU of a CloudMatrix384, decoding: the published rows (arXiv 2506.12708)."""

DECODE_TABLES = {"cloudmatrix384": CLOUDMATRIX384}
"""The tables that a scenario may name instead of writing points."""


class DecodeTable:
    """Step times from points.

    The length of prompts that has the most points (of equals the longest) makes the line by batch: straight
    between its points, and on above the last as steep as before it. A batch below the first point takes as
    long as one of that size. Each other length has one point, and its distance from that line, by request,
    is what a request of that length saves; between lengths, and beyond the outermost two, straight lines.

    Raises:
        FieldError: Two points of the same batch and length, or a further length with several points.
    """

    def __init__(self, points: Sequence[DecodePoint]) -> None:
        by_length: dict[int | None, list[DecodePoint]] = defaultdict(list)
        for index, point in enumerate(points):
            if any(point.batch == other.batch for other in by_length[point.prompt_tokens]):
                raise FieldError(
                    (index, "batch"), f"{point.batch} stands here twice; remove one of the points"
                )
            by_length[point.prompt_tokens].append(point)
        self._length = max(by_length, key=lambda length: (len(by_length[length]), length or 0))
        line = sorted((point.batch, float(point.tpot_ns)) for point in by_length.pop(self._length))
        self._line = line
        self._sizes, self._least = {point.batch for point in points}, line[0][0]
        for length, others in by_length.items():
            index = points.index(others[-1])
            if length is None or self._length is None:
                raise FieldError((index, "prompt_tokens"), "is given for some of the points only")
            if len(others) > 1:
                raise FieldError(
                    (index, "prompt_tokens"),
                    f"{length} has several points, and so has {self._length}; one length makes the line by "
                    "batch, and any other has one point",
                )
        self._savings = [
            (length, (_along(self._line, point.batch) - point.tpot_ns) / point.batch)
            for length, (point,) in by_length.items()
            if length is not None
        ]
        if self._length is not None:
            self._savings = sorted([*self._savings, (self._length, 0.0)])

    def saving_ns(self, prompt_tokens: int) -> float:
        """What a request of this length takes off a step; negative if it adds."""
        return _along(self._savings, prompt_tokens) if self._savings else 0.0

    def step_ns(self, prompts_tokens: Iterable[int]) -> int:
        """A step of a batch with these prompts: a token for each."""
        savings_ns = [self.saving_ns(length) for length in prompts_tokens]
        size = max(len(savings_ns), self._least)
        saved_ns = sum(savings_ns) * size / len(savings_ns)
        # No table makes a step free, however far beyond its points it is read.
        return max(round(_along(self._line, size) - saved_ns), 1)

    def best_token_ns(self, prompt_tokens: int, most: int) -> float:
        """The least that a token costs for prompts of this length, in a batch of the best size.

        That is the size of one of the points, or the `most` of who asks, because the line is straight between
        them. No batch of up to `most` makes its tokens in less: this is what full use of a node means.
        """
        least_ns = min(
            _along(self._line, size) / size for size in {most, *self._sizes} if size >= self._least
        )
        return least_ns - self.saving_ns(prompt_tokens)


def _along(points: Sequence[tuple[int, float]], at: int) -> float:
    """The straight lines through points, sorted, the outermost continued; a single point is level."""
    if len(points) == 1:
        return points[0][1]
    segment = next((pair for pair in pairwise(points) if at <= pair[1][0]), (points[-2], points[-1]))
    (x0, y0), (x1, y1) = segment
    return y0 + (y1 - y0) * (at - x0) / (x1 - x0)
