"""`testbed list`: what comes with the project, by name and in a line each."""

import argparse
import ast
from collections.abc import Callable
from pathlib import Path

import yaml

from testbed.scenario import shipped, shipped_topologies
from testbed.scenario.source import scenario_path, topology_path


def show(_options: argparse.Namespace) -> int:
    """Print the shipped scenarios and topologies."""
    rows = [
        ("Scenarios, for testbed run NAME", shipped(), _title),
        ("Topologies, for network.topology in a scenario", shipped_topologies(), _first_line),
    ]
    print("\n\n".join(_section(*row) for row in rows))
    return 0


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
