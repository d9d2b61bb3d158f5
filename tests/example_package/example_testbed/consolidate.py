"""As few nodes as can be: the nearest of those that have work, and another one if none of them has room."""

from testbed.model.placement import Placement
from testbed.placement import Question


def looks_at_delays(_placement: Placement) -> bool:
    """A node of which nobody knows how far it is does not count."""
    return True


def choose(question: Question) -> int | None:
    """The nearest, of equally near ones that which the seed prefers."""
    delays_ns, known = question.mean_delays_ns()
    can = question.feasible() & known
    busy = can & (question.used > 0)
    return question.best(-delays_ns, busy if busy.any() else can)
