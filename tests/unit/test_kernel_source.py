"""Which source is taken, what a build is named after, and what is said when something is missing."""

import os
import platform
from pathlib import Path

import pytest

from testbed.errors import NotReadyError
from testbed.venue import source


def make_archive(folder: Path, release: str, *, size: int = 10) -> Path:
    path = folder / f"linux-source-{release}.tar.xz"
    path.write_bytes(b"x" * size)
    os.utime(path, (1_700_000_000, 1_700_000_000))
    return path


def test_the_newest_source_is_first_and_old_ones_do_not_count(tmp_path: Path) -> None:
    for release in ("6.1", "6.9", "6.12", "6.16", "7.0"):
        make_archive(tmp_path, release)
    (tmp_path / "linux-source-6.13").mkdir()
    (tmp_path / "linux-source-6.14.tar.gz").touch()
    assert [found.release for found in source.usable_sources(tmp_path)] == [(7, 0), (6, 16), (6, 12)]


def test_a_machine_without_source_is_told_the_package_and_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "usable_sources", lambda: [])
    with pytest.raises(NotReadyError, match=r"sudo apt-get install linux-source-6\.12"):
        source.require_source()


def test_every_missing_tool_is_in_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for tool in ("gcc", "ld", "strip", "make", "tar", "xz"):
        (tmp_path / tool).write_text("#!/bin/sh\n")
        (tmp_path / tool).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotReadyError) as caught:
        source.require_tools()
    assert "needs bc, bison, flex, patch: sudo apt-get install bc bison flex patch" in str(caught.value)


def test_missing_c_headers_are_a_missing_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for tool in ("ld", "strip", "make", "tar", "xz", "bc", "bison", "flex", "patch"):
        (tmp_path / tool).write_text("#!/bin/sh\n")
        (tmp_path / tool).chmod(0o755)
    (tmp_path / "gcc").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "gcc").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotReadyError, match="the C library's headers: sudo apt-get install libc6-dev"):
        source.require_tools()


def test_other_processors_are_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    with pytest.raises(NotReadyError, match="x86-64 Linux only, and this is aarch64"):
        source.require_x86_64()


def test_a_key_changes_with_source_fragment_and_patches_and_with_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_archive(tmp_path, "6.12")
    first = source.usable_sources(tmp_path)[0]
    key = source.build_key(first)
    assert source.build_key(source.usable_sources(tmp_path)[0]) == key

    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    make_archive(elsewhere, "6.12")
    assert source.build_key(source.usable_sources(elsewhere)[0]) == key
    make_archive(elsewhere, "6.12", size=11)
    assert source.build_key(source.usable_sources(elsewhere)[0]) != key

    fragment = tmp_path / "um.config"
    fragment.write_text(source.FRAGMENT_PATH.read_text() + "CONFIG_MORE=y\n")
    monkeypatch.setattr(source, "FRAGMENT_PATH", fragment)
    with_fragment = source.build_key(first)
    monkeypatch.setattr(source, "PATCH_FOLDER", tmp_path / "no-patches")
    assert len({key, with_fragment, source.build_key(first)}) == 3


def test_lost_options_are_named_as_they_were_asked_for() -> None:
    fragment = '# a comment\nCONFIG_A=y\nCONFIG_B="fd:0,fd:1"\nCONFIG_C=y\n\nCONFIG_D=256\n'
    config = 'CONFIG_A=y\nCONFIG_B="fd:0,fd:1"\n# CONFIG_C is not set\nCONFIG_D=64\n'
    assert source.lost_options(fragment, config) == ["CONFIG_C=y", "CONFIG_D=256"]
    assert source.lost_options(fragment, fragment) == []


def test_an_optional_option_may_be_missing_and_nothing_else_of_it_may_be_wrong() -> None:
    fragment = "CONFIG_A=y\nCONFIG_NET_SCH_DUALPI2=y\n"
    assert source.lost_options(fragment, "CONFIG_A=y\n") == []
    assert source.lost_options(fragment, "CONFIG_NET_SCH_DUALPI2=y\n") == ["CONFIG_A=y"]
    assert source.lost_options(fragment, "CONFIG_A=y\nCONFIG_NET_SCH_DUALPI2=m\n") == [
        "CONFIG_NET_SCH_DUALPI2=y"
    ]
    assert source.wanted_options(source.FRAGMENT_PATH.read_text()).keys() >= source.OPTIONAL


def test_the_shipped_fragment_asks_for_nothing_twice() -> None:
    lines = [line for line in source.FRAGMENT_PATH.read_text().splitlines() if line.startswith("CONFIG_")]
    assert len(lines) == len(source.wanted_options("\n".join(lines)))
    assert "CONFIG_UML_TIME_TRAVEL_SUPPORT=y" in lines


def test_every_shipped_patch_says_its_licence() -> None:
    assert source.patches()
    assert [path.name for path in source.added_sources()] == ["sch_fabric.c", "sch_pon.c"]
    for patch in (*source.patches(), *source.added_sources()):
        assert "SPDX-License-Identifier: GPL-2.0" in patch.read_text(), patch.name
