"""Everything that must hold of a scenario before a run: types, the topology's word, and the rules."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import Field, ValidationError

from testbed.applications.quantity import Expectation, Reference
from testbed.applications.script import NetworkChoice, Scenario, Script
from testbed.model.base import FROM_TEXT, Name, Value
from testbed.model.network import Network
from testbed.scenario.problems import Problem, of_variants, problem_at, problems_of, refusal
from testbed.scenario.quantity_rules import quantity_rules
from testbed.scenario.repeat import expanded
from testbed.scenario.rules import script_rules
from testbed.scenario.shape import Demands, Layout, known_keys
from testbed.scenario.topology import Built, Topology, TopologyError, build, load_topology
from testbed.scenario.tree import Node, merge, spelt
from testbed.scenario.workloads import parameter_problems
from testbed.text import instead, nearest

ONLY_VARIANT = "default"
"""The name of the one variant of a scenario that declares none."""

MAX_VARIANTS = 32
MAX_MERGED_NODES = 100_000
"""Values of all variants together: checking them takes about half a second."""

_MOST_FINDINGS = 50
_LAYOUT_KEYS = known_keys(Layout) or ()
_SCRIPT_KEYS = known_keys(Script) or ()
_Changes = dict[str, Any] | None
V = TypeVar("V", bound=Value)


class Head(Value):
    """What is read of a file before its variants are merged: names."""

    name: Name
    variants: Annotated[dict[Name, _Changes], Field(min_length=1, max_length=MAX_VARIANTS)] = Field(
        default_factory=lambda: dict[str, _Changes]({ONLY_VARIANT: None})
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A scenario without faults."""

    name: str
    variants: dict[str, Scenario]
    networks: dict[str, Network]
    expectations: tuple[Expectation, ...]
    references: tuple[Reference, ...]


def check(root: Node, folder: Path) -> Checked:
    """Validate a whole document; a topology's path counts from `folder`.

    Raises:
        ScenarioError: All its faults, by line.
    """
    problems = list(_unknown(root, _LAYOUT_KEYS))
    head = _validated(Head, _only(root, "name", "variants"))
    if isinstance(head, list):
        raise refusal([*problems, *head])
    changes = root.members["variants"].members if "variants" in root.members else {}
    for change in changes.values():
        problems.extend(_unknown(change, _SCRIPT_KEYS))

    variants = tuple(head.variants)
    base = _only(root, *_SCRIPT_KEYS)
    if base.count() * len(variants) > MAX_MERGED_NODES:
        message = f"{len(variants)} variants of {base.count():,} values are more than fit; split the file"
        raise refusal([problem_at(root, ("variants",), message)])
    merged = {
        name: merge(base, _only(changes[name], *_SCRIPT_KEYS)) if name in changes else base
        for name in variants
    }
    checker = _Checker(folder=folder)
    found = [(name, problem) for name in variants for problem in checker.variant(name, merged[name])]
    misspelt = [
        one
        for name in variants
        if name not in checker.scripts
        for one in _misspelt(root, changes.get(name, base))
    ]
    beside = tuple(f"{problem.path}." for problem in misspelt)  # what a misspelt session lacks is no news
    problems += misspelt
    problems += [problem for problem in of_variants(found, merged) if not problem.path.startswith(beside)]

    demands = _validated(Demands, _only(root, "expect", "references"))
    if isinstance(demands, list):
        raise refusal([*problems, *demands])
    problems.extend(_demand_problems(root, demands, checker, variants))
    if problems:
        raise refusal(problems)
    return Checked(
        name=head.name,
        variants={
            variant: Scenario(name=head.name, variant=variant, **_fields(script))
            for variant, script in checker.scripts.items()
        },
        networks=checker.networks,
        expectations=demands.expect,
        references=demands.references,
    )


@dataclass(slots=True)
class _Checker:
    """Checks variants one after another; equal networks are built once."""

    folder: Path
    scripts: dict[str, Script] = field(default_factory=dict)
    networks: dict[str, Network] = field(default_factory=dict)
    _topologies: dict[str, Topology] = field(default_factory=dict)
    _built: dict[str, Built | list[Problem]] = field(default_factory=dict)

    def variant(self, variant: str, merged: Node) -> Iterator[Problem]:
        """All problems of one variant; without any, its script and its network are kept."""
        script = _validated(Script, merged)
        built = self._network(merged)
        if isinstance(script, Script):
            self.scripts[variant] = script
            yield from parameter_problems(script, merged)
        else:
            yield from script
        if not isinstance(built, Built):
            yield from built
            return
        self.networks[variant] = built.network
        if isinstance(script, Script):
            for keys, message in islice(script_rules(script, built.network, built.pon_name), _MOST_FINDINGS):
                yield problem_at(merged, keys, message)
            sessions = expanded(script.sessions, built.network, script.seed)
            self.scripts[variant] = script.model_copy(update={"sessions": sessions})

    def _network(self, merged: Node) -> Built | list[Problem]:
        """The network of a variant, told apart from the rest so that both show their problems at once."""
        node = merged.child("network")
        choice = _validated(NetworkChoice, node) if node is not None else None
        if not isinstance(choice, NetworkChoice):
            return []  # the script's problems include these
        # Places belong to the key: two variants may err in the same words on different lines.
        key = json.dumps([choice.topology, choice.parameters, str(node)])
        if key not in self._built:
            try:
                if choice.topology not in self._topologies:
                    self._topologies[choice.topology] = load_topology(choice.topology, self.folder)
                topology = self._topologies[choice.topology]
                self._built[key] = build(topology, choice.parameters, merged)
            except TopologyError as error:
                self._built[key] = [problem_at(merged, ("network", "topology"), str(error))]
        return self._built[key]


def _validated(model: type[V], node: Node) -> V | list[Problem]:
    """A value of the model from a tree, or what is wrong with it.

    JSON's rules are pydantic's strictest that still read names of enumerations and lists: true is not
    1, "5" is not 5.
    """
    try:
        return model.model_validate_json(
            json.dumps(node.plain()), strict=True, context=FROM_TEXT, by_alias=True, by_name=False
        )
    except ValidationError as error:
        return list(problems_of(error, node, model))


def _unknown(node: Node, known: tuple[str, ...]) -> Iterator[Problem]:
    unknown = ((key, member) for key, member in node.members.items() if key not in known)
    for key, member in islice(unknown, _MOST_FINDINGS):
        message = f"unknown key; {instead(key, known)}"
        if key in _LAYOUT_KEYS:
            message = "belongs to the whole file, not to a variant; move it to the top"
        yield Problem(member.place, spelt(member.keys), message)


def _misspelt(root: Node, change: Node) -> Iterator[Problem]:
    """In a variant that is at fault: what is new in it, with a name that is nearly one of the base."""
    for key in ("sessions", "background", "workloads"):
        if key not in change.members or key not in root.members:
            continue
        known = root.members[key].members
        for name, member in change.members[key].members.items():
            meant = nearest(name, known) if name not in known else None
            if meant is not None:
                yield Problem(member.place, spelt(member.keys), f"is new here; did you mean {meant!r}?")


def _demand_problems(
    root: Node, demands: Demands, checker: _Checker, variants: tuple[str, ...]
) -> Iterator[Problem]:
    quantities = [
        ((key, index), quantity)
        for key, listing in (("expect", demands.expect), ("references", demands.references))
        for index, quantity in enumerate(listing)
    ]
    findings = (
        finding
        for at, quantity in quantities
        for finding in quantity_rules(at, quantity, checker.scripts, checker.networks, variants)
    )
    for keys, message in islice(findings, _MOST_FINDINGS):
        yield problem_at(root, keys, message)


def _only(node: Node, *keys: str) -> Node:
    return replace(node, value={key: member for key, member in node.members.items() if key in keys})


def _fields(script: Script) -> dict[str, Any]:
    return {name: getattr(script, name) for name in Script.model_fields}
