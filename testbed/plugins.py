"""What other installed packages bring, by Python's entry points: found by name, loaded when it is asked for.

Nothing is looked for as long as only shipped names are used. A shipped name cannot be replaced. What each
kind of extension must be like is told where it is used; docs/extending.md has it all.
"""

import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, TypeVar, cast

from testbed.errors import ScenarioError
from testbed.text import counted, listed, nearest, quoted

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")
Take = Callable[[object, "Origin"], T]
"""Makes what is used of what a package brings; ValueError with what is wrong: "has no function decide"."""


class ExtensionError(ScenarioError, ValueError):
    """An extension is not there, does not load, is not what it must be, or answers what cannot be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where an extension comes from: what a manifest says of it."""

    group: str
    name: str
    distribution: str
    version: str
    entry_point: str

    def __str__(self) -> str:
        return f"{self.name!r} of {self.distribution} {self.version} (entry point {self.entry_point})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of extension: its group of entry points, what it is called, and the names that are shipped."""

    group: str
    noun: str
    shipped: tuple[str, ...] = ()

    def installed(self) -> tuple[str, ...]:
        """The names that installed packages bring, sorted, without those that are shipped."""
        return tuple(sorted({point.name for point in _points(self.group)} - {*self.shipped}))

    def origin(self, name: str) -> Origin | None:
        """Where a name comes from; None if it is shipped.

        Raises:
            ExtensionError: Nobody brings it, or two packages do.
        """
        return None if name in self.shipped else _origin(self.group, self._point(name))

    def load(self, name: str, take: Take[T]) -> T:
        """What a name that is not shipped stands for; loaded once, whoever asks.

        Raises:
            ExtensionError: As `origin`, or it does not load, or `take` says that it is not what it must be.
        """
        return cast(T, _load(self, name, take, tuple(sys.path)))

    def _point(self, name: str) -> "EntryPoint":
        found = [point for point in _points(self.group) if point.name == name]
        if not found:
            raise ExtensionError(self._unknown(name))
        if len(found) > 1:
            packages = sorted(_package(point) for point in found)
            raise ExtensionError(
                f"{' and '.join(packages)} both bring a {self.noun} {name!r}; uninstall one of them"
            )
        return found[0]

    def _unknown(self, name: str) -> str:
        installed = self.installed()
        meant = nearest(name, [*self.shipped, *installed])
        hint = f" (did you mean {meant!r}?)" if meant else ""
        shipped = f"shipped are {listed(self.shipped)}, and " if self.shipped else ""
        brought = f"installed packages bring {listed(installed)}" if installed else "no package brings it"
        return f"{quoted(name)} is no {self.noun}{hint}; {shipped}{brought}"


def methods(brought: object, **parameters: int) -> None:
    """See to it that something is no class and has these methods, each called with so many values.

    Raises:
        ValueError: What is missing.
    """
    if isinstance(brought, type):
        raise ValueError("is a class; let the entry point name an instance of it, or a module")
    for name, count in parameters.items():
        if not callable(getattr(brought, name, None)):
            raise ValueError(f"has no function {name}, called with {counted(count, 'value')}")


def place_of(error: BaseException) -> str:
    """An error, and the file and line where it arose, for the author of what raised it."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}, line {error.lineno}: {error.msg}"
    frames = [each for each in traceback.extract_tb(error.__traceback__) if not each.filename.startswith("<")]
    at = frames[-1] if frames and frames[-1].filename != __file__ else None
    where = f"{Path(at.filename).name}, line {at.lineno}: " if at else ""
    return f"{where}{type(error).__name__}: {error}"


def folders(kind: Kind, name: str) -> list[Path]:
    """Where an extension's distribution and module lie: what must be readable for it to be found again."""
    point = kind._point(name)
    assert point.dist is not None
    found = [Path(str(point.dist.locate_file("")))]
    module = sys.modules.get(point.module)
    if isinstance(module, ModuleType) and module.__file__ is not None:
        file = Path(module.__file__)
        above = point.module.count(".") + (file.name == "__init__.py")
        found.append(file.parents[above])
    return [folder.resolve() for folder in found]


@cache
def _load(kind: Kind, name: str, take: Take[object], _path: tuple[str, ...]) -> object:
    point = kind._point(name)
    who = f"the {kind.noun} {_origin(kind.group, point)}"
    try:
        brought = point.load()
    except Exception as error:  # whatever a package does, its user is told which and where
        raise ExtensionError(
            f"{who} cannot be loaded: {place_of(error)}; mend or reinstall {_package(point)}"
        ) from error
    try:
        return take(brought, _origin(kind.group, point))
    except ValueError as error:
        raise ExtensionError(f"{who} {error}") from error


def _points(group: str) -> "tuple[EntryPoint, ...]":
    return _points_along(group, tuple(sys.path))


@cache
def _points_along(group: str, _path: tuple[str, ...]) -> "tuple[EntryPoint, ...]":
    # Takes a while to load, and only shipped names are used most of the time.
    from importlib.metadata import entry_points

    # Of a package that lies on the path twice the first counts; that is importlib's doing.
    return tuple(entry_points(group=group))


def _origin(group: str, point: "EntryPoint") -> Origin:
    assert point.dist is not None, "entry points of installed packages have their distribution"
    return Origin(
        group=group,
        name=point.name,
        distribution=point.dist.name,
        version=point.dist.version,
        entry_point=point.value,
    )


def _package(point: "EntryPoint") -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist is not None else point.value
