"""The kinds of application, one line each: the only list of them.

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

PACKAGES = (
    "testbed.applications.flows",
    "testbed.applications.transfer",
    "testbed.applications.game",
)
"""In the order in which their programs are started; to change it changes what runs record."""


@cache
def kinds() -> dict[str, Kind]:
    """Every kind, by its package."""
    return {package: import_module(f"{package}.model").KIND for package in PACKAGES}


@cache
def modules(name: str) -> tuple[ModuleType, ...]:
    """The module of this name of every kind that has one, in the order of the list."""
    paths = [f"{package}.{name}" for package in PACKAGES]
    return tuple(import_module(path) for path in paths if find_spec(path) is not None)


@cache
def parts(module: str) -> tuple[Any, ...]:
    """The `PART` of every kind that has a module of this name, in the order of the list."""
    return tuple(each.PART for each in modules(module))
