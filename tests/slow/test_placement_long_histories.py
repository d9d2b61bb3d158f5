"""The invariants of the scheduler over thousands of steps: long histories, and many of them."""

from hypothesis import settings
from test_placement_invariants import AnyOrder


class LongHistories(AnyOrder):
    """Jobs, failures and repairs in any order, up to 100 of them in a row, 300 times."""


LongHistories.TestCase.settings = settings(
    max_examples=300, stateful_step_count=100, deadline=None, derandomize=True
)
TestLongHistoriesKeepTheInvariants = LongHistories.TestCase
