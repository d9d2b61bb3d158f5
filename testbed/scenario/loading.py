"""From a scenario's name to checked values: read, compose, set, merge, validate, build, cross-check.

Everything that is wrong is collected and told at once; only what makes the rest unreadable (text
that is not YAML, a setting of an unknown key) ends the work at the first fault.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from testbed.applications import registry
from testbed.errors import ScenarioError
from testbed.scenario.checking import MAX_MERGED_NODES, Checked, check
from testbed.scenario.code import as_written
from testbed.scenario.compose import compose
from testbed.scenario.dump import dump
from testbed.scenario.file import ScenarioFile
from testbed.scenario.input_files import input_files
from testbed.scenario.settings import Setting
from testbed.scenario.source import MAX_BYTES, read, scenario_path, shown
from testbed.scenario.tree import Keys, Node, Place, merge, spelt
from testbed.text import instead


def load(
    name_or_path: str,
    *,
    seed: int | None = None,
    settings: Sequence[str] = (),
    variants: Sequence[str] = (),
) -> ScenarioFile:
    """Read a scenario file, named by its path or, for a shipped one, by its bare name.

    `settings` are KEY=VALUE over what the file says, `variants` the ones to keep (all, when none is
    named); what is expected of the others goes with them.

    Raises:
        ScenarioError: The file is refused; one line a fault, each with file, line, key and what to do.
    """
    path = scenario_path(name_or_path)
    root = compose(read(path), shown(path))
    changes = [Setting.from_text(text) for text in settings]
    if seed is not None:
        changes.append(Setting("seed", str(seed), f"--seed {seed}"))
    return _assemble(root, _utf8(path.stem), path, changes, variants)


def from_mapping(document: Mapping[str, Any], name: str) -> ScenarioFile:
    """A scenario built in code: the keys of a file, with quantities as text or as values of the model.

    Paths of topologies count from the current folder.

    Raises:
        ScenarioError: As for `load`, without line numbers.
    """
    root = compose(dump(as_written(document, name)), name, has_lines=False)
    return _assemble(root, name, None, (), ())


def _assemble(
    root: Node, name: str, path: Path | None, changes: Sequence[Setting], wanted: Sequence[str]
) -> ScenarioFile:
    registry.require_all()
    if not isinstance(root.value, Mapping):
        kind = "a list" if isinstance(root.value, tuple) else "a single value"
        raise ScenarioError(f"{root.place}: is {kind}; a scenario is a mapping of keys: title, duration, …")
    for change in changes:
        root = change.apply(root)
    if "name" not in root.members:
        node = Node(Place(0, root.place.label), ("name",), name)
        root = replace(root, value={"name": node, **root.members})
    folder = path.resolve().parent if path is not None else Path.cwd()
    root = _with_absolute_paths(root, folder)
    return _selected(root, path, check(root, folder), wanted)


_TOPOLOGY = ("network", "topology")


def _with_absolute_paths(root: Node, folder: Path) -> Node:
    """What is given by its path must be found from wherever the effective text is stored."""
    found: dict[Keys, None] = {}
    base, changes = root.without("variants"), root.child("variants")
    variants = changes.members if changes is not None else {}
    if base.count() * len(variants) > MAX_MERGED_NODES:
        return root  # which is refused
    scripts: list[tuple[Keys, Node]] = [
        ((), base),
        *((("variants", name), merge(base, each)) for name, each in variants.items()),
    ]
    for at, script in scripts:
        for keys in (_TOPOLOGY, *input_files(script.plain(), folder)):
            # Written in the variant, or else in what all variants share.
            found[keys if root.find((*at, *keys))[1] else (*at, *keys)] = None
    for keys in found:
        root = _with_absolute_path(root, keys, folder)
    return root


def _with_absolute_path(root: Node, keys: Keys, folder: Path) -> Node:
    node, beyond = root.find(keys)
    path = node.value
    if beyond or not isinstance(path, str) or not path or "\0" in path:
        return root
    # A topology's bare name is that of a shipped one.
    if keys[-len(_TOPOLOGY) :] == _TOPOLOGY and not path.endswith(".py"):
        return root
    found = str((folder / path).resolve())
    if found != _utf8(found):
        raise ScenarioError(
            f"{node.place}: {spelt(keys)}: the path {found!r} is not UTF-8, and a scenario is; "
            "rename the folder or the file"
        )
    return root.put(keys, replace(node, value=found))


def _utf8(name: str) -> str:
    """The name of a file with the bytes replaced that are not UTF-8, which Python has as lone surrogates."""
    return name.encode("utf-8", errors="surrogateescape").decode("utf-8", errors="replace")


def _selected(root: Node, path: Path | None, checked: Checked, wanted: Sequence[str]) -> ScenarioFile:
    """The scenario with the wanted variants only, in the order of the file."""
    for name in wanted:
        if name not in checked.variants:
            raise ScenarioError(
                f"--variant {name}: {root.place} has no such variant; {instead(name, checked.variants)}"
            )
    kept = [name for name in checked.variants if not wanted or name in wanted]
    expected = [index for index, one in enumerate(checked.expectations) if one.variant in kept]
    referred = [index for index, one in enumerate(checked.references) if one.variant in kept]
    text = dump(_effective(root, kept, expected, referred).plain())
    if len(text.encode()) > MAX_BYTES:
        raise ScenarioError(
            f"{root.place}: written in full it is larger than {MAX_BYTES:,} bytes; shorten it"
        )
    return ScenarioFile(
        name=checked.name,
        path=path,
        title=checked.variants[kept[0]].title,
        variants={name: checked.variants[name] for name in kept},
        networks={name: checked.networks[name] for name in kept},
        expectations=tuple(checked.expectations[index] for index in expected),
        references=tuple(checked.references[index] for index in referred),
        text=text,
    )


def _effective(root: Node, kept: Sequence[str], expected: Sequence[int], referred: Sequence[int]) -> Node:
    members = dict(root.members)
    if "variants" in members:
        variants = members["variants"]
        members["variants"] = replace(variants, value={name: variants.members[name] for name in kept})
    for key, indices in (("expect", expected), ("references", referred)):
        if key in members:
            listing = members[key]
            members[key] = replace(listing, value=tuple(listing.items[index] for index in indices))
    return replace(root, value=members)
