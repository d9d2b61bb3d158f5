"""Kinds of workloads: what a package's module must have, and whether scenarios ask for them rightly."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from pydantic import ValidationError

from testbed.applications.script import Script
from testbed.model.base import FROM_TEXT, Value
from testbed.model.network import Network
from testbed.model.workload import WORKLOADS, Stream, StreamMeasure, Workload
from testbed.plugins import ExtensionError, Origin, methods
from testbed.scenario.common_rules import within
from testbed.scenario.problems import Problem, problem_at, problems_of
from testbed.scenario.rates import Finding
from testbed.scenario.tree import Keys, Node
from testbed.text import instead

MakeParts = Callable[[Value, Any], Sequence[Any]]
"""From the parameters and a `testbed.workload.end.End` to the parts of the program at that end."""


@dataclass(frozen=True, slots=True)
class WorkloadKind:
    """What a package brings: the type of its parameters, its streams, and what makes its programs."""

    parameters: type[Value]
    streams: tuple[Stream, ...]
    at_source: MakeParts
    at_destination: MakeParts


def workload_kind(name: str) -> WorkloadKind:
    """The kind of a name.

    Raises:
        ExtensionError: No package brings it, or what it brings is none.
    """
    return WORKLOADS.load(name, _brought)


def parameters_of(workload: Workload) -> Value:
    """A workload's parameters, as its kind reads them.

    Raises:
        ExtensionError: No package brings the kind.
        ValidationError: They are not as they must be, which loading a scenario would have told.
    """
    return workload_kind(workload.kind).parameters.model_validate_json(
        json.dumps(workload.parameters), strict=True, context=FROM_TEXT, by_alias=True, by_name=False
    )


def parameter_problems(script: Script, root: Node) -> Iterator[Problem]:
    """What is wrong with the kinds of a variant's workloads and with their parameters."""
    for name, workload in script.workloads.items():
        at: Keys = ("workloads", name)
        try:
            parameters_of(workload)
        except ValidationError as error:
            under: Keys = (*at, "parameters")
            node, beyond = root.find(under)
            if beyond:  # the defaults alone do not suffice, and there is no `parameters` to point at
                node = Node(place=node.place, keys=(*node.keys, *beyond), value={})
            yield from problems_of(error, node, workload_kind(workload.kind).parameters, under=under)
        except ExtensionError as error:
            yield problem_at(root, (*at, "kind"), str(error))


MOST_WORKLOADS = 1000
"""Each has eight ports at both ends."""


def workload_rules(script: Script, network: Network) -> Iterator[Finding]:
    """Findings about the key `workloads`, but for their parameters."""
    hosts = [station.name for station in network.stations if station.role.is_host]
    if len(script.workloads) > MOST_WORKLOADS:
        yield ("workloads",), f"are {len(script.workloads):,}; at most {MOST_WORKLOADS:,} have ports"
    for name, workload in script.workloads.items():
        at: Keys = ("workloads", name)
        ends = workload.source, workload.destination
        for key, host in zip(("source", "destination"), ends, strict=True):
            if host not in hosts:
                yield (*at, key), f"{host!r} is no host of {network.name}; {instead(host, hosts)}"
        if {*ends} <= {*hosts} and network.direction(*ends) is None:
            yield (
                (*at, "destination"),
                f"{ends[0]} and {ends[1]} are on one side of the access network; a workload joins a host of "
                "a home and a compute node",
            )
        yield from within((*at, "ends"), workload.ends_at_ns, script)


def _brought(brought: object, _origin: Origin) -> WorkloadKind:
    methods(brought, at_source=2, at_destination=2)
    parameters = getattr(brought, "Parameters", None)
    if not (isinstance(parameters, type) and issubclass(parameters, Value)):
        raise ValueError("defines no class Parameters(testbed.model.base.Value)")
    streams = getattr(brought, "STREAMS", None)
    if not isinstance(streams, tuple) or not streams or not all(map(_is_stream, streams)):
        raise ValueError("has no STREAMS, a tuple of testbed.workload.end.Stream")
    module = cast(Any, brought)
    return WorkloadKind(parameters, streams, module.at_source, module.at_destination)


def _is_stream(stream: object) -> bool:
    return isinstance(stream, Stream) and stream.measure in [*StreamMeasure]
