"""A node that has work already costs little more energy with another job; one that sleeps has to wake."""

from testbed.placement import Question


def scores(question: Question) -> list[float]:
    """100 for a node that is awake, 0 for one that sleeps."""
    return [100.0 if used else 0.0 for used in question.used]
