"""How the inner program finds the user's own packages again inside the embedded kernel.

It is the same interpreter with the same site-packages. But there it has another home and another current
folder, and nothing of our environment.
"""

import os
import site
from collections.abc import Iterable
from pathlib import Path

from testbed.applications.script import Script
from testbed.extension import folders
from testbed.scenario.extensions import extensions


def extension_folders(scripts: Iterable[Script]) -> list[Path]:
    """Where the extensions of a scenario lie, which must not be hidden inside."""
    return [folder for kind, name in extensions(scripts) for folder in folders(kind, name)]


def search_path(scripts: Iterable[Script]) -> dict[str, str]:
    """What leads there, as PYTHONPATH; nothing if no extension lies outside the interpreter's own folders."""
    own = {Path(folder).resolve() for folder in site.getsitepackages()}
    found = [folder for folder in extension_folders(scripts) if folder not in own]
    if not found:
        return {}
    given = [Path(entry).resolve() for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    return {"PYTHONPATH": os.pathsep.join(map(str, dict.fromkeys([*given, *found])))}
