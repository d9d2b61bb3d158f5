"""Policies and scores that installed packages bring, with a watch on what they say."""

from collections.abc import Callable
from typing import TypeVar, cast

import numpy as np

from testbed.model.placement import PLACEMENT_POLICIES, PLACEMENT_SCORES, Placement
from testbed.placement.node_choice import NodeChoice, NodeScore, Question
from testbed.placement.scoring import Floats
from testbed.plugins import ExtensionError, Origin, methods, place_of
from testbed.text import quoted

T = TypeVar("T")


def choice_called(name: str) -> NodeChoice:
    """The policy that a package brings under a name.

    Raises:
        ExtensionError: None does, or what it brings is none.
    """
    return PLACEMENT_POLICIES.load(name, _PluginChoice)


def score_called(name: str) -> "PluginScore":
    """The score that a package brings under a name.

    Raises:
        ExtensionError: None does, or what it brings is none.
    """
    return PLACEMENT_SCORES.load(name, PluginScore)


def further_scores(question: Question) -> dict[str, Floats]:
    """What the scores that the placement names say of every node, by name.

    Raises:
        ExtensionError: One is not there, fails, or says what is no score.
    """
    return {name: score_called(name).scores(question) for name in question.policy.scores}


class _PluginChoice:
    """A policy from outside: the node that it chooses must be able to take the job."""

    def __init__(self, brought: object, origin: Origin) -> None:
        methods(brought, looks_at_delays=1, choose=1)
        self._choice, self._origin = cast(NodeChoice, brought), origin

    def looks_at_delays(self, placement: Placement) -> bool:
        """See `NodeChoice.looks_at_delays`."""
        return bool(
            _asked(lambda: self._choice.looks_at_delays(placement), f"the placement policy {self._origin}")
        )

    def choose(self, question: Question) -> int | None:
        """See `NodeChoice.choose`; ExtensionError for a node that cannot be."""
        who = f"the placement policy {self._origin}, asked for {question.job.name},"
        number = _asked(lambda: self._choice.choose(question), who)
        if number is None:
            return None
        if not isinstance(number, int | np.integer) or isinstance(number, bool):
            raise ExtensionError(f"{who} chose {quoted(number)}; that is to be a node's number, or None")
        if not 0 <= number < len(question.names):
            raise ExtensionError(
                f"{who} chose node number {number}; there are 0 to {len(question.names) - 1}"
            )
        against = question.fleet.obstacle(int(number), question.job)
        if against is None and self.looks_at_delays(question.policy):
            against = None if question.mean_delays_ns()[1][number] else "its delay is unknown"
        if against is not None:
            raise ExtensionError(f"{who} chose {question.names[number]}, which cannot take it: {against}")
        return int(number)


class PluginScore:
    """A score from outside: a number from 0 to 100 for every node."""

    def __init__(self, brought: object, origin: Origin) -> None:
        methods(brought, scores=1)
        self._score, self._origin = cast(NodeScore, brought), origin

    def scores(self, question: Question) -> Floats:
        """See `NodeScore.scores`; ExtensionError for what is no score."""
        who = f"the placement score {self._origin}, asked for {question.job.name},"
        found = _asked(lambda: np.asarray(self._score.scores(question), dtype=np.float64), who)
        if found.shape != (len(question.names),):
            shape = " x ".join(map(str, found.shape)) or "1"
            raise ExtensionError(f"{who} gave {shape} scores; there are {len(question.names)} nodes")
        wrong = np.flatnonzero(~((found >= 0) & (found <= 100)))
        if len(wrong):
            node = question.names[wrong[0]]
            raise ExtensionError(f"{who} scores {node} {found[wrong[0]]:g}; a score is 0 to 100")
        return found


def _asked(ask: Callable[[], T], who: str) -> T:
    try:
        return ask()
    except Exception as error:  # its author is told where
        raise ExtensionError(f"{who} failed: {place_of(error)}") from error
