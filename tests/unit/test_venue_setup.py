"""The set-up script's decisions, with stand-ins for the programs that would change the machine."""

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "tools" / "setup.sh"


class Machine:
    """A folder of stand-in programs in front of the real ones, and the system that it claims to be."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log"
        self.log.touch()
        self.system("debian", "12", "Debian GNU/Linux 12 (bookworm)")
        self.program("uname", "echo x86_64")
        self.program("id", "echo 0")
        self.program("df", "echo Avail; echo 90000M")
        self.program("apt-get", f'echo "apt-get $*" >> {self.log}')
        self.program("apt-cache", "echo Package: $3")
        self.program("dpkg-query", "exit 1")

    def system(self, name: str, version: str, pretty: str, like: str = "") -> None:
        (self.folder / "os-release").write_text(
            f'ID={name}\nVERSION_ID="{version}"\nPRETTY_NAME="{pretty}"\nID_LIKE="{like}"\n'
        )

    def program(self, name: str, body: str) -> None:
        (self.folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (self.folder / name).chmod(0o755)

    def run(self, commands: str) -> "subprocess.CompletedProcess[str]":
        """Run shell commands with the script's functions defined and nobody at the keyboard."""
        return subprocess.run(
            ["bash", "-c", f'source "{SCRIPT}"; {commands}'],
            env={
                "PATH": f"{self.folder}:{os.environ['PATH']}",
                "OS_RELEASE": str(self.folder / "os-release"),
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def refused(self, commands: str) -> str:
        ran = self.run(commands)
        assert ran.returncode == 1, ran.stdout + ran.stderr
        assert "what to do: " in ran.stderr
        return ran.stderr


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


INSTALL = "components=(python); install_packages python3-venv bc"


@pytest.mark.parametrize("version", ["12", "13"])
def test_supported_systems_pass_without_a_word(machine: Machine, version: str) -> None:
    machine.system("debian", version, f"Debian {version}")
    ran = machine.run("check_system")
    assert (ran.returncode, ran.stderr) == (0, "")


def test_an_unsupported_system_is_told_what_it_is_and_what_would_do(machine: Machine) -> None:
    machine.system("fedora", "41", "Fedora Linux 41")
    message = machine.refused("check_system")
    assert "this system is Fedora Linux 41, which is not supported" in message
    assert "Debian 12 (bookworm) and Debian 13 (trixie) on x86-64" in message


def test_a_relative_of_debian_is_warned_and_tried(machine: Machine) -> None:
    machine.system("ubuntu", "25.04", "Ubuntu 25.04", like="debian")
    ran = machine.run("check_system")
    assert ran.returncode == 0
    assert "warning: this system is Ubuntu 25.04" in ran.stderr


def test_another_processor_is_refused(machine: Machine) -> None:
    machine.program("uname", "echo aarch64")
    assert "this machine is aarch64" in machine.refused("check_system")


def test_only_what_is_missing_is_installed(machine: Machine) -> None:
    machine.program("dpkg-query", "printf 'bc:installed '")
    assert machine.run(INSTALL).returncode == 0
    update, install = machine.log.read_text().splitlines()
    assert update.endswith("update")
    assert install.endswith("install --yes --no-install-recommends python3-venv")


def test_with_everything_installed_apt_is_not_called(machine: Machine) -> None:
    machine.program("dpkg-query", "printf 'bc:installed python3-venv:installed '; exit 1")
    assert machine.run(INSTALL).returncode == 0
    assert machine.log.read_text() == ""


def test_removed_packages_whose_configuration_stayed_are_missing(machine: Machine) -> None:
    machine.program("dpkg-query", "printf 'bc:config-files python3-venv:installed '")
    assert machine.run(INSTALL).returncode == 0
    assert machine.log.read_text().splitlines()[-1].endswith(" bc")


def test_without_root_and_sudo_the_command_for_root_is_told(machine: Machine) -> None:
    machine.program("id", "echo 1000")
    machine.program("sudo", "exit 1")
    assert "as root: apt-get install --no-install-recommends python3-venv bc" in machine.refused(INSTALL)
    assert machine.log.read_text() == ""


def test_with_sudo_packages_are_installed_by_it(machine: Machine) -> None:
    machine.program("id", "echo 1000")
    machine.program("sudo", f'echo "sudo $*" >> {machine.log}; [ "$1" = -n ] || "$@"')
    assert machine.run(INSTALL).returncode == 0
    assert "sudo apt-get -o DPkg::Lock::Timeout=300 update" in machine.log.read_text()


def test_without_network_the_update_is_told(machine: Machine) -> None:
    machine.program("apt-get", "exit 100")
    assert "apt-get update failed" in machine.refused(INSTALL)


def test_a_package_that_apt_does_not_know_is_named(machine: Machine) -> None:
    machine.program("apt-cache", '[ "$3" = bc ] || echo Package: $3')
    assert "apt does not know the package bc" in machine.refused(INSTALL)


def test_a_package_that_only_some_tests_need_is_done_without(machine: Machine) -> None:
    """Where apt has it, it is installed; where it has not, the others are."""
    machine.program("apt-cache", '[ "$3" = vagrant ] || echo Package: $3')
    ran = machine.run("components=(python); install_packages bc vagrant")
    assert ran.returncode == 0, ran.stderr
    assert "apt does not have vagrant here" in ran.stderr
    assert machine.log.read_text().splitlines()[-1].endswith("--no-install-recommends bc")
    assert machine.run("components=(python); install_packages vagrant").returncode == 0
    assert machine.log.read_text().splitlines()[-1].endswith("update")
    machine.program("apt-cache", "echo Package: $3")
    assert machine.run("components=(python); install_packages vagrant").returncode == 0
    assert machine.log.read_text().splitlines()[-1].endswith("--no-install-recommends vagrant")


def test_a_full_disk_is_told_before_anything_is_fetched(machine: Machine) -> None:
    machine.program("df", "echo Avail; echo 20M")
    assert "installing packages takes 1500 MiB, and 20 MiB are free" in machine.refused(INSTALL)
    assert machine.log.read_text() == ""


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        ("linux-source-6.8 linux-source-6.14 linux-source-6.11 linux-source", "linux-source-6.14"),
        ("linux-source-6.12", "linux-source-6.12"),
        ("linux-source-6.1 linux-source-5.19", ""),
        ("", ""),
    ],
)
def test_the_newest_kernel_source_on_offer_is_chosen(machine: Machine, offered: str, chosen: str) -> None:
    ran = machine.run(f"printf '%s\\n' {offered} | newest_release")
    assert ran.stdout.strip() == chosen
    assert ran.returncode == (0 if chosen else 1)


def test_an_old_python_is_refused_by_name(machine: Machine) -> None:
    machine.program("oldpython", "exit 1")
    message = machine.refused(f"PYTHON={machine.folder}/oldpython; choose_python")
    assert "Python 3.11 or later is needed" in message
    assert "oldpython is not that" in message


def test_an_unknown_component_is_refused(machine: Machine) -> None:
    assert "there is no component kernels" in machine.refused("main kernels")


def test_a_stamp_holds_until_what_it_stands_for_changes(machine: Machine) -> None:
    stamps = machine.folder / "stamps"
    script = SCRIPT.read_text().replace("readonly STAMPS=$VENV/.stamps", f"readonly STAMPS={stamps}")
    script = script.replace('.." && pwd)', f'.." > /dev/null; echo {machine.folder}/clone)')
    clone = machine.folder / "clone"
    (clone / "tools").mkdir(parents=True)
    (clone / "pyproject.toml").write_text("one")
    (clone / "tools" / "setup.sh").write_text(script)

    def is_stamped(commands: str = "") -> bool:
        words = f"source {clone}/tools/setup.sh; {commands} is_stamped python"
        return subprocess.run(["bash", "-c", words], check=False).returncode == 0

    assert not is_stamped()
    assert is_stamped("stamp python;")
    assert is_stamped()
    assert not is_stamped("PYTHON=/another/python;")
    (clone / "pyproject.toml").write_text("two")
    assert not is_stamped()
