"""Where a scenario names files that it reads: wherever a type says `InputFile`."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel

from testbed.applications.script import Script
from testbed.model.base import INPUT_FILE
from testbed.plugins import ExtensionError
from testbed.scenario.shape import parts
from testbed.scenario.topology import TopologyError, load_topology
from testbed.scenario.tree import Keys
from testbed.scenario.workloads import workload_kind


def input_files(script: Any, folder: Path) -> Iterator[Keys]:
    """The keys of all paths of files in the plain values of a script.

    The topology knows the types of the network's parameters, and the kind of a workload those of its own.
    What cannot be loaded is refused elsewhere, and names no file here. The path of a topology
    counts from `folder`.
    """
    yield from _files(Script, script)
    with suppress(TopologyError, ExtensionError):
        network = _under(script, "network")
        parameters = load_topology(str(_under(network, "topology")), folder).parameters
        for keys in _files(parameters, _under(network, "parameters")):
            yield ("network", "parameters", *keys)
    workloads = _under(script, "workloads")
    for name, workload in workloads.items() if isinstance(workloads, Mapping) else ():
        with suppress(ExtensionError):
            parameters = workload_kind(str(_under(workload, "kind"))).parameters
            for keys in _files(parameters, _under(workload, "parameters")):
                yield ("workloads", name, "parameters", *keys)


def files_read(script: Script, folder: Path) -> Iterator[Path]:
    """The files that a checked script reads."""
    plain: Any = script.model_dump(mode="json", by_alias=True)
    for keys in input_files(plain, folder):
        path = plain
        for key in keys:
            path = path[key]
        yield Path(path)


def _under(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, Mapping) else None


def _files(shape: Any, value: Any) -> Iterator[Keys]:
    """The keys of the paths in a plain value of this type."""
    if isinstance(value, str):
        if _is_file(shape):
            yield ()
        return
    members = (
        value.items() if isinstance(value, Mapping) else enumerate(value if isinstance(value, list) else ())
    )
    for key, member in members:
        for keys in {keys: None for inner in _below(shape, key) for keys in _files(inner, member)}:
            yield (key, *keys)


def _is_file(shape: Any) -> bool:
    if get_origin(shape) is Annotated:
        inner, *metadata = get_args(shape)
        return INPUT_FILE in metadata or _is_file(inner)
    return any(_is_file(each) for each in get_args(shape) if get_origin(shape) not in (dict, tuple, list))


def _below(shape: Any, key: str | int) -> Iterator[Any]:
    """The types that a value under a key may have, by all members of a union."""
    for part in parts(shape):
        origin, arguments = get_origin(part), get_args(part)
        if isinstance(part, type) and issubclass(part, BaseModel):
            for name, field in part.model_fields.items():
                if key == (field.alias or name):
                    yield Annotated[field.annotation, None, *field.metadata]
        elif origin is dict:
            yield arguments[1]
        elif origin is list or (origin is tuple and arguments[-1] is ...):
            yield arguments[0]
        elif origin is tuple and isinstance(key, int) and key < len(arguments):
            yield arguments[key]
