"""The embedded kernel: found in the user's cache, or built there.

A build is one folder of the cache, named by the hash of everything that went into it and moved into
place whole; steps are in compile.py, ingredients in source.py, the form of a result in image.py.
"""

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from testbed.errors import KernelError, NotReadyError
from testbed.record.guest_files import read_bytes, read_console
from testbed.venue import compile as steps
from testbed.venue.image import (
    BINARY_NAME,
    CONFIG_NAME,
    MANIFEST_NAME,
    Kernel,
    cache_folder,
    file_sha256,
    load,
)
from testbed.venue.launch import stop_on_terminate
from testbed.venue.source import (
    KernelSource,
    build_key,
    patches,
    recipe_hash,
    require_source,
    require_tools,
    require_x86_64,
    usable_sources,
)
from testbed.venue.steps import ShowStep
from testbed.venue.virtual import Boot, boot

__all__ = ["Kernel", "build", "find", "info", "require"]


def find() -> Kernel | None:
    """The kernel to run with, its binary verified; None if there is none.

    That is the build of the newest installed source. Where the source was upgraded or removed since, it
    is the latest build by the same recipe: an upgrade of the distribution alone stops nobody's runs.
    """
    for source in usable_sources():
        kernel = load(cache_folder() / build_key(source))
        if kernel is not None:
            return kernel
    recipe = recipe_hash()
    same_recipe = [kernel for kernel in _all_builds() if kernel.recipe == recipe]
    return max(same_recipe, key=lambda kernel: kernel.built_at, default=None)


def require() -> Kernel:
    """The kernel to run with.

    Raises:
        NotReadyError: It is not built yet, or its files are damaged.
    """
    require_x86_64()
    kernel = find()
    if kernel is None:
        raise NotReadyError(
            f"the embedded kernel is not built (looked in {cache_folder()}): run `testbed kernel build`, "
            "which takes a few minutes once"
        )
    return kernel


def build(show: ShowStep) -> Kernel:
    """The kernel of the newest source that the project's patches fit, built if it is not there yet.

    Builds at the same time wait for one another, and the later ones find the first one's result. A build
    that is interrupted leaves nothing in the cache.

    Raises:
        NotReadyError: The machine, a package, or room on the disk is missing.
        KernelError: A step of the build failed, or the kernel built does not run.
    """
    require_x86_64()
    *newer, oldest = require_source()
    for source in newer:
        try:
            return _build_from(source, show)
        except steps.PatchError:
            show(f"the patches do not fit {source.path.name}: taking the next older source", None)
    return _build_from(oldest, show)


def _build_from(source: KernelSource, show: ShowStep) -> Kernel:
    key = build_key(source)
    cache = cache_folder()
    found = load(cache / key)
    if found is not None:
        return found
    require_tools()
    cache.mkdir(parents=True, exist_ok=True)
    with stop_on_terminate(), _lock(cache / f"{key}.lock", show):
        found = load(cache / key)
        if found is not None:
            return found
        steps.require_disk(cache)
        with _scratch(cache / f".building-{key}") as scratch:
            result = _build_in(scratch, source, key, show)
            shutil.rmtree(cache / key, ignore_errors=True)
            os.rename(result, cache / key)
    kernel = load(cache / key)
    if kernel is None:
        raise KernelError(f"the kernel just built in {cache / key} cannot be read back: is the disk failing?")
    return kernel


def info() -> str:
    """What is there, as text for people."""
    kernel = find()
    sources = [str(source.path) for source in usable_sources()] or ["none installed"]
    lines = [f"cache    {cache_folder()}", f"sources  {', '.join(sources)}"]
    if kernel is None:
        return "\n".join([*lines, "kernel   not built: run `testbed kernel build`"])
    manifest = json.loads((kernel.path.parent / MANIFEST_NAME).read_text(encoding="utf-8"))
    return "\n".join(
        [
            *lines,
            f"kernel   Linux {kernel.version}, User-Mode Linux with virtual time",
            f"binary   {kernel.path} ({kernel.path.stat().st_size / 2**20:.1f} MiB)",
            f"sha256   {kernel.sha256} (verified)",
            f"key      {kernel.key}",
            f"patches  {', '.join(manifest['patches'])}",
            f"built    {kernel.built_at} in {manifest['duration_s']:.0f} s by {manifest['compiler']}",
        ]
    )


def _build_in(scratch: Path, source: KernelSource, key: str, show: ShowStep) -> Path:
    """Every step up to a finished folder inside `scratch`."""
    started_s = time.monotonic()
    tree = steps.unpack(source, scratch, show)
    steps.apply_patches(tree, show)
    objects = scratch / "objects"
    steps.configure(tree, objects, show)
    binary = steps.compile_kernel(tree, objects, show)
    result = scratch / "result"
    result.mkdir()
    shutil.copy2(binary, result / BINARY_NAME)
    shutil.copy2(objects / ".config", result / CONFIG_NAME)
    kernel = Kernel(
        path=result / BINARY_NAME,
        version="just built",
        sha256=file_sha256(result / BINARY_NAME),
        key=key,
        recipe=recipe_hash(),
        built_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    show("booting it", None)
    version = _boots(kernel, scratch)
    manifest = {
        "version": version,
        "sha256": kernel.sha256,
        "key": key,
        "recipe": kernel.recipe,
        "built_at": kernel.built_at,
        "source": source.identity,
        "compiler": steps.compiler_version(),
        "config": CONFIG_NAME,
        "patches": {patch.name: file_sha256(patch) for patch in patches()},
        "duration_s": round(time.monotonic() - started_s, 1),
    }
    (result / MANIFEST_NAME).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    return result


_CHECK_STATUS = 42
_CHECK = f"uname -r > /run/testbed/out/release && sleep 600 && exit {_CHECK_STATUS}"


def _boots(kernel: Kernel, scratch: Path) -> str:
    """Boot the kernel, let ten minutes of virtual time pass, and return the version that it says it is.

    Raises:
        KernelError: It does not come up, or time inside is not virtual (they meet the wall limit).
    """
    output_dir = scratch / "self-check"
    output_dir.mkdir()
    outcome = boot(
        kernel,
        Boot(
            command=("/bin/sh", "-c", _CHECK), output_dir=output_dir, seed=1, wall_limit_s=60, memory="512M"
        ),
        on_progress=lambda _progress: None,
    )
    if outcome.exit_status != _CHECK_STATUS:
        raise KernelError(
            f"the kernel just built ran its self-check with status {outcome.exit_status}, "
            f"not {_CHECK_STATUS}:\n{read_console(outcome.console_path)}"
        )
    return read_bytes(output_dir / "release").decode("ascii").strip()


def _all_builds() -> Iterator[Kernel]:
    cache = cache_folder()
    if cache.is_dir():
        for folder in sorted(cache.iterdir()):
            kernel = load(folder) if folder.is_dir() and not folder.name.startswith(".") else None
            if kernel is not None:
                yield kernel


@contextmanager
def _lock(path: Path, show: ShowStep) -> Iterator[None]:
    """Hold the lock on one key; the kernel of the host releases it if this process dies."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            show("waiting for another build of the same kernel", None)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _scratch(path: Path) -> Iterator[Path]:
    """An empty folder, removed at the end; what a killed build left under the same name goes first."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    try:
        yield path
    finally:
        shutil.rmtree(path)
