"""Our disciplines as modules of the kernels whose headers are installed here: no error, no warning."""

import subprocess
from pathlib import Path

import pytest

from testbed.venue import module

INSTALLED = sorted(Path("/usr/src").glob("linux-headers-*-amd64"))


def silent(_text: str, _fraction: float | None) -> None:
    """Shows nothing."""


def field(name: str, module_path: Path) -> str:
    """What a built module says of itself."""
    asked = ["/usr/sbin/modinfo", "--field", name, str(module_path)]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif(not INSTALLED, reason="no linux-headers-*-amd64 is installed")
@pytest.mark.parametrize("folder", INSTALLED, ids=lambda path: path.name)
def test_they_compile_for_every_installed_kernel_without_a_warning(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the kernel's own further warnings (W=1); and they depend on no other module."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    headers = module.headers_in(folder)
    built = module.build(headers, silent)
    for path in built.paths:
        assert field("vermagic", path).split()[0] == headers.release
        assert field("depends", path).strip() == ""
    assert headers.release == folder.name.removeprefix("linux-headers-")

    run = ["make", "-C", str(folder), f"M={tmp_path}", "W=1", "modules"]
    for name, path in module.ingredients().items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(path.read_bytes())
    said = subprocess.run(run, capture_output=True, text=True, check=True)
    assert "CC [M]" in said.stdout
    assert "warning" not in (said.stdout + said.stderr).lower()
