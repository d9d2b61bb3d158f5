"""Traces of a scenario's services: found beside the scenario, and refused where they cannot be read."""

from pathlib import Path

import pytest

from testbed.errors import ScenarioError
from testbed.scenario import load

SCENARIO = """\
title: A service behind an ONU
duration: 10 s
network: {topology: elastic_access, parameters: {onus: 2}}
access:
  downstream: {rate: 1 Gbit/s, committed: 100 Mbit/s, queue: 675 kB}
  upstream: {rate: 500 Mbit/s, committed: 50 Mbit/s, queue: 300 kB}
services:
  chat:
    job: {weight: 4}
    starts: 1 s
    ends: 9 s
    decode: cloudmatrix384
    clients:
      user: {host: home1, starts: 1 s, ends: 9 s, arrivals: trace, trace: traces/all.csv}
variants:
  whole:
  part:
    services: {chat: {clients: {user: {trace: part.csv}}}}
"""
TRACE = "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.9799600,4808,10\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The scenario with both of its traces."""
    (tmp_path / "traces").mkdir()
    (tmp_path / "traces" / "all.csv").write_text(TRACE)
    (tmp_path / "part.csv").write_text(TRACE)
    (tmp_path / "traced.yaml").write_text(SCENARIO)
    return tmp_path


def traces(scenario: str) -> dict[str, str | None]:
    variants = load(scenario).variants
    return {name: each.services["chat"].clients["user"].trace for name, each in variants.items()}


def test_traces_are_found_from_the_scenarios_folder_in_every_variant(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    expected = {"whole": str(folder / "traces" / "all.csv"), "part": str(folder / "part.csv")}
    assert traces(str(folder / "traced.yaml")) == expected


def test_the_effective_text_finds_them_from_anywhere(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    copy = tmp_path_factory.mktemp("copy") / "copy.yaml"
    copy.write_text(load(str(folder / "traced.yaml")).text)
    assert traces(str(copy)) == traces(str(folder / "traced.yaml"))


def test_a_trace_that_is_not_there_is_told_with_its_key(folder: Path) -> None:
    (folder / "part.csv").unlink()
    with pytest.raises(ScenarioError) as refused:
        load(str(folder / "traced.yaml"))
    at, _, message = str(refused.value).partition(": variants.part.services.chat.clients.user.trace: ")
    assert at.endswith("traced.yaml:18")
    assert message.startswith(f"{folder / 'part.csv'} cannot be read: ")


def test_a_trace_with_a_broken_line_is_told_with_that_line(folder: Path) -> None:
    (folder / "traces" / "all.csv").write_text(TRACE + "2023-11-16 18:17:04.0319600,3180,0\n")
    with pytest.raises(ScenarioError, match=r"all\.csv, line 3: GeneratedTokens is '0'"):
        load(str(folder / "traced.yaml"))
