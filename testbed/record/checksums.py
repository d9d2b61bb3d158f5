"""SHA256SUMS of a run directory: what tells a damaged run from a whole one, also to `sha256sum --check`."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from testbed.errors import ScenarioError
from testbed.record.atomic import explained, replacing

NAME = "SHA256SUMS"


def write(folder: Path, names: Iterable[str]) -> None:
    """Record what these files of a folder are now; it is the last file that makes a run whole."""
    with explained("read", folder):
        sums = {name: _sum(folder / name) for name in names}
    _write(folder, sums)


def renew(folder: Path, name: str) -> None:
    """Record what one file is now, and leave the others as they were recorded; nothing if none is."""
    if (folder / NAME).is_file():
        _write(folder, {**recorded(folder), name: _sum(folder / name)})


def recorded(folder: Path) -> dict[str, str]:
    """The checksum of each file that has one.

    Raises:
        ScenarioError: There is no list, or it is damaged.
    """
    path = folder / NAME
    if not path.is_file():
        raise ScenarioError(
            f"{folder} is not a complete run: it has no {NAME}; the run may have been stopped, or made by an "
            "earlier version of the testbed: run it again"
        )
    with explained("read", path):
        lines = path.read_bytes().decode("ascii", errors="replace").splitlines()
    sums = {}
    for line in lines:
        checksum, separator, name = line.partition("  ")
        if not separator or len(checksum) != 64:
            raise ScenarioError(f"{path} is damaged: {line[:80]!r} is not a checksum and a name")
        sums[name] = checksum
    return sums


def require(folder: Path, names: Iterable[str]) -> None:
    """See that these files of a folder are what was recorded of them.

    Raises:
        ScenarioError: One of them is missing, was never recorded, or differs.
    """
    sums = recorded(folder)
    for name in names:
        path = folder / name
        if not path.is_file():
            raise ScenarioError(f"{folder} is not a complete run: it has no {name}")
        with explained("read", path):
            found = _sum(path)
        if sums.get(name) != found:
            why = "differs from" if name in sums else "is not in"
            raise ScenarioError(
                f"{path} is damaged: its checksum {why} {NAME}; restore the file, or run the scenario again"
            )


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(folder: Path, sums: Mapping[str, str]) -> None:
    with replacing(folder / NAME) as draft:
        draft.write_text(
            "".join(f"{checksum}  {name}\n" for name, checksum in sums.items()), encoding="ascii"
        )
