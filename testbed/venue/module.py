"""Our queueing disciplines as modules for a kernel of a machine's own: built from its headers, and loaded.

The sources are the very ones that the embedded kernel has built in; what older kernels lack beside them is in
`uml/patches/module`. The modules need no other one, so that nothing has to be loaded before them.
"""

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from testbed.errors import KernelError, NotReadyError
from testbed.venue.compile import run
from testbed.venue.image import cache_folder
from testbed.venue.source import PATCH_FOLDER, added_sources, hash_parts
from testbed.venue.steps import ShowStep

NAMES = ("sch_pon", "sch_fabric")
"""The PON's line in frames, and the ports of a fabric."""
_ALL = " and ".join(NAMES)
BUILD_FOLDER = PATCH_FOLDER / "module"
"""Kbuild's file, and headers that stand in where a kernel has none of the name."""

LOADED_MODULES = Path("/proc/modules")
"""Absent where a kernel takes no modules at all."""

_RELEASE_FILE = "include/generated/utsrelease.h"
"""What `uname -r` will say; Debian's include/config/kernel.release may be another number."""
_RELEASE = re.compile(r'^#define UTS_RELEASE "(\S+)"$', re.MULTILINE)

_TOOLS = ("gcc", "make")
"""Programs that a build starts; Debian's packages have the same names."""

_UNSIGNED = ("Key was rejected", "Required key not available", "Operation not permitted")
"""How insmod says that this kernel wants a signature (ENOKEY, EKEYREJECTED, EPERM under lockdown)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Modules:
    """The built modules, in the order of `NAMES`, and the release of the kernel that takes them."""

    paths: tuple[Path, ...]
    release: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Headers:
    """A folder that modules are built against, and the release of its kernel."""

    folder: Path
    release: str


def headers_in(folder: Path) -> Headers:
    """The headers in a folder that the user has named.

    Raises:
        NotReadyError: None are there.
    """
    try:
        found = _RELEASE.search((folder / _RELEASE_FILE).read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError):
        found = None
    if found is None or not (folder / "Makefile").is_file():
        raise NotReadyError(
            f"{folder} has no kernel headers (looked for Makefile and {_RELEASE_FILE}): name a folder like "
            "those of Debian's packages linux-headers-*, /usr/src/linux-headers-RELEASE"
        )
    return Headers(folder=folder.resolve(), release=found[1])


def headers_of_this_kernel() -> Headers:
    """Where the headers of the kernel that runs belong, whether they are there or not."""
    release = os.uname().release
    return Headers(folder=Path("/lib/modules") / release / "build", release=release)


def build(headers: Headers, show: ShowStep) -> Modules:
    """The modules for a kernel, built if they are not there yet.

    They are kept for this user under a hash of their sources and of the kernel's symbols: another release of
    either is another module. Builds at the same time do the same work, and the last one stays.

    Raises:
        NotReadyError: Headers or programs are missing, all of them in one message.
        KernelError: One does not compile.
    """
    _require(headers)
    folder = modules_folder() / _key(headers)
    paths = tuple(folder / f"{name}.ko" for name in NAMES)
    if not all(path.is_file() for path in paths):
        show(f"building {_ALL} for Linux {headers.release}", None)
        with tempfile.TemporaryDirectory(prefix="testbed-module-") as made:
            _compile(headers, Path(made))
            for path in paths:
                _keep(Path(made) / path.name, path)
    return Modules(paths=paths, release=headers.release)


def modules_folder() -> Path:
    """Where this user's modules are, beside the embedded kernels."""
    return cache_folder().with_name("modules")


def require_loadable(headers: Headers) -> None:
    """Raises:
    KernelError: Nothing that is built against these headers can be loaded here, or not by this user.
    """
    attempt = f"loading {_ALL} for Linux {headers.release}"
    running = os.uname().release
    if headers.release != running:
        raise KernelError(
            f"{attempt}: this machine runs {running}, which takes modules of its own release only; "
            "leave out --headers, or boot the other kernel"
        )
    if not LOADED_MODULES.exists():
        raise KernelError(
            f"{attempt}: this kernel takes no modules (CONFIG_MODULES is off); boot one that does, or use "
            "--venue virtual, whose kernel has them built in"
        )
    if os.geteuid() != 0:
        raise KernelError(f"{attempt} needs root privileges: sudo testbed kernel module --load")


def load(modules: Modules) -> None:
    """Have the running kernel take the modules until the next boot, in place of those loaded before.

    Raises:
        KernelError: Refused; an earlier one that is in use stays.
        NotReadyError: The programs for it are missing.
    """
    before = loaded()
    for path in modules.paths:
        if path.stem in before:
            _kmod(
                "rmmod", path.stem, "take out the module loaded before; if a run uses it, let that end first"
            )
        _kmod("insmod", str(path), "load it")


def loaded() -> set[str]:
    """Which of our modules the running kernel has taken; none where they are built in."""
    if not LOADED_MODULES.exists():
        return set()
    lines = LOADED_MODULES.read_text(encoding="ascii").splitlines()
    return {line.split()[0] for line in lines} & {*NAMES}


def _require(headers: Headers) -> None:
    missing = [] if (headers.folder / "Makefile").is_file() else [f"the kernel's headers in {headers.folder}"]
    packages = [f"linux-headers-{headers.release}"] if missing else []
    absent = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if not missing and not absent:
        return
    elsewhere = "; if the headers are elsewhere, name their folder with --headers" if missing else ""
    raise NotReadyError(
        f"building {_ALL} for Linux {headers.release} needs {', '.join([*missing, *absent])}: "
        f"sudo apt-get install {' '.join([*packages, *absent])}{elsewhere}"
    )


def ingredients() -> dict[str, Path]:
    """All that a build is made of, by where it stands in the folder of the build."""
    beside = {str(path.relative_to(BUILD_FOLDER)): path for path in BUILD_FOLDER.rglob("*") if path.is_file()}
    return {**beside, **{path.name: path for path in added_sources()}}


def _key(headers: Headers) -> str:
    symbols = headers.folder / "Module.symvers"
    parts = [headers.release.encode(), symbols.read_bytes() if symbols.is_file() else b""]
    for name, path in sorted(ingredients().items()):
        parts += [name.encode(), path.read_bytes()]
    return hash_parts(parts)[:24]


def _compile(headers: Headers, folder: Path) -> None:
    for name, path in ingredients().items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
    attempt = f"build {_ALL} for Linux {headers.release} against {headers.folder}"
    run(["make", "-C", str(headers.folder), f"M={folder}", "modules"], attempt, cwd=folder)


def _keep(built: Path, path: Path) -> None:
    """Put a file into the cache, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        shutil.copyfile(built, draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _kmod(program: str, argument: str, attempt: str) -> None:
    found = shutil.which(program, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
    if found is None:
        raise NotReadyError(f"loading {_ALL} needs {program}: sudo apt-get install kmod")
    done = subprocess.run(
        [found, argument], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        return
    said = (done.stderr or done.stdout).strip()
    hint = ""
    if any(sign in said for sign in _UNSIGNED):
        hint = "\nWith Secure Boot a kernel takes signed modules only: sign it, or turn Secure Boot off"
    raise KernelError(f"could not {attempt}: {program} {argument} said: {said}{hint}")
