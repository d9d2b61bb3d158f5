"""The kinds of application: those of the testbed, one line each, and those that installed packages bring.

A kind is a package with a module `model`, which has its `KIND`, and further modules for the parts of
`testbed.applications.application` that it takes part in. Modules are loaded when they are asked for, so that
a command loads what it needs: no plots to check a scenario, no sockets to write a report.
"""

from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from testbed.applications.kind import Kind
from testbed.model.base import Value
from testbed.plugins import ExtensionError, Origin, place_of
from testbed.plugins import Kind as ExtensionKind

SHIPPED = (
    "testbed.applications.flows",
    "testbed.applications.survey",
    "testbed.applications.inference",
    "testbed.applications.transfer",
    "testbed.applications.experts",
    "testbed.applications.user_program",
    "testbed.applications.capture",
    "testbed.applications.game",
)
"""In the order in which their programs are started; to change it changes what runs record."""

APPLICATIONS = ExtensionKind(group="testbed.applications", noun="application")
"""An entry point of this group names a package like those above."""


@cache
def kinds() -> dict[str, Kind]:
    """Every kind, by its package. One that an installed package brings and that does not load is left out."""
    found: dict[str, Kind] = {package: import_module(f"{package}.model").KIND for package in SHIPPED}
    for name in APPLICATIONS.installed():
        try:
            package, kind = APPLICATIONS.load(name, _brought)
        except ExtensionError as error:
            _FAILED.append(error)
        else:
            found[package] = kind
    return found


def is_used(name: str, script: Value) -> bool:
    """Whether a scenario has entries of the kind that an installed package brings under a name."""
    _, kind = APPLICATIONS.load(name, _brought)
    # A package that was installed after the keys were composed has none.
    keys = kind.section.model_fields if isinstance(script, kind.section) else ()
    return any(getattr(script, key) for key in keys)


_FAILED: list[ExtensionError] = []


def require_all() -> None:
    """See to it that every kind has been loaded, because a scenario may have its keys.

    Raises:
        ExtensionError: One of an installed package has not.
    """
    kinds()
    if _FAILED:
        raise _FAILED[0]


def _brought(package: object, _origin: Origin) -> tuple[str, Kind]:
    if not isinstance(package, ModuleType):
        raise ValueError("is no package; let the entry point name one")
    try:
        kind = import_module(f"{package.__name__}.model").KIND
    except Exception as error:  # its author is told which and where
        raise ValueError(f"has no model that loads: {place_of(error)}") from error
    if not isinstance(kind, Kind):
        raise ValueError("has a model whose KIND is no testbed.applications.kind.Kind")
    return package.__name__, kind


@cache
def modules(name: str) -> tuple[ModuleType, ...]:
    """The module of this name of every kind that has one, in the order of the list."""
    paths = [f"{package}.{name}" for package in kinds()]
    return tuple(import_module(path) for path in paths if find_spec(path) is not None)


@cache
def parts(module: str) -> tuple[Any, ...]:
    """The `PART` of every kind that has a module of this name, in the order of the list."""
    return tuple(each.PART for each in modules(module))
