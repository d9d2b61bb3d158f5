"""Topology files: Python that turns parameters into a network.

A topology file defines `Parameters`, a `testbed.model.base.Value`, and `network(parameters)`, which
returns a `testbed.model.network.Network` or raises ValueError for values that cannot be. The error is
shown at the parameter that its message names first; a FieldError points deeper.
"""

import hashlib
import importlib.util
import json
import re
import sys
import traceback
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import ValidationError

from testbed.model.base import FROM_TEXT, FieldError, Value
from testbed.model.network import Network
from testbed.plugins import Origin
from testbed.scenario.network_faults import network_faults
from testbed.scenario.problems import Problem, problem_at, problems_of
from testbed.scenario.shape import known_keys
from testbed.scenario.source import is_bare, shown, topologies, topology_path
from testbed.scenario.tree import Keys, Node

_TOPOLOGY: Keys = ("network", "topology")
_PARAMETERS: Keys = ("network", "parameters")
_MOST_FAULTS = 50


@dataclass(frozen=True, slots=True)
class Topology:
    """A loaded topology: its file, and the module that this has become."""

    path: Path
    module: ModuleType

    @property
    def parameters(self) -> type[Value]:
        """The type of its parameters."""
        parameters: type[Value] = self.module.Parameters
        return parameters


@dataclass(frozen=True, slots=True)
class Built:
    """A network, and what users call its PON ("XGS-PON"), if the topology has a parameter `pon`."""

    network: Network
    pon_name: str


class TopologyError(ValueError):
    """A topology file is at fault, not its parameters."""


def load_topology(topology: str, beside: Path) -> Topology:
    """Load a topology by its bare name or its path, which counts from the scenario's folder.

    Raises:
        TopologyError: There is none, or the file does not work.
    """
    try:
        if is_bare(topology) and topology not in topologies().shipped:
            return installed_topology(topology)
        path = topology_path(topology, beside)
    except ValueError as error:
        raise TopologyError(str(error)) from error
    # Pydantic and dataclasses look a module up by its name, so each file needs one of its own.
    name = f"testbed_topology_{path.stem}_{hashlib.sha256(bytes(path)).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise TopologyError(f"{shown(path)} cannot be loaded as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever a file does, its author is told where
        raise TopologyError(f"{shown(path)} cannot be loaded: {_told(error, path)}") from error
    lack = _lack(module)
    if lack is not None:
        raise TopologyError(f"{shown(path)} {lack}")
    return Topology(path=path, module=module)


def installed_topology(name: str) -> Topology:
    """The topology that an installed package brings under a name.

    Raises:
        ExtensionError: None does, or what it brings is none.
    """
    return topologies().load(name, _brought)


def _brought(brought: object, _origin: Origin) -> Topology:
    if not isinstance(brought, ModuleType) or brought.__file__ is None:
        raise ValueError("is no module; let the entry point name one")
    lack = _lack(brought)
    if lack is not None:
        raise ValueError(lack)
    return Topology(path=Path(brought.__file__), module=brought)


def _lack(module: ModuleType) -> str | None:
    """What a module lacks to be a topology."""
    parameters = getattr(module, "Parameters", None)
    if not (isinstance(parameters, type) and issubclass(parameters, Value)):
        return "defines no class Parameters(testbed.model.base.Value)"
    if not callable(getattr(module, "network", None)):
        return "defines no function network(parameters)"
    return None


def build(topology: Topology, given: dict[str, Any], root: Node) -> Built | list[Problem]:
    """The network for these parameters, or what is wrong with them, located in the scenario's tree."""
    try:
        parameters = topology.parameters.model_validate_json(
            json.dumps(given), strict=True, context=FROM_TEXT, by_alias=True, by_name=False
        )
    except ValidationError as error:
        node, beyond = root.find(_PARAMETERS)
        if beyond:  # the defaults alone do not suffice, and there is no `parameters` to point at
            node = Node(place=node.place, keys=(*node.keys, *beyond), value={})
        return list(problems_of(error, node, topology.parameters, under=_PARAMETERS))
    try:
        network = topology.module.network(parameters)
    except ValueError as error:
        return [problem_at(root, (*_PARAMETERS, *_at_fault(error, parameters)), str(error))]
    except Exception as error:  # as above
        message = f"{shown(topology.path)} failed: {_told(error, topology.path)}"
        return [problem_at(root, _TOPOLOGY, message)]
    if not isinstance(network, Network):
        message = f"{shown(topology.path)}: network() returned no testbed.model.network.Network"
        return [problem_at(root, _TOPOLOGY, message)]
    faults = [
        problem_at(root, _written(root, name) or _TOPOLOGY, f"{topology.path.stem}: {message}")
        for name, message in islice(network_faults(network), _MOST_FAULTS)
    ]
    return faults or Built(network=network, pon_name=str(getattr(parameters, "pon", "the PON")))


def _at_fault(error: ValueError, parameters: Value) -> Keys:
    if isinstance(error, FieldError):
        return error.keys
    keys = known_keys(type(parameters)) or ()
    named = [word for word in re.findall(r"\w+", str(error)) if word in keys]
    return tuple(named[:1])


def _written(root: Node, station: str) -> Keys:
    """Where the parameters name a station, if they do; a station's name may be the topology's own."""
    if not station:
        return ()
    waiting = [root.find(_PARAMETERS)[0]]
    while waiting:
        node = waiting.pop()
        below = (*node.items, *node.members.values())
        for member in below:
            if station in (member.keys[-1], member.value):
                return (*_PARAMETERS, *member.keys[member.keys.index("parameters") + 1 :])
        waiting.extend(below)
    return ()


def _told(error: Exception, path: Path) -> str:
    """An error of a topology file with the line of that file where it arose."""
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: {error.msg}"
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    where = f"line {lines[-1]}: " if lines else ""
    return f"{where}{type(error).__name__}: {error}"
