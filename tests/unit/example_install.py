"""Installs packages with extensions as pip would, without it: their modules, and the metadata of them."""

import shutil
import sys
import tomllib
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[1] / "example_package"
NAME, VERSION = "example-testbed", "1.2.0"


def install_example(target: Path) -> Path:
    """The example package, as `pip install --no-deps --target` leaves it."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    modules = shutil.ignore_patterns("__pycache__")
    shutil.copytree(EXAMPLE / "example_testbed", target / "example_testbed", ignore=modules)
    _describe(target, project["name"], project["version"], project["entry-points"])
    return target


def install(
    target: Path,
    modules: dict[str, str],
    points: dict[str, dict[str, str]],
    name: str = "acme",
    version: str = "3.1",
) -> Path:
    """A package of these modules, by name and text, with entry points by group and name."""
    target.mkdir(parents=True, exist_ok=True)
    for module, text in modules.items():
        (target / f"{module}.py").write_text(text)
    _describe(target, name, version, points)
    return target


def lies_on_the_path(monkeypatch: pytest.MonkeyPatch, target: Path) -> None:
    """Put a folder of packages on the path, with nothing of them loaded."""
    monkeypatch.syspath_prepend(str(target))
    for module in [name for name in sys.modules if name.split(".")[0] in ("acme_policy", "example_testbed")]:
        monkeypatch.delitem(sys.modules, module)


def _describe(target: Path, name: str, version: str, points: dict[str, dict[str, str]]) -> None:
    metadata = target / f"{name.replace('-', '_')}-{version}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = [
        line
        for group, own in points.items()
        for line in (f"[{group}]", *(f"{point} = {value}" for point, value in own.items()))
    ]
    (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n")
