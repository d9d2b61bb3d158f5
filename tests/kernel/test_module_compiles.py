"""sch_pon as a module of the kernels whose headers are installed here: it compiles, without a warning."""

import subprocess
from pathlib import Path

import pytest

from testbed.venue import module

INSTALLED = sorted(Path("/usr/src").glob("linux-headers-*-amd64"))


def silent(_text: str, _fraction: float | None) -> None:
    """Shows nothing."""


@pytest.mark.skipif(not INSTALLED, reason="no linux-headers-*-amd64 is installed")
@pytest.mark.parametrize("folder", INSTALLED, ids=lambda path: path.name)
def test_it_compiles_for_every_installed_kernel_without_a_warning(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the kernel's own further warnings (W=1); and it depends on no other module."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    headers = module.headers_in(folder)
    built = module.build(headers, silent)
    asked = ["/usr/sbin/modinfo", "--field", "vermagic", str(built.path)]
    vermagic = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    assert vermagic.split()[0] == headers.release == folder.name.removeprefix("linux-headers-")
    asked[2] = "depends"
    assert subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip() == ""

    run = ["make", "-C", str(folder), f"M={tmp_path}", "W=1", "modules"]
    for name, path in module.ingredients().items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(path.read_bytes())
    said = subprocess.run(run, capture_output=True, text=True, check=True)
    assert "CC [M]" in said.stdout
    assert "warning" not in (said.stdout + said.stderr).lower()
