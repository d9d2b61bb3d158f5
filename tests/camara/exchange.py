"""The request that a scenario puts together step by step, and the answer to it."""

import copy
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx
from json_path import MISSING, assign, remove
from specification import Operation, Specification, specification_of


@dataclass
class Exchange:
    """A request under construction and its response.

    `body` is MISSING while no step has said anything of it; `without_body` sends none whatever the
    operation asks for.
    """

    resource: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    path_parameters: dict[str, str] = field(default_factory=dict)
    body: Any = MISSING
    without_body: bool = False
    response: httpx.Response | None = None

    @property
    def specification(self) -> Specification:
        """The specification of the resource."""
        return specification_of(self.resource)

    def operation(self, name: str) -> Operation:
        """An operation on the resource.

        Raises:
            LookupError: That operation is not on this resource.
        """
        operation = self.specification.operations[name]
        if operation.path != self.resource:
            raise LookupError(f"{name} is at {operation.path}, the scenario is at {self.resource}")
        return operation

    @property
    def body_unsaid(self) -> bool:
        """Whether no step has said anything of the body."""
        return self.body is MISSING

    @property
    def url(self) -> str:
        """The path with its parameters filled in."""
        url = self.resource
        for name, value in self.path_parameters.items():
            url = url.replace(f"{{{name}}}", quote(value, safe=""))
        return url

    def set(self, path: str, value: Any) -> None:
        """Set a property of the body."""
        assign(self.body, path, copy.deepcopy(value))

    def drop(self, path: str) -> None:
        """Leave a property of the body out."""
        remove(self.body, path)

    @property
    def answer(self) -> httpx.Response:
        """The response, which must have come."""
        assert self.response is not None, "no request has been sent yet"
        return self.response

    @property
    def answered(self) -> Any:
        """The body of the response as JSON; None if it is empty."""
        return self.answer.json() if self.answer.content else None
