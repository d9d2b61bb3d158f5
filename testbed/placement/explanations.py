"""Why a node was chosen, or none: in words, and with the score of each or what stands against it."""

from collections.abc import Mapping

from testbed.model.placement import PlacementPolicy
from testbed.placement.choosing import looks_at_delays
from testbed.placement.node_choice import Question
from testbed.placement.plugin_policies import further_scores
from testbed.placement.scoring import Score, explain, mean_delay_ns, score
from testbed.text import counted
from testbed.units import milliseconds

NODES_NAMED = 8
"""How many nodes a reason names before it counts the rest."""
NODES_SCORED = 32
"""Of more nodes only the best few scores are told."""


def verdicts(question: Question) -> tuple[dict[str, Score], dict[str, str]]:
    """The score of every node that can take the job, and why the others cannot, in the order of the nodes."""
    fleet, delays, policy = question.fleet, question.delays, question.policy
    scores: dict[str, Score] = {}
    rejected: dict[str, str] = {}
    further = further_scores(question)
    for number, name in enumerate(fleet.names):
        against = fleet.obstacle(number, question.job)
        if against is None and looks_at_delays(policy):
            unknown = [each for each, _ in question.partners if delays.get(name, each) is None]
            against = f"delay to {', '.join(unknown)} is unknown" if unknown else None
        if against is None:
            own = {each: float(of_nodes[number]) for each, of_nodes in further.items()}
            scores[name] = score(fleet, number, question.job, question.partners, delays, policy, own)
        else:
            rejected[name] = against
    return scores, rejected


def told_scores(scores: Mapping[str, Score], chosen: str) -> dict[str, float]:
    """The totals to be written down: all of a few nodes, of many the best few and the chosen one."""
    names = list(scores)
    if len(names) > NODES_SCORED:
        names = sorted(names, key=lambda name: -scores[name].total)[:NODES_NAMED]
        names += [] if chosen in names else [chosen]
    return {name: scores[name].total for name in names}


def why_chosen(question: Question, chosen: str, scores: Mapping[str, Score]) -> str:
    """Why this node."""
    fleet, policy = question.fleet, question.policy
    if policy.policy not in (PlacementPolicy.SUPERNODE, PlacementPolicy.OPTIMAL):
        return _by_policy(question, chosen, scores)
    best = f"{chosen} scores {explain(scores[chosen], policy)}"
    others = [name for name in scores if name != chosen]
    if not others:
        return f"{best}, the only node that can"
    second = min(others, key=lambda name: (-scores[name].total, fleet.rank[fleet.index[name]]))
    if scores[second].total == scores[chosen].total:
        return f"{best}, as does {second}; the seed decides"
    return f"{best}, ahead of {second} with {explain(scores[second], policy)}"


def _by_policy(question: Question, chosen: str, scores: Mapping[str, Score]) -> str:
    fleet, job = question.fleet, question.job
    number = fleet.index[chosen]
    used, capacity = fleet.used[number] + job.weight, fleet.capacity[number]
    delay_ns = mean_delay_ns(question.partners, chosen, question.delays)
    far = "" if delay_ns is None else f", {milliseconds(delay_ns)} from its partners"
    policy = str(question.policy.policy).replace("_", " ")
    return f"{policy}: {chosen} of {len(scores)} that can, then {used} of {capacity} used{far}"


def why_refused(question: Question, can: int, rejected: Mapping[str, str]) -> str:
    """Why no node, although so many can take the job."""
    if can:
        return f"{question.policy.policy} chose none of {counted(can, 'node')} that can take it"
    if not rejected:
        return "there is no node"
    named = "; ".join(f"{node}: {why}" for node, why in list(rejected.items())[:NODES_NAMED])
    more = len(rejected) - NODES_NAMED
    return f"no node can take it: {named}" + (f"; and {more} more" if more > 0 else "")


def why_backup(question: Question, primary: str, backup: str | None) -> str:
    """Why this backup, or none."""
    if not question.job.backup or not question.policy.backup:
        return "no backup wanted"
    if backup is None:
        return f"no backup: no other healthy node with room for {question.job.weight} at a known delay"
    delay_ns = question.delays.get(primary, backup)
    return f"backup {backup}, {milliseconds(delay_ns or 0)} from it"
