"""Names that stand for something shipped or for what an installed package brings.

A field with such a name is `Annotated[Name, known(KIND, …), offered(KIND)]`.
"""

from enum import StrEnum
from typing import Any

from pydantic import AfterValidator, Field
from pydantic.config import JsonDict

from testbed.plugins import Kind


def known(kind: Kind, shipped: type[StrEnum] | None = None) -> AfterValidator:
    """Refuses a name that nobody brings; a shipped one becomes the member of its enumeration.

    Whether what a package brings works is seen when it is loaded, and not here.
    """

    def check(name: str) -> str:
        if shipped is not None and name in kind.shipped:
            return shipped(name)
        kind.origin(name)
        return name

    return AfterValidator(check)


def offered(kind: Kind) -> Any:
    """Lets the JSON Schema offer all names that can be had on the machine that prints it."""

    def offer(schema: JsonDict) -> None:
        schema["enum"] = [*kind.shipped, *kind.installed()]

    return Field(json_schema_extra=offer)
