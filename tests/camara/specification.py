"""An OpenAPI document as the judge of requests, answers and events: every $ref is followed, formats count."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import ValidationError
from openapi_schema_validator import OAS30Validator, oas30_format_checker
from published import DEFINITIONS
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

_DOCUMENT = "urn:document"
_PATH_PARAMETER = re.compile(r"\{[^}]+\}")


@dataclass(frozen=True, kw_only=True)
class Operation:
    """An operation of a specification; `path` starts with that of the server, `scope` is what it asks for.

    `answers` has a pointer to the schema of the body for each status, None for one without a body.
    """

    name: str
    method: str
    path: str
    scope: str
    body_schema: str | None
    answers: dict[int, str | None]


class Specification:
    """One of the three OpenAPI documents."""

    def __init__(self, path: Path) -> None:
        self.name = path.stem
        self._document = yaml.load(path.read_text(), Loader=yaml.CSafeLoader)
        resource = Resource(contents=self._document, specification=DRAFT202012)
        self._registry: Registry[Any] = Registry().with_resource(_DOCUMENT, resource)
        root = self._document["servers"][0]["url"].removeprefix("{apiRoot}")
        self.operations = {each.name: each for each in self._operations(root)}

    def problems(self, pointer: str, instance: object) -> list[str]:
        """Why an instance does not comply with the schema at a pointer; none if it does."""
        return [_told(error) for error in self._validator(pointer).iter_errors(instance)]

    def at(self, pointer: str) -> Any:
        """What stands at a pointer, following a $ref there."""
        node = self._document
        for name in pointer.lstrip("#/").split("/"):
            node = node[name.replace("~1", "/").replace("~0", "~")]
            if "$ref" in node:
                node = self.at(node["$ref"])
        return node

    def reference(self, pointer: str) -> str:
        """The name of the schema that stands at a pointer as a $ref."""
        holder, _, last = pointer.rpartition("/")
        name: str = self.at(holder)[last]["$ref"].split("/")[-1]
        return name

    def properties(self, pointer: str) -> set[str]:
        """The names that a schema declares for an object, with those of its `allOf`."""
        return _declared(self, self.at(pointer))

    def operation_at(self, method: str, resource: str) -> Operation:
        """The operation for a method on a resource, path parameters written as in the document.

        Raises:
            LookupError: The document has none.
        """
        for operation in self.operations.values():
            if (operation.method, operation.path) == (method, resource):
                return operation
        raise LookupError(f"{self.name} has no operation {method} {resource}")

    def undocumented(self, operation: Operation, status: int, body: object) -> list[str]:
        """What of an answer the document does not provide for; `body` is None if there is none."""
        if status not in operation.answers:
            return [f"{operation.name} has no answer with status {status}"]
        schema = operation.answers[status]
        if schema is None:
            return [] if body is None else [f"a body where {status} has none"]
        problems = self.problems(schema, body)
        if isinstance(body, dict):
            problems += [f"undeclared {name}" for name in sorted(body.keys() - self.properties(schema))]
        return problems

    def _validator(self, pointer: str) -> OAS30Validator:
        reference = {"$ref": f"{_DOCUMENT}#/{pointer.lstrip('#/')}"}
        self.at(pointer)
        return OAS30Validator(reference, registry=self._registry, format_checker=oas30_format_checker)

    def _operations(self, root: str) -> Iterator[Operation]:
        for path, methods in self._document["paths"].items():
            for method, content in methods.items():
                escaped = path.replace("/", "~1")
                here = f"/paths/{escaped}/{method}"
                [required] = content["security"]
                [scope] = required["openId"]
                yield Operation(
                    name=content["operationId"],
                    method=method.upper(),
                    path=root + path,
                    scope=scope,
                    body_schema=_schema(content.get("requestBody", {}), f"{here}/requestBody"),
                    answers={
                        int(status): self._answer(answer.get("$ref", f"{here}/responses/{status}"))
                        for status, answer in content["responses"].items()
                    },
                )

    def _answer(self, pointer: str) -> str | None:
        return _schema(self.at(pointer), pointer)


def _schema(holder: dict[str, Any], pointer: str) -> str | None:
    return f"{pointer}/content/application~1json/schema" if "content" in holder else None


def _told(error: ValidationError) -> str:
    where = "/".join(str(part) for part in error.absolute_path) or "the whole"
    return f"{where}: {error.message}"


def _declared(specification: Specification, schema: dict[str, Any]) -> set[str]:
    if "$ref" in schema:
        schema = specification.at(schema["$ref"])
    names = set(schema.get("properties", {}))
    for part in schema.get("allOf", []):
        names |= _declared(specification, part)
    return names


@cache
def specification(name: str) -> Specification:
    """The specification of a name, such as qos-profiles."""
    return Specification(DEFINITIONS / f"{name}.yaml")


def specification_of(resource: str) -> Specification:
    """The specification that a resource belongs to, by the first part of its path."""
    return specification(resource.strip("/").split("/")[0])
