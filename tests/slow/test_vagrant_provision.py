"""The Vagrantfile as Vagrant sees it, and its scripts done to a copy of this machine."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from testbed import __version__

PROJECT = Path(__file__).parents[2]
STAND_IN = PROJECT / "tests" / "unit" / "vagrant_stand_in.rb"
MACHINE = Path(__file__).with_name("vagrant_machine.sh")
NO_APT = 77


def validated(vagrantfile: Path, tmp_path: Path) -> "subprocess.CompletedProcess[str]":
    vagrant = shutil.which("vagrant")
    if vagrant is None:
        pytest.skip("there is no vagrant on this machine")
    own = {"VAGRANT_HOME": str(tmp_path / "home"), "VAGRANT_DOTFILE_PATH": str(tmp_path / "dot")}
    return subprocess.run(
        # Providers are not installed where hypervisors cannot run; tests/unit looks at what is said to them.
        [vagrant, "validate", "--ignore-provider"],
        cwd=vagrantfile.parent,
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        check=False,
    )


def test_vagrant_finds_it_valid(tmp_path: Path) -> None:
    done = validated(PROJECT / "Vagrantfile", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "validated successfully" in done.stdout


def test_vagrant_finds_what_is_wrong(tmp_path: Path) -> None:
    """The control."""
    text = (PROJECT / "Vagrantfile").read_text().replace("config.vm.hostname", "config.vm.nickname")
    (tmp_path / "Vagrantfile").write_text(text)
    done = validated(tmp_path / "Vagrantfile", tmp_path)
    assert done.returncode != 0
    assert "nickname" in done.stdout + done.stderr


@dataclass(frozen=True)
class Provisioned:
    """What the steps said and how each ended, by its name; the programs that they called; and the version."""

    said: dict[str, str]
    status: dict[str, int]
    called: list[str]
    version: str


@pytest.fixture(scope="module")
def provisioned(tmp_path_factory: pytest.TempPathFactory) -> Provisioned:
    if os.geteuid() != 0 or shutil.which("ruby") is None or shutil.which("apt-get") is None:
        pytest.skip("a copy of a Debian machine takes root, and reading the Vagrantfile takes ruby")
    folder = tmp_path_factory.mktemp("machine")
    (folder / "steps").mkdir()
    declared = subprocess.check_output(["ruby", str(STAND_IN), str(PROJECT / "Vagrantfile")])
    names = []
    for step in json.loads(declared)["steps"]:
        (folder / "steps" / f"{step['name']}.sh").write_text(step["inline"])
        names.append(step["name"])
    command = ["unshare", "--mount", "--pid", "--fork", "bash", str(MACHINE), str(folder), str(PROJECT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode == NO_APT:
        pytest.skip("apt reaches no archive from here")
    if "overlay" in done.stderr and "mount" in done.stderr:
        pytest.skip(f"no copy of this machine can be made: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    return Provisioned(
        said={name: (folder / f"{name}.out").read_text() for name in names},
        status={name: int((folder / f"{name}.status").read_text()) for name in names},
        called=(folder / "called").read_text().splitlines(),
        version=(folder / "version.out").read_text(),
    )


def test_every_step_comes_to_its_end(provisioned: Provisioned) -> None:
    assert set(provisioned.status.values()) == {0}, provisioned.said


def test_the_kernel_s_packages_are_ones_that_debian_has(provisioned: Provisioned) -> None:
    """Resolved with all that they need, against the archive of today."""
    for package in ("linux-image-amd64", "linux-headers-amd64"):
        assert (
            f"Inst {package}" in provisioned.said["kernel"]
            or f"{package} is already" in provisioned.said["kernel"]
        )
    assert provisioned.called[1] == "apt-get install -y -q linux-image-amd64 linux-headers-amd64 gcc make"


def test_a_kernel_without_netem_is_told_with_what_to_do(provisioned: Provisioned) -> None:
    """Where this machine's has it, nothing is told."""
    modprobe = shutil.which("modprobe", path="/usr/sbin:/sbin:/usr/bin:/bin")
    has = (
        modprobe is not None
        and subprocess.run([modprobe, "--dry-run", "sch_netem"], capture_output=True, check=False).returncode
        == 0
    )
    assert (
        f"({os.uname().release}) has no sch_netem; boot the standard one" in provisioned.said["kernel"]
    ) is not has


def test_the_set_up_is_that_of_a_newcomer_and_the_command_is_on_the_path(provisioned: Provisioned) -> None:
    assert "make setup, in /home/vagrant/testbed" in provisioned.called
    assert provisioned.version == f"testbed {__version__}\n"


def test_modules_that_cannot_be_loaded_are_told_and_the_machine_comes_up(provisioned: Provisioned) -> None:
    told = "the virtual venue, the default" in provisioned.said["modules"]
    assert told is not ("loaded   until the next boot" in provisioned.said["modules"])
