"""The reference of scenario files: every key with its type, default and meaning, from the models."""

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from types import NoneType
from typing import Annotated, Any, get_args, get_origin

from documents.pages import slug
from documents.reference_kinds import default_of, kind_of
from documents.tables import table
from testbed.applications.script import Script
from testbed.model.base import Value
from testbed.scenario.meanings import meanings
from testbed.scenario.shape import Demands, Layout
from testbed.scenario.source import TOPOLOGIES, shipped_topologies
from testbed.scenario.topology import load_topology

INTRODUCTION = """\
# Reference: scenario files

Every key. What they are for, with examples, is in [scenario-files.md](../scenario-files.md), and so is
[how values are written](../scenario-files.md#how-values-are-written). *Required*: there is no default;
*none*: the key may be absent; *its own*: the defaults of its keys. NAME stands for a name of your own, and
`[]` for each item of a list. An instant is a duration since the scenario's start.
"""
WHOLE = "The whole file"
COLUMNS = ("Key", "Type", "Default", "Meaning")


@dataclass(frozen=True, slots=True)
class Section:
    """One type of the model, and the places in a file where its keys stand."""

    model: type[Value]
    places: tuple[str, ...]

    @property
    def heading(self) -> str:
        """The places, as a heading has them."""
        return ", ".join(f"`{place}`" for place in self.places) if self.places[0] else WHOLE


def page() -> str:
    """The whole page."""
    sections = found(Layout)
    parts = [INTRODUCTION, *(_written(section, sections, "##") for section in sections)]
    return "\n".join([*parts, *_topologies({section.model for section in sections})])


def _topologies(shown: set[type[Value]]) -> Iterator[str]:
    """The parameters of each shipped topology; of one that is made of others, only what it adds."""
    yield "## Parameters of the topologies\n\nThey stand under `network.parameters`.\n"
    models = {name: load_topology(name, TOPOLOGIES).parameters for name in shipped_topologies()}
    models = dict(sorted(models.items(), key=lambda each: each[0].startswith("elastic_")))
    for name, model in models.items():
        keys = _keys(model)
        parts = [each for each, other in models.items() if {*other.model_fields} < {*keys}]
        inherited = {key for part in parts for key in models[part].model_fields}
        top, *below = found(model)
        headings = {each.model: each.heading for each in (top, *below)}
        own = [row for key, row in zip(keys, _rows(model, headings), strict=True) if key not in inherited]
        also = f" All keys of {' and '.join(f'`{part}`' for part in parts)}, and these:" if parts else ""
        yield f"### Topology `{name}`\n\n{summary(model)}{also}\n\n{table(COLUMNS, own)}"
        if not parts:
            yield from (_written(each, [top, *below], "####") for each in below)


def found(top: type[Value]) -> list[Section]:
    """Every type that a file can have below a type, each once, in the order in which they come."""
    places: dict[type[Value], list[str]] = {}

    def visit(model: type[Value], place: str) -> None:
        places.setdefault(model, []).append(place)
        for name in _keys(model):
            field = model.model_fields[name]
            for below, suffix in _models(field.annotation):
                # A variant has the keys of the file itself.
                if below is not Script:
                    visit(below, f"{place}.{field.alias or name}{suffix}".lstrip("."))

    visit(top, "")
    return [Section(model, tuple(where)) for model, where in places.items()]


def _keys(model: type[Value]) -> list[str]:
    """The fields in the order of a file: what is expected comes last."""
    return sorted(model.model_fields, key=lambda name: name in Demands.model_fields)


def _models(shape: Any) -> Iterator[tuple[type[Value], str]]:
    """The models in an annotation, each with what stands between a key and theirs."""
    if isinstance(shape, type) and issubclass(shape, Value):
        yield shape, ""
        return
    between = {dict: ".NAME", tuple: "[]"}.get(get_origin(shape), "")
    inside = get_args(shape)[:1] if get_origin(shape) is Annotated else get_args(shape)
    for each in inside:
        if each not in (NoneType, Ellipsis):
            yield from ((model, between + suffix) for model, suffix in _models(each))


def _written(section: Section, sections: list[Section], level: str) -> str:
    """One section: what it is, and its keys."""
    rows = _rows(section.model, {each.model: each.heading for each in sections})
    return f"{level} {section.heading}\n\n{summary(section.model)}\n\n{table(COLUMNS, rows)}"


def _rows(model: type[Value], headings: dict[type[Value], str]) -> list[tuple[str, ...]]:
    """A row for each key of a model."""

    def link(below: type[Value]) -> str:
        return "changes" if below is Script else f"[keys](#{slug(headings[below])})"

    said = meanings(model)
    return [
        (f"`{field.alias or name}`", kind_of(model, name, link), default_of(field, name), said.get(name, ""))
        for name in _keys(model)
        for field in (model.model_fields[name],)
    ]


def summary(model: type) -> str:
    """What the docstring of a type begins with."""
    first, _, _ = (inspect.getdoc(model) or "").partition("\n\n")
    return " ".join(first.split())
