"""What is wrong with a scenario: pydantic's findings and our own, each at its line and in plain words."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from testbed.errors import ScenarioError
from testbed.model.base import FieldError
from testbed.scenario.shape import along, known_keys
from testbed.scenario.tree import Keys, Node, Place, spelt
from testbed.scenario.wording import wording
from testbed.text import listed

MOST_SHOWN = 20
# Finding the nearest word takes a while; nobody reads a thousand messages.
_MOST_WORDED = 100


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One fault: where, under which keys, and what to do.

    `path` has the keys as they were written, in a variant's part perhaps, `keys` as they are after
    merging. `variants` are those at fault, where others have the same value and are not.
    """

    place: Place
    path: str
    message: str
    keys: Keys = field(default=(), compare=False)
    variants: tuple[str, ...] = ()

    def __str__(self) -> str:
        inside = f" (in variant {listed(self.variants)})" if self.variants else ""
        return ": ".join(part for part in (str(self.place), self.path, self.message) if part) + inside


def problem_at(root: Node, keys: Keys, message: str, *, under: Keys = ()) -> Problem:
    """A fault of what stands under these keys, or, where nothing does, of the nearest value around it.

    The tree itself may stand `under` keys of a larger one.
    """
    node, missing = root.find(keys)
    return Problem(
        place=node.place, path=spelt((*node.keys, *missing)), message=message, keys=(*under, *keys)
    )


def problems_of(error: ValidationError, root: Node, shape: Any, *, under: Keys = ()) -> Iterator[Problem]:
    """Pydantic's findings about the plain form of a tree: the first by line, when there are very many.

    `shape` is the type of the tree, which may stand `under` keys of a larger one.
    """
    findings = error.errors(include_url=False)
    if len(findings) > _MOST_WORDED:
        findings.sort(key=lambda finding: root.find(_keys(finding))[0].place)
    for finding in findings[:_MOST_WORDED]:
        keys = _keys(finding)
        cause = finding.get("ctx", {}).get("error")
        if isinstance(cause, FieldError):
            yield problem_at(root, (*keys, *cause.keys), str(cause), under=under)
            continue
        node, beyond = root.find(keys)
        if finding["type"] == "missing":
            yield problem_at(root, keys, "is missing", under=under)
            continue
        # What lies beyond the tree are pydantic's names for the members of a union.
        reached = keys[: len(keys) - len(beyond)]
        message = wording(finding, node, _known(shape, reached[:-1]))
        yield problem_at(root, reached, message, under=under)


def _keys(finding: ErrorDetails) -> Keys:
    return tuple(key for key in finding["loc"] if key != "[key]")


def _known(shape: Any, keys: Keys) -> tuple[str, ...]:
    try:
        return known_keys(along(shape, keys)) or ()
    except KeyError:
        return ()


def of_variants(found: Iterable[tuple[str, Problem]], merged: Mapping[str, Node]) -> list[Problem]:
    """Findings by variant, each once.

    One that other variants escape, although they have the same key, names the variants at fault.
    """
    having: dict[Problem, list[str]] = {}
    for variant, problem in found:
        having.setdefault(problem, []).append(variant)
    problems = []
    for problem, names in having.items():
        others = [tree for variant, tree in merged.items() if variant not in names]
        escape = any(not tree.find(problem.keys[:-1])[1] for tree in others)
        in_variants = tuple(dict.fromkeys(names))
        told = escape and not problem.path.startswith("variants.")
        problems.append(replace(problem, variants=in_variants) if told else problem)
    return problems


def refusal(problems: Iterable[Problem]) -> ScenarioError:
    """An error with one line a problem, by line of the file, the first twenty of them."""
    ordered = sorted(set(problems))
    lines = [str(problem) for problem in ordered[:MOST_SHOWN]]
    if len(ordered) > MOST_SHOWN:
        lines.append(f"… and more; these are the first {MOST_SHOWN} problems")
    return ScenarioError("\n".join(lines))
