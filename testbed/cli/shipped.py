"""`testbed list`: what comes with the project, by name and in a line each, and what other packages bring."""

import argparse
import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml

from testbed.model.channel import CHANNEL_POLICIES
from testbed.model.placement import PLACEMENT_POLICIES, PLACEMENT_SCORES
from testbed.model.workload import WORKLOADS
from testbed.plugins import ExtensionError, Kind
from testbed.scenario import shipped, shipped_topologies
from testbed.scenario.source import scenario_path, topologies, topology_path


def show(_options: argparse.Namespace) -> int:
    """Print the shipped scenarios and topologies, and what installed packages bring beside them."""
    rows = [
        ("Scenarios, for testbed run NAME", shipped(), _title),
        ("Topologies, for network.topology in a scenario", shipped_topologies(), _first_line),
    ]
    sections = [_section(*row) for row in rows]
    brought = [line for kind in _KINDS for line in _installed(kind)]
    if brought:
        sections.append("\n".join(["Installed, from other packages:", *brought]))
    print("\n\n".join(sections))
    return 0


_KINDS = (topologies(), CHANNEL_POLICIES, PLACEMENT_POLICIES, PLACEMENT_SCORES, WORKLOADS)


def _installed(kind: Kind) -> Iterator[str]:
    for name in kind.installed():
        try:
            origin = kind.origin(name)
        except ExtensionError as error:  # two packages bring it: whoever uses the name is refused, too
            yield f"  {kind.noun} {name}: {error}"
            continue
        assert origin is not None, "what is installed is not shipped"
        yield f"  {kind.noun} {name}, of {origin.distribution} {origin.version}"


def _section(heading: str, names: list[str], described: Callable[[str], str]) -> str:
    width = max(map(len, names))
    return "\n".join([f"{heading}:", *(f"  {name:{width}}  {described(name)}" for name in names)])


def _title(name: str) -> str:
    return str(yaml.safe_load(scenario_path(name).read_text(encoding="utf-8"))["title"])


def _first_line(name: str) -> str:
    """What a topology file says of itself, without running it."""
    module = ast.parse(topology_path(name, Path.cwd()).read_text(encoding="utf-8"))
    first, _, _ = (ast.get_docstring(module) or "").partition("\n")
    return first.rstrip(".")
