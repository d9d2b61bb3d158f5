"""Lines that are JSON objects each: what a file that grows, a line or a stream brings."""

import json
from typing import Any

from testbed.errors import InvariantError


def json_object(line: bytes, told: str) -> dict[str, Any]:
    """The object of a line; `told` begins the sentence if there is none: "a message on the line is not a".

    Raises:
        InvariantError: It is no JSON, or no object.
    """
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvariantError(f"{told} JSON object: {line[:200]!r}") from error
    if not isinstance(found, dict):
        raise InvariantError(f"{told} JSON object: {line[:200]!r}")
    return found
