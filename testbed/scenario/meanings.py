"""What keys and choices mean, in the words that stand below them in the source.

For the reference and for editors; no run needs it, so that nothing is read before it is asked for.
"""

import ast
import inspect
import textwrap
from dataclasses import is_dataclass
from enum import Enum
from itertools import pairwise

from testbed.model.base import Value


def meanings(described: type) -> dict[str, str]:
    """Each field or member of a value, an enum or a dataclass that has a docstring of its own, with it.

    On one line; inherited ones too.
    """
    found: dict[str, str] = {}
    for each in reversed(described.__mro__):
        is_enum = issubclass(each, Enum) and len(each)
        if (issubclass(each, Value) and each is not Value) or is_enum or is_dataclass(each):
            found |= _own(each)
    return found


def _own(described: type) -> dict[str, str]:
    definition = ast.parse(textwrap.dedent(inspect.getsource(described))).body[0]
    assert isinstance(definition, ast.ClassDef)
    return {
        name: " ".join(after.value.value.split())
        for before, after in pairwise(definition.body)
        if isinstance(after, ast.Expr)
        and isinstance(after.value, ast.Constant)
        and isinstance(after.value.value, str)
        and (name := _assigned(before))
    }


def _assigned(statement: ast.stmt) -> str | None:
    if isinstance(statement, ast.AnnAssign):
        target: ast.expr = statement.target
    elif isinstance(statement, ast.Assign):
        target = statement.targets[0]
    else:
        return None
    return target.id if isinstance(target, ast.Name) else None
