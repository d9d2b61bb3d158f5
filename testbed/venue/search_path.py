"""What the guest main program reads from the host, and how it finds the user's own packages there.

Inside the embedded kernel the interpreter and its site-packages are the same. But the home and the current
folder differ, and the environment is empty.
"""

import os
import site
from collections.abc import Iterable
from pathlib import Path
from typing import TypedDict

from testbed.applications.application import all_rules
from testbed.applications.script import Script
from testbed.plugins import folders
from testbed.scenario import load
from testbed.scenario.extensions import extensions
from testbed.scenario.input_files import files_read
from testbed.venue.venue import SCENARIO_FILE


def extension_folders(scripts: Iterable[Script]) -> list[Path]:
    """The folders of a scenario's extensions, which must stay visible inside."""
    return [folder for kind, name in extensions(scripts) for folder in folders(kind, name)]


def search_path(scripts: Iterable[Script]) -> dict[str, str]:
    """PYTHONPATH with these folders; empty if all extensions lie in the interpreter's own folders."""
    own = {Path(folder).resolve() for folder in site.getsitepackages()}
    found = [folder for folder in extension_folders(scripts) if folder not in own]
    if not found:
        return {}
    given = [Path(entry).resolve() for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    return {"PYTHONPATH": os.pathsep.join(map(str, dict.fromkeys([*given, *found])))}


class Reach(TypedDict):
    """What a `Boot` makes visible to the guest main program."""

    environment: dict[str, str]
    visible: tuple[Path, ...]


def within_reach(folder: Path) -> Reach:
    """What the variants of a scenario read from outside the project; the guest loads and checks it again."""
    scripts = load(str(folder / SCENARIO_FILE)).variants.values()
    visible = [*extension_folders(scripts)]
    for script in scripts:
        network = script.network
        visible += [Path(network.topology).parent] if network.topology.endswith(".py") else []
        visible += files_read(script, folder)
        visible += [path for rules in all_rules() for path in rules.files(script)]
    return Reach(environment=search_path(scripts), visible=tuple(dict.fromkeys(visible)))
