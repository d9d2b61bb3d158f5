"""The JSON Schema of a scenario file, for editors that complete and check while one writes.

It knows every key, its kind, what it means and which are required, and the parameters of the shipped and
the installed topologies. What must hold between values, or needs the network, is for `testbed check` to say.
"""

import copy
import re
from collections.abc import Callable
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema

from testbed.model.base import Value
from testbed.model.workload import WORKLOADS
from testbed.scenario.meanings import meanings
from testbed.scenario.shape import Layout
from testbed.scenario.source import TOPOLOGIES, topologies
from testbed.scenario.topology import installed_topology, load_topology
from testbed.scenario.workloads import workload_kind

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REF = "#/$defs/"
_PART = "Part"
"""Added to the name of a type where a variant gives a part of it."""
_OF_TOPOLOGY = re.compile(r"testbed_topology_(\w+)_[0-9a-f]{12}__(\w+)")
"""What a type of a topology file is called: after its module, whose name has a hash of the file's place."""


class _Described(GenerateJsonSchema):
    """Adds to each key what it means."""

    def model_schema(self, schema: Any) -> JsonSchemaValue:
        made = super().model_schema(schema)
        model: type[Value] = schema["cls"]
        for name, meaning in meanings(model).items():
            made["properties"][model.model_fields[name].alias or name]["description"] = meaning
        return made


def json_schema() -> dict[str, Any]:
    """The schema of a whole file (JSON Schema 2020-12)."""
    known = topologies()
    parameters = {name: load_topology(name, TOPOLOGIES).parameters for name in known.shipped}
    parameters |= {name: installed_topology(name).parameters for name in known.installed()}
    kinds = {name: workload_kind(name).parameters for name in WORKLOADS.installed()}
    types = (Layout, *parameters.values(), *kinds.values())
    models: list[tuple[Any, Any]] = [(each, "validation") for each in types]
    refs, schema = models_json_schema(
        models, by_alias=True, ref_template=_REF + "{model}", schema_generator=_Described
    )
    definitions: dict[str, Any] = schema["$defs"]
    _offer_parameters(definitions["NetworkChoice"], "topology", refs, parameters)
    _offer_parameters(definitions["Workload"], "kind", refs, kinds)
    _in_variants(definitions)
    layout = definitions.pop(_name(refs[Layout, "validation"]["$ref"]))
    named = {_OF_TOPOLOGY.sub(r"\1.\2", name): each for name, each in definitions.items()}
    whole = {"$schema": _DIALECT, **layout, "title": "testbed scenario", "$defs": named}
    renamed: dict[str, Any] = _walk(whole, lambda ref: _OF_TOPOLOGY.sub(r"\1.\2", ref))
    return renamed


def _offer_parameters(definition: dict[str, Any], key: str, refs: Any, types: dict[str, type[Value]]) -> None:
    """Let the name under a key decide which parameters there are."""
    if not types:
        return
    definition["properties"][key]["examples"] = sorted(types)
    definition["allOf"] = [
        {
            "if": {"required": [key], "properties": {key: {"const": name}}},
            "then": {"properties": {"parameters": refs[parameters, "validation"]}},
        }
        for name, parameters in types.items()
    ]


def _in_variants(definitions: dict[str, Any]) -> None:
    """A variant changes what it names: nothing is required in it, and null takes something away."""
    parts = {name + _PART: _part(copy.deepcopy(definition)) for name, definition in definitions.items()}
    definitions |= parts
    layout = definitions["Layout"]
    one = {"anyOf": [{"$ref": f"{_REF}Script{_PART}"}, {"type": "null"}]}
    layout["properties"]["variants"] = {"type": "object", "minProperties": 1, "additionalProperties": one}


def _part(definition: Any) -> Any:
    definition.pop("required", None)
    # Of several topologies' parameters a part may be that of the network above it.
    definition.pop("allOf", None)
    for key, member in definition.get("properties", {}).items():
        part = _rewritten(member)
        if "patternProperties" in part:  # what the author has named
            part["patternProperties"] = {
                pattern: _nullable(each) for pattern, each in part["patternProperties"].items()
            }
        definition["properties"][key] = _nullable(part)
    return definition


def _nullable(schema: Any) -> Any:
    return {"anyOf": [schema, {"type": "null"}]}


def _rewritten(schema: Any) -> Any:
    """A schema whose references lead to parts."""
    return _walk(schema, lambda ref: ref + _PART)


def _walk(schema: Any, change: Callable[[str], str]) -> Any:
    """A schema with all its references changed."""
    if isinstance(schema, list):
        return [_walk(each, change) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: change(value) if key == "$ref" else _walk(value, change) for key, value in schema.items()}


def _name(ref: str) -> str:
    return ref.removeprefix(_REF)
