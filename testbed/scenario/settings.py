"""Settings of the command line: `sessions.player.scenes.0.rate=2 Gbit/s` over what the file says.

A setting holds in every variant. Where a variant writes the same value itself, it is written over
there too; where a variant has removed what surrounds the value, it stays removed. A key that begins
with `variants.NAME.` changes that variant alone. The value null removes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from testbed.applications.script import Script
from testbed.errors import ScenarioError
from testbed.scenario.compose import compose
from testbed.scenario.shape import Layout, below, is_single, known_keys
from testbed.scenario.tree import Keys, Node, Place, spelt
from testbed.text import counted, instead, quoted


@dataclass(frozen=True, slots=True)
class Setting:
    """A key with its new value as YAML; `label` is how the user gave it, and begins every error."""

    key: str
    value: str
    label: str

    @classmethod
    def from_text(cls, text: str) -> "Setting":
        """A setting as typed after `--set`.

        Raises:
            ScenarioError: It is not KEY=VALUE.
        """
        key, equals, value = text.partition("=")
        label = f"--set {text if len(text) <= 80 else text[:79] + '…'}"
        if not (equals and key.strip()):
            raise ScenarioError(f"{label}: is not KEY=VALUE; write for example --set duration='10 s'")
        return cls(key.strip(), value.strip(), label)

    def apply(self, document: Node) -> Node:
        """The document with this setting.

        Raises:
            ScenarioError: There can be no such key, or the value is not YAML.
        """
        words = self.key.split(".")
        layers = _layers(document)
        if words[0] == "variants":
            return self._apply_to_variant(document, layers, words)
        keys = self._keys(words, list(layers.values()), Layout)
        node = self._node(keys)
        for at in self._targets(layers, keys):
            is_there = not document.find((*at, *keys))[1]
            if node is not None or is_there:
                document = document.put((*at, *keys), node)
        return document

    def _apply_to_variant(self, document: Node, layers: "dict[Keys, Node]", words: Sequence[str]) -> Node:
        names = [str(at[1]) for at in layers if at]
        if len(words) < 3:
            self._refuse("names a whole variant; write variants.NAME.KEY=VALUE")
        if words[1] not in names:
            self._refuse(f"no variant {quoted(words[1])}; {instead(words[1], names)}")
        at: Keys = ("variants", words[1])
        base, own = layers[()], layers[at]
        keys = self._keys(words[2:], [own, base], Script)
        self._check_lists(own, keys)
        node = self._node((*at, *keys))
        if node is None and not base.find(keys)[1]:
            node = Node(self._place, (*at, *keys), None)
        return document.put((*at, *keys), node)

    def _keys(self, words: Sequence[str], layers: Sequence[Node], shape: Any) -> Keys:
        """The words of the key, places in lists as numbers, each checked against what can stand there."""
        keys: Keys = ()
        for depth, word in enumerate(words):
            here = [node for node, beyond in (layer.find(keys) for layer in layers) if not beyond]
            lengths = [len(node.value) for node in here if isinstance(node.value, tuple)]
            if lengths:
                keys = (*keys, self._index(word, keys, max(lengths)))
            else:
                self._check_word(word, keys, shape, here, is_last=depth == len(words) - 1)
                keys = (*keys, word)
            shape = below(shape, keys[-1])
        return keys

    def _index(self, word: str, keys: Keys, length: int) -> int:
        if not (word.isascii() and word.isdigit() and len(word) < 6 and int(word) < length):
            items = counted(length, "item")
            self._refuse(f"{spelt(keys)} has {items}, counted from 0; {quoted(word)} is none of them")
        return int(word)

    def _check_word(self, word: str, keys: Keys, shape: Any, here: Sequence[Node], *, is_last: bool) -> None:
        if word and shape is Any:
            return
        if is_single(shape):
            self._refuse(f"{spelt(keys)} is a single value and has no key {quoted(word)}")
        known = known_keys(shape)
        if known is None:
            known = tuple(dict.fromkeys(name for node in here for name in node.members))
            if word and is_last and self._node(()) is not None:
                return  # a new session or flow
        if not keys and word not in known and word in (known_keys(Layout) or ()):
            self._refuse(f"{word} belongs to the whole file, not to a variant; write {word}=…")
        if word not in known:
            self._refuse(f"{spelt((*keys, word))}: unknown key; {instead(word, known)}")

    def _targets(self, layers: "dict[Keys, Node]", keys: Keys) -> list[Keys]:
        """Which layers to write to: the base, and the variants that write the same value themselves."""
        base_has_parent = not layers[()].find(keys[:-1])[1]
        targets: list[Keys] = []
        for at, layer in layers.items():
            self._check_lists(layer, keys)
            node, beyond = layer.find(keys)
            only_here = len(beyond) == 1 and not base_has_parent and isinstance(node.value, Mapping)
            if at and (not beyond or only_here):
                targets.append(at)
        if base_has_parent or not targets:
            targets.append(())
        return targets

    def _check_lists(self, layer: Node, keys: Keys) -> None:
        """A list is replaced as a whole by a variant, so each must have the item that is set."""
        node, beyond = layer.find(keys)
        if beyond and isinstance(beyond[0], int) and isinstance(node.value, tuple):
            length = counted(len(node.value), "item")
            self._refuse(f"{spelt(node.keys)} has {length}, counted from 0, and no {beyond[0]}")

    def _node(self, keys: Keys) -> Node | None:
        if not self.value:
            return None
        node = compose(self.value, self.label, has_lines=False, at=keys)
        return None if node.value is None else node

    @property
    def _place(self) -> Place:
        return Place(0, self.label)

    def _refuse(self, message: str) -> NoReturn:
        raise ScenarioError(f"{self.label}: {message}")


def _layers(document: Node) -> dict[Keys, Node]:
    """The base and each variant's changes, by the keys where they stand in the document."""
    variants = document.members.get("variants")
    names = variants.members if variants is not None else {}
    base: dict[Keys, Node] = {(): document.without("variants")}
    return base | {("variants", name): node for name, node in names.items()}
