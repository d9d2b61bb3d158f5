"""A scenario as it was written: a tree of plain values, each of which knows where it stands.

Variants are merged on this tree, not on plain values, so that an error found after merging still
names the line that somebody has to mend.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

Scalar = str | int | float | bool | None
Keys = tuple[str | int, ...]
"""The way from the top of a document to a value: mapping keys, and places in lists counted from 0."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something was written: a line of a file, a setting of the command line, or a program.

    A value has the place of its key. Line 0 is a place without lines.
    """

    line: int
    label: str

    def __str__(self) -> str:
        return f"{self.label}:{self.line}" if self.line else self.label


@dataclass(frozen=True, slots=True)
class Node:
    """A value with its place and the keys under which it was written there."""

    place: Place
    keys: Keys
    value: "Scalar | tuple[Node, ...] | Mapping[str, Node]"

    @property
    def members(self) -> "Mapping[str, Node]":
        """The values of a mapping by key; of anything else, none."""
        return self.value if isinstance(self.value, Mapping) else {}

    @property
    def items(self) -> "tuple[Node, ...]":
        """The values of a list; of anything else, none."""
        return self.value if isinstance(self.value, tuple) else ()

    def child(self, key: str | int) -> "Node | None":
        """What stands under one key (or at one place in a list), if anything does."""
        if isinstance(key, int):
            return self.items[key] if 0 <= key < len(self.items) else None
        return self.members.get(key)

    def find(self, keys: Keys) -> "tuple[Node, Keys]":
        """The deepest value on the way along these keys, and the keys that lead on from it to nothing."""
        node = self
        for depth, key in enumerate(keys):
            below = node.child(key)
            if below is None:
                return node, keys[depth:]
            node = below
        return node, ()

    def put(self, keys: Keys, value: "Node | None") -> "Node":
        """A copy in which this value stands under these keys, or, for None, nothing does.

        Mappings on the way are made where there are none; places in lists must exist.
        """
        if not keys:
            return self if value is None else value
        key, rest = keys[0], keys[1:]
        if isinstance(key, int):
            changed = self.items[key].put(rest, value)
            return replace(self, value=(*self.items[:key], changed, *self.items[key + 1 :]))
        members = dict(self.members)
        if not rest and value is None:
            members.pop(key, None)
        else:
            below = members.get(key)
            if below is None or (rest and not isinstance(below.value, Mapping | tuple)):
                place = value.place if value is not None else self.place
                below = Node(place=place, keys=(*self.keys, key), value={})
            members[key] = below.put(rest, value)
        return replace(self, value=members)

    def without(self, *keys: str) -> "Node":
        """A copy of a mapping that lacks these keys."""
        return replace(self, value={key: node for key, node in self.members.items() if key not in keys})

    def count(self) -> int:
        """How many values there are in it, itself included."""
        return 1 + sum(node.count() for node in (*self.items, *self.members.values()))

    def plain(self) -> Any:
        """The value as plain dicts, lists and scalars."""
        if isinstance(self.value, Mapping):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, tuple):
            return [node.plain() for node in self.value]
        return self.value


def merge(base: Node, changes: Node) -> Node:
    """The base with a variant's changes: mappings merge key by key, all else is replaced, null removes.

    A null where the base has nothing stays, so that a misspelt key is reported and not passed over.
    """
    if not (isinstance(base.value, Mapping) and isinstance(changes.value, Mapping)):
        return changes
    merged = dict(base.value)
    for key, change in changes.value.items():
        if key not in merged:
            merged[key] = change
        elif change.value is None:
            del merged[key]
        else:
            merged[key] = merge(merged[key], change)
    return replace(base, value=merged)


def spelt(keys: Keys) -> str:
    """Keys as a message and a setting of the command line write them: sessions.player.scenes.1.rate."""
    return ".".join(str(key) for key in keys)
