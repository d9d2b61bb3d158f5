"""What all models of the API share: JSON in camel case, numbers that are no text, unknown keys ignored."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    Strict,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

LARGEST_INT32 = 2**31 - 1
PROFILE_NAME = r"^[a-zA-Z0-9_.-]+$"
_UUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"


class ApiModel(BaseModel):
    """A JSON object of the API. What is optional is left out, never null."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        schema = handler(core_schema)
        for described in handler.resolve_ref_schema(schema).get("properties", {}).values():
            kinds = [kind for kind in described.get("anyOf", ()) if kind != {"type": "null"}]
            if len(kinds) == 1:
                del described["anyOf"]
                described.update(kinds[0])
            if described.get("default", ...) is None:
                del described["default"]
        return schema


class RequestModel(ApiModel):
    """A JSON object that a client sends."""

    @model_validator(mode="before")
    @classmethod
    def _without_null(cls, sent: Any) -> Any:
        if isinstance(sent, dict):
            for name, field in cls.model_fields.items():
                for key in (name, field.alias):
                    if key in sent and sent[key] is None:
                        raise ValueError(f"{key} is null; leave it out instead")
        return sent


def _read_whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(_read_whole)
"""Takes 60.0 for 60, as JSON and its schemas do. Bounds stand before it, or the schema lacks them."""

Text = Annotated[str, Strict(), Field(max_length=4096)]
Seconds = Annotated[
    int, Strict(), Field(ge=1, le=LARGEST_INT32, json_schema_extra={"format": "int32"}), WHOLE
]
QosProfileName = Annotated[str, Strict(), Field(min_length=3, max_length=256, pattern=PROFILE_NAME)]


def _read_instant(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or "T" not in value.upper():
        raise ValueError("must be a date and time as in 2024-06-01T12:00:00Z (RFC 3339)")
    instant = datetime.fromisoformat(value.upper())
    if instant.tzinfo is None:
        raise ValueError("must have a time zone, as in 2024-06-01T12:00:00Z (RFC 3339)")
    return instant


Instant = Annotated[
    datetime,
    BeforeValidator(_read_instant, json_schema_input_type=str),
    Field(json_schema_extra={"type": "string", "format": "date-time"}),
]
"""A date and time with its time zone."""

Identifier = Annotated[str, Strict(), Field(pattern=_UUID, json_schema_extra={"format": "uuid"})]
"""A UUID in its usual form."""
