"""What an embedded kernel is made of: the distribution's source package and this project's recipe."""

import hashlib
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from testbed.errors import NotReadyError

SOURCE_FOLDER = Path("/usr/src")
FLOOR = (6, 12)
"""Older kernels lack fixes to virtual time; 6.12 is in Debian 12 (security updates) and in Debian 13."""

OPTIONAL = frozenset({"CONFIG_NET_SCH_DUALPI2"})
"""Options of the fragment that not every source from 6.12 on offers; whatever uses one can do without it."""

UML_FOLDER = Path(__file__).parent / "uml"
FRAGMENT_PATH = UML_FOLDER / "um.config"
PATCH_FOLDER = UML_FOLDER / "patches"

BUILDER_REVISION = 2
"""Raised whenever the build steps change in a way that changes the binary."""

_TOOLS = {
    "gcc": "gcc",
    "ld": "binutils",
    "strip": "binutils",
    "make": "make",
    "flex": "flex",
    "bison": "bison",
    "bc": "bc",
    "xz": "xz-utils",
    "patch": "patch",
    "tar": "tar",
}
"""Programs that a build or a boot starts, and the Debian package of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelSource:
    """A `linux-source-*.tar.xz` of the distribution.

    Size and time stand for its contents: both are the package's own, the same on every machine, and
    hashing 150 MB before every run would cost half a second.
    """

    path: Path
    release: tuple[int, int]
    size_bytes: int
    modified_s: int

    @property
    def identity(self) -> str:
        return f"{self.path.name} {self.size_bytes} {self.modified_s}"


def usable_sources(folder: Path = SOURCE_FOLDER) -> list[KernelSource]:
    """The installed kernel sources from 6.12 on, newest first."""
    sources = []
    for path in folder.glob("linux-source-*.tar.xz"):
        found = re.fullmatch(r"linux-source-(\d+)\.(\d+)\.tar\.xz", path.name)
        if not found:
            continue
        status = path.stat()
        source = KernelSource(
            path=path,
            release=(int(found[1]), int(found[2])),
            size_bytes=status.st_size,
            modified_s=int(status.st_mtime),
        )
        if source.release >= FLOOR:
            sources.append(source)
    return sorted(sources, key=lambda source: source.release, reverse=True)


def patches() -> list[Path]:
    return sorted(PATCH_FOLDER.glob("*.patch"))


def added_sources() -> list[Path]:
    """The project's own source files of the kernel, below the folder of patches as they are in the tree."""
    return sorted(PATCH_FOLDER.rglob("*.c"))


def wanted_options(fragment: str) -> dict[str, str]:
    """The options that a config fragment asks for, with their values."""
    lines = (line.strip() for line in fragment.splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


def lost_options(fragment: str, config: str) -> list[str]:
    """The wanted options that did not survive in the final configuration, as the fragment spells them.

    An optional one may be missing.
    """
    final = wanted_options(config)
    return [
        f"{name}={value}"
        for name, value in wanted_options(fragment).items()
        if final.get(name) != value and not (name in OPTIONAL and name not in final)
    ]


def recipe_hash() -> str:
    """Identifies config fragment, patches, added sources and build steps: all of a build but its source."""
    parts = [f"builder {BUILDER_REVISION}".encode()]
    for path in [FRAGMENT_PATH, *patches(), *added_sources()]:
        parts += [path.name.encode(), path.read_bytes()]
    return hash_parts(parts)


def build_key(source: KernelSource) -> str:
    """The name of a build in the cache."""
    return hash_parts([source.identity.encode(), recipe_hash().encode()])[:24]


def hash_parts(parts: Iterable[bytes]) -> str:
    """sha256 over length-prefixed parts, so that no two lists of parts read the same."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def require_x86_64() -> None:
    """Raises:
    NotReadyError: User-Mode Linux runs only on x86-64 Linux.
    """
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise NotReadyError(
            f"the embedded kernel runs on x86-64 Linux only, and this is {platform.machine()} "
            f"{platform.system()}: use an x86-64 machine or virtual machine, or --venue host on Linux"
        )


def require_source() -> list[KernelSource]:
    """The usable sources, newest first.

    Raises:
        NotReadyError: There is none.
    """
    sources = usable_sources()
    if not sources:
        raise NotReadyError(
            f"no kernel source from {FLOOR[0]}.{FLOOR[1]} on in {SOURCE_FOLDER} "
            f"(looked for linux-source-*.tar.xz): sudo apt-get install linux-source-{FLOOR[0]}.{FLOOR[1]}"
        )
    return sources


def require_tools() -> None:
    """Raises:
    NotReadyError: Programs or C headers that a build needs are missing, all of them in one message.
    """
    missing = {package for tool, package in _TOOLS.items() if shutil.which(tool) is None}
    names = sorted(tool for tool in _TOOLS if shutil.which(tool) is None)
    if "gcc" not in names and not _has_c_headers():
        names.append("the C library's headers")
        missing.add("libc6-dev")
    if names:
        raise NotReadyError(
            f"building the embedded kernel needs {', '.join(names)}: "
            f"sudo apt-get install {' '.join(sorted(missing))}"
        )


def _has_c_headers() -> bool:
    probe = subprocess.run(
        ["gcc", "-fsyntax-only", "-include", "stdio.h", "-x", "c", "/dev/null"],
        capture_output=True,
        check=False,
    )
    return probe.returncode == 0
