"""Which file a name stands for, and its text, read within limits."""

import os
import stat
from pathlib import Path

from testbed.errors import ScenarioError
from testbed.plugins import Kind
from testbed.text import instead, nearest, quoted

MAX_BYTES = 1_000_000
"""A scenario of the allowed 20,000 values is far below it; what is above it is some other file."""

PROJECT = Path(__file__).resolve().parents[2]
SCENARIOS = PROJECT / "scenarios"
TOPOLOGIES = PROJECT / "topologies"


def shipped() -> list[str]:
    """The bare names of the scenarios that come with the project, sorted."""
    return _stems(SCENARIOS, ".yaml")


def shipped_topologies() -> list[str]:
    """The bare names of the topologies that come with the project, sorted."""
    return _stems(TOPOLOGIES, ".py")


def scenario_path(name_or_path: str) -> Path:
    """The file of a scenario, named by its path or, for a shipped one, by its bare name.

    Raises:
        ScenarioError: There is none.
    """
    if name_or_path in shipped():
        return SCENARIOS / f"{name_or_path}.yaml"
    path = Path(name_or_path)
    if name_or_path and "\0" not in name_or_path and _exists(path):
        return path
    if is_bare(name_or_path):
        choices = instead(name_or_path, shipped())
        raise ScenarioError(f"{quoted(name_or_path)} is neither a file nor a shipped scenario; {choices}")
    raise ScenarioError(f"{quoted(name_or_path)}: there is no such file{_beside(path)}")


def topologies() -> Kind:
    """Topologies by their bare names."""
    return Kind(group="testbed.topologies", noun="topology", shipped=tuple(shipped_topologies()))


def topology_path(topology: str, beside: Path) -> Path:
    """The file of a topology: a shipped one by its bare name, another by its path from the scenario's folder.

    Raises:
        ValueError: There is none.
    """
    if is_bare(topology):
        return TOPOLOGIES / f"{topology}.py"
    if "\0" in topology or Path(topology).suffix != ".py":
        raise ValueError(f"{topology!r} is not a Python file; write a bare name or the path of a .py file")
    path = (beside / topology).resolve()
    if not path.is_file():
        raise ValueError(f"there is no file {shown(path)}{_beside(path)}")
    return path


def read(path: Path) -> str:
    """The text of a scenario file.

    Raises:
        ScenarioError: It cannot be read, is not an ordinary file, is too large, or is not UTF-8.
    """
    name = shown(path)
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise ScenarioError(f"{name}: is a directory; name a file in it")
        if not stat.S_ISREG(status.st_mode):
            raise ScenarioError(f"{name}: is not an ordinary file; save the scenario to one")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ScenarioError(f"{quoted(name)}: cannot be read: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise ScenarioError(
            f"{name}: has {status.st_size:,} bytes; a scenario has at most {MAX_BYTES:,}, is it another file?"
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ScenarioError(f"{name}:{line}: is not UTF-8 text; save the file as UTF-8") from error


def shown(path: Path) -> str:
    """A path as messages write it: from the current folder where the file is below it."""
    absolute = Path(os.path.abspath(path))
    here = Path.cwd()
    return str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute)


def is_bare(name: str) -> bool:
    """Whether it is a name, and no path of a file."""
    return "/" not in name and not Path(name).suffix


def _stems(folder: Path, suffix: str) -> list[str]:
    return sorted(path.stem for path in folder.glob(f"*{suffix}") if not path.stem.startswith("_"))


def _exists(path: Path) -> bool:
    try:
        path.stat()
    except FileNotFoundError:
        return False
    except OSError:
        return True  # reading it will tell why it cannot be read
    return True


def _beside(path: Path) -> str:
    """A file of a similar name, if the folder has one, as the end of a sentence."""
    if not path.parent.is_dir():
        return f"; there is no folder {shown(path.parent)} either"
    names = [entry.name for entry in path.parent.iterdir() if entry.suffix == path.suffix]
    similar = nearest(path.name, names)
    if similar is not None:
        return f"; did you mean {str(path.with_name(similar))!r}?"
    if path.stem in shipped():
        return f"; the shipped scenario is named {path.stem!r}"
    return ""
