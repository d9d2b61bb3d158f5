"""A built kernel on the disk: where builds are kept, and how one is recognised as whole."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

BINARY_NAME = "linux"
MANIFEST_NAME = "manifest.json"
CONFIG_NAME = "config"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """A kernel whose binary was found to be what its manifest says.

    `version` is what `uname -r` says inside; `recipe` is the hash of everything but the source that
    went into it (config fragment, patches, build steps).
    """

    path: Path
    version: str
    sha256: str
    key: str
    recipe: str
    built_at: str


def cache_folder() -> Path:
    """Where this user's kernels are: `$XDG_CACHE_HOME/testbed/kernels`, by default below `~/.cache`."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG base directory specification says to ignore a relative path.
    root = Path(base) if base.startswith("/") else Path.home() / ".cache"
    return root / "testbed" / "kernels"


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def load(folder: Path) -> Kernel | None:
    """The kernel in a folder of the cache; None if there is none, or one that is damaged."""
    try:
        manifest = json.loads((folder / MANIFEST_NAME).read_text(encoding="utf-8"))
        binary = folder / BINARY_NAME
        if file_sha256(binary) != manifest["sha256"]:
            return None
        return Kernel(
            path=binary,
            version=manifest["version"],
            sha256=manifest["sha256"],
            key=manifest["key"],
            recipe=manifest["recipe"],
            built_at=manifest["built_at"],
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
