"""A kernel is found whole or not at all, and a build puts it into the cache whole or not at all."""

import fcntl
import json
import threading
from pathlib import Path

import pytest

from testbed.errors import KernelError, NotReadyError
from testbed.venue import compile as steps
from testbed.venue import image, kernel, source
from testbed.venue.steps import ShowStep

real_sources = source.usable_sources


def silent(_text: str, _fraction: float | None) -> None:
    """Shows nothing."""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> source.KernelSource:
    """A machine with one kernel source, every tool, and an empty cache; compiling takes no time."""
    archive = tmp_path / "linux-source-6.12.tar.xz"
    archive.write_bytes(b"source")
    found = source.usable_sources(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(source, "usable_sources", lambda: found)
    monkeypatch.setattr(kernel, "usable_sources", lambda: found)
    monkeypatch.setattr(kernel, "require_tools", lambda: None)
    monkeypatch.setattr(steps, "unpack", lambda _source, folder, _show: folder)
    monkeypatch.setattr(steps, "apply_patches", lambda _tree, _show: None)
    monkeypatch.setattr(steps, "configure", fake_configure)
    monkeypatch.setattr(steps, "compile_kernel", fake_compile)
    monkeypatch.setattr(kernel, "_boots", lambda _kernel, _scratch: "6.12.1")
    return found[0]


def fake_configure(_tree: Path, objects: Path, _show: ShowStep) -> None:
    objects.mkdir()
    (objects / ".config").write_text("CONFIG_A=y\n")


def fake_compile(_tree: Path, objects: Path, _show: ShowStep) -> Path:
    (objects / "linux").write_bytes(b"a kernel")
    return objects / "linux"


def cached_names() -> list[str]:
    return sorted(path.name for path in image.cache_folder().iterdir() if path.suffix != ".lock")


def test_nothing_is_found_before_a_build_and_the_error_says_what_to_do(
    installed: source.KernelSource,
) -> None:
    assert kernel.find() is None
    assert "not built" in kernel.info()
    with pytest.raises(NotReadyError, match="testbed kernel build"):
        kernel.require()


def test_a_build_is_found_again_and_describes_itself(installed: source.KernelSource) -> None:
    built = kernel.build(silent)
    assert kernel.find() == built == kernel.require()
    assert built.path.read_bytes() == b"a kernel"
    assert cached_names() == [source.build_key(installed)]
    manifest = json.loads((built.path.parent / "manifest.json").read_text())
    assert manifest["version"] == "6.12.1"
    assert sorted(manifest["patches"]) == [patch.name for patch in source.patches()]
    for part in (built.sha256, "6.12.1", str(built.path)):
        assert part in kernel.info()


def test_a_second_build_does_nothing(installed: source.KernelSource, monkeypatch: pytest.MonkeyPatch) -> None:
    built = kernel.build(silent)
    monkeypatch.setattr(steps, "unpack", pytest.fail)
    assert kernel.build(silent) == built


@pytest.mark.parametrize("victim", ["linux", "manifest.json"])
def test_a_damaged_kernel_is_not_used_and_is_built_anew(installed: source.KernelSource, victim: str) -> None:
    built = kernel.build(silent)
    (built.path.parent / victim).write_bytes(b"damaged")
    assert kernel.find() is None
    assert kernel.build(silent).sha256 == built.sha256


@pytest.mark.parametrize("error", [KernelError("step failed"), KeyboardInterrupt(), SystemExit(143)])
def test_an_interrupted_build_leaves_nothing(
    installed: source.KernelSource, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def interrupted(*_arguments: object) -> Path:
        raise error

    monkeypatch.setattr(steps, "compile_kernel", interrupted)
    with pytest.raises(type(error)):
        kernel.build(silent)
    assert cached_names() == []
    assert kernel.find() is None


def test_what_a_killed_build_left_is_cleared_by_the_next(installed: source.KernelSource) -> None:
    left = image.cache_folder() / f".building-{source.build_key(installed)}" / "objects"
    left.mkdir(parents=True)
    kernel.build(silent)
    assert cached_names() == [source.build_key(installed)]


def test_a_kernel_that_does_not_boot_is_not_kept(
    installed: source.KernelSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_kernel: object, _scratch: object) -> str:
        raise KernelError("it panicked")

    monkeypatch.setattr(kernel, "_boots", fails)
    with pytest.raises(KernelError, match="panicked"):
        kernel.build(silent)
    assert cached_names() == []


def test_a_build_waits_for_another_and_takes_its_result(
    installed: source.KernelSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = image.cache_folder()
    cache.mkdir(parents=True)
    compiled = []
    real = steps.compile_kernel
    monkeypatch.setattr(steps, "compile_kernel", lambda *words: compiled.append(1) or real(*words))
    waits = threading.Event()

    def show(text: str, _fraction: float | None) -> None:
        if "waiting for another build" in text:
            waits.set()

    second = threading.Thread(target=kernel.build, args=(show,))
    with (cache / f"{source.build_key(installed)}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        second.start()
        assert waits.wait(10)
        assert compiled == []
        with kernel._scratch(cache / "first") as scratch:
            result = kernel._build_in(scratch, installed, source.build_key(installed), silent)
            result.rename(cache / source.build_key(installed))
    second.join(10)
    assert compiled == [1], "the first one's only"


def test_an_upgraded_source_leaves_the_earlier_build_in_use(
    installed: source.KernelSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = kernel.build(silent)
    monkeypatch.setattr(kernel, "usable_sources", lambda: [])
    assert kernel.find() == built
    monkeypatch.setattr(kernel, "recipe_hash", lambda: "another recipe")
    assert kernel.find() is None, "but a build by other patches is another kernel"


def test_a_source_that_the_patches_do_not_fit_gives_way_to_an_older_one(
    installed: source.KernelSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "linux-source-7.0.tar.xz").write_bytes(b"newer")
    both = [*real_sources(tmp_path)]
    assert [found.release for found in both] == [(7, 0), (6, 12)]
    tried: list[tuple[int, int]] = []

    def unpack(found: source.KernelSource, folder: Path, _show: ShowStep) -> Path:
        tried.append(found.release)
        return folder

    def patch(_tree: Path, _show: ShowStep) -> None:
        if tried[-1] == (7, 0):
            raise steps.PatchError("hunk 1 failed")

    monkeypatch.setattr(source, "usable_sources", lambda: both)
    monkeypatch.setattr(kernel, "usable_sources", lambda: both)
    monkeypatch.setattr(steps, "unpack", unpack)
    monkeypatch.setattr(steps, "apply_patches", patch)
    assert kernel.build(silent).key == source.build_key(both[1])
    assert tried == [(7, 0), (6, 12)]
    monkeypatch.setattr(kernel, "require_source", lambda: both[:1])
    with pytest.raises(KernelError, match="hunk 1 failed"):
        kernel.build(silent)


def test_a_full_disk_is_told_before_anything_is_unpacked(
    installed: source.KernelSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "NEEDED_BYTES", 2**70)
    monkeypatch.setattr(steps, "unpack", pytest.fail)
    with pytest.raises(NotReadyError, match=r"MiB are free there: make room"):
        kernel.build(silent)
    assert cached_names() == []


def test_a_relative_cache_folder_is_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert image.cache_folder() == tmp_path / ".cache" / "testbed" / "kernels"
