"""Our disciplines as modules: built once for each kernel, and loaded."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from testbed.cli.parser import parser
from testbed.errors import KernelError, NotReadyError
from testbed.venue import module
from testbed.venue.module import Headers

PROJECT = Path(__file__).parents[2]
RELEASE = "6.12.1-test"


def silent(_text: str, _fraction: float | None) -> None:
    """Shows nothing."""


class Machine:
    """A folder of stand-in programs that is all of PATH, and a kernel with headers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log"
        self.log.touch()
        self.headers = folder / "headers"
        (self.headers / "include" / "generated").mkdir(parents=True)
        (self.headers / "Makefile").touch()
        (self.headers / "Module.symvers").write_text("symbols\n")
        release = self.headers / "include" / "generated" / "utsrelease.h"
        release.write_text(f'#define UTS_RELEASE "{RELEASE}"\n')
        self.program("gcc", "")
        made = "; ".join(f"echo built > {name}.ko" for name in module.NAMES)
        self.program("make", f'echo "make $*" >> {self.log}; {made}')

    def program(self, name: str, body: str) -> None:
        (self.folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (self.folder / name).chmod(0o755)

    def commands(self) -> list[str]:
        """What the stand-ins were called with."""
        return self.log.read_text().splitlines()


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """One whose kernel takes modules, has the headers' release, and is the user's to change."""
    made = Machine(tmp_path)
    modules = tmp_path / "modules"
    modules.write_text("sch_htb 36864 0 - Live 0x0\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(module, "LOADED_MODULES", modules)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "uname", lambda: os.uname_result(("Linux", "host", RELEASE, "1", "x86_64")))
    return made


def test_the_release_is_the_one_that_the_kernel_says_of_itself(machine: Machine) -> None:
    """Debian's include/config/kernel.release of 6.1 has the upstream number, which no module may carry."""
    (machine.headers / "include" / "config").mkdir()
    (machine.headers / "include" / "config" / "kernel.release").write_text("6.12.999\n")
    assert module.headers_in(machine.headers).release == RELEASE


@pytest.mark.parametrize("lacks", ["Makefile", "include/generated/utsrelease.h"])
def test_a_folder_without_headers_is_told_with_an_example(machine: Machine, lacks: str) -> None:
    (machine.headers / lacks).unlink()
    with pytest.raises(NotReadyError, match=r"has no kernel headers .* /usr/src/linux-headers-RELEASE"):
        module.headers_in(machine.headers)


def test_everything_that_a_build_lacks_is_in_one_error(machine: Machine) -> None:
    (machine.folder / "make").unlink()
    (machine.folder / "gcc").unlink()
    with pytest.raises(NotReadyError) as caught:
        module.build(module.headers_of_this_kernel(), silent)
    assert str(caught.value) == (
        f"building sch_pon and sch_fabric for Linux {RELEASE} needs the kernel's headers in "
        f"/lib/modules/{RELEASE}/build, gcc, make: sudo apt-get install linux-headers-{RELEASE} gcc make; "
        "if the headers are elsewhere, name their folder with --headers"
    )


def test_only_what_is_missing_is_asked_for(machine: Machine) -> None:
    (machine.folder / "make").unlink()
    with pytest.raises(NotReadyError, match=r"needs make: sudo apt-get install make$"):
        module.build(module.headers_in(machine.headers), silent)


def test_a_module_is_built_once_for_the_same_source_and_kernel(machine: Machine) -> None:
    headers = module.headers_in(machine.headers)
    built = module.build(headers, silent)
    assert built.release == RELEASE
    assert [path.name for path in built.paths] == ["sch_pon.ko", "sch_fabric.ko"]
    assert [path.read_text() for path in built.paths] == ["built\n"] * 2
    assert built.paths[0].parent.parent == machine.folder / "cache" / "testbed" / "modules"
    assert module.build(headers, silent) == built
    assert len(machine.commands()) == 1
    assert machine.commands()[0].startswith(f"make -C {machine.headers} M=")


def test_another_kernel_or_another_source_is_another_module(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = module.headers_in(machine.headers)
    paths = {module.build(headers, silent).paths}
    paths.add(module.build(Headers(folder=headers.folder, release="6.13"), silent).paths)
    (machine.headers / "Module.symvers").write_text("other symbols\n")
    paths.add(module.build(headers, silent).paths)
    source = machine.folder / "sch_pon.c"
    source.write_text("another source")
    monkeypatch.setattr(module, "added_sources", lambda: [source])
    paths.add(module.build(headers, silent).paths)
    assert len(paths) == len(machine.commands()) == 4


def test_a_build_that_fails_is_told_with_the_compiler_s_words_and_leaves_nothing(machine: Machine) -> None:
    machine.program("make", "echo 'sch_pon.c:1: error: no such thing' >&2; exit 2")
    headers = module.headers_in(machine.headers)
    with pytest.raises(
        KernelError, match=r"(?s)could not build sch_pon and sch_fabric for Linux .*error: no such thing"
    ):
        module.build(headers, silent)
    assert not module.modules_folder().exists()


def test_every_file_of_the_build_says_its_licence_and_none_goes_into_the_embedded_kernel() -> None:
    names = module.ingredients()
    assert set(names) == {"Kbuild", "compat/linux/unaligned.h", "sch_pon.c", "sch_fabric.c"}
    for path in names.values():
        assert "SPDX-License-Identifier: GPL-2.0" in path.read_text()


def loadable(machine: Machine) -> module.Modules:
    """Modules that may be loaded, with kmod's programs."""
    for program in ("insmod", "rmmod"):
        machine.program(program, f'echo "{program} $*" >> {machine.log}')
    headers = module.headers_in(machine.headers)
    module.require_loadable(headers)
    paths = (machine.folder / "sch_pon.ko", machine.folder / "sch_fabric.ko")
    return module.Modules(paths=paths, release=RELEASE)


def test_the_modules_are_loaded(machine: Machine) -> None:
    built = loadable(machine)
    module.load(built)
    assert machine.commands() == [f"insmod {path}" for path in built.paths]


def test_one_that_was_loaded_before_gives_way_since_it_may_be_another_edition(machine: Machine) -> None:
    built = loadable(machine)
    module.LOADED_MODULES.write_text("sch_htb 36864 0 - Live 0x0\nsch_pon 20480 0 - Live 0x0\n")
    module.load(built)
    pon, fabric = built.paths
    assert machine.commands() == ["rmmod sch_pon", f"insmod {pon}", f"insmod {fabric}"]


def test_one_that_is_in_use_stays(machine: Machine) -> None:
    built = loadable(machine)
    machine.program("rmmod", "echo 'rmmod: ERROR: Module sch_pon is in use' >&2; exit 1")
    module.LOADED_MODULES.write_text("sch_pon 20480 1 - Live 0x0\n")
    with pytest.raises(
        KernelError, match=r"if a run uses it, let that end first: .* Module sch_pon is in use"
    ):
        module.load(built)
    assert machine.commands() == []


def test_a_kernel_that_wants_a_signature_is_told_as_such(machine: Machine) -> None:
    built = loadable(machine)
    machine.program("insmod", "echo 'could not insert module: Key was rejected by service' >&2; exit 1")
    with pytest.raises(KernelError, match=r"(?s)Key was rejected by service\n.*turn Secure Boot off"):
        module.load(built)
    machine.program("insmod", "echo 'could not insert module: File exists' >&2; exit 1")
    with pytest.raises(KernelError) as caught:
        module.load(built)
    assert "Secure Boot" not in str(caught.value)


def test_who_cannot_load_it_is_told_before_anything_is_built(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = module.headers_in(machine.headers)
    with pytest.raises(KernelError, match=rf"this machine runs {RELEASE}, which takes modules of its own"):
        module.require_loadable(Headers(folder=headers.folder, release="6.1.0"))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(KernelError, match="needs root privileges: sudo testbed kernel module --load"):
        module.require_loadable(headers)
    module.LOADED_MODULES.unlink()
    with pytest.raises(KernelError, match=r"takes no modules \(CONFIG_MODULES is off\)"):
        module.require_loadable(headers)
    assert module.loaded() == set()


def test_the_virtual_machine_s_provisioning_is_shell_and_its_commands_are_ours() -> None:
    text = (PROJECT / "Vagrantfile").read_text()
    scripts = re.findall(r"<<~SHELL\n(.*?)\n  SHELL$", text, re.MULTILINE | re.DOTALL)
    assert len(scripts) == 3
    for script in scripts:
        assert "#{" not in script, "Ruby would put something in its place"
        subprocess.run(["sh", "-n"], input=script, text=True, check=True)
    command = re.compile(r"^ *(?:if ! )?testbed ([\w -]+)", re.MULTILINE)
    called = [line for script in scripts for line in command.findall(script)]
    assert called == ["kernel module --load"]
    assert parser().parse_args(called[0].split()).load
