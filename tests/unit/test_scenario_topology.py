"""Topology files are loaded by name or path, and their faults are told where they can be mended."""

from pathlib import Path

import pytest
import scenario_documents

from testbed.errors import ScenarioError
from testbed.scenario import load, shipped_topologies


def refusal(path: str, *settings: str) -> str:
    with pytest.raises(ScenarioError) as refused:
        load(path, settings=settings)
    return str(refused.value)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return scenario_documents.write(tmp_path)


def at(path: str, message: str) -> str:
    return f"{path}:3: {message}"


def test_the_shipped_topologies_have_bare_names(path: str) -> None:
    assert {"compute_mesh", "elastic_access", "pon_tree"} <= set(shipped_topologies())
    assert "'pon_tre' is no topology (did you mean 'pon_tree'?); shipped are " in refusal(
        path, "network.topology=pon_tre"
    )


def test_a_topology_is_found_beside_its_scenario_from_any_folder(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    scenario = load(path)
    assert scenario.variants["elastic"].network.topology == str(tmp_path / "small.py")


def test_a_missing_topology_is_told_with_one_of_a_similar_name(path: str, tmp_path: Path) -> None:
    told = refusal(path, "network.topology=smal.py")
    assert f"there is no file {tmp_path}/smal.py; did you mean '{tmp_path}/small.py'?" in told


@pytest.mark.parametrize("topology", ["small.txt", "./small"])
def test_a_topology_is_python(path: str, topology: str) -> None:
    assert "write a bare name or the path of a .py file" in refusal(path, f"network.topology={topology}")


def test_an_unknown_parameter_is_told_with_the_nearest(tmp_path: Path) -> None:
    path = scenario_documents.write(tmp_path, ("capacity: 10", "capcity: 10"))
    assert refusal(path) == at(path, "network.parameters.capcity: unknown key; did you mean 'capacity'?")


def test_a_parameter_keeps_its_type_and_unit(tmp_path: Path) -> None:
    path = scenario_documents.write(tmp_path, ("capacity: 10", "rate: 10, extra: [3]"))
    lines = refusal(path).splitlines()
    assert lines == [
        at(path, "network.parameters.extra.0: 3 is not text; put it in quotes"),
        at(path, "network.parameters.rate: 10 is not a rate; write a number and a unit, as in '100 Mbit/s'"),
    ]


def test_an_impossible_value_is_told_at_the_parameter_that_the_message_names(tmp_path: Path) -> None:
    path = scenario_documents.write(tmp_path, ("capacity: 10", "capacity: 13"))
    assert refusal(path) == at(path, "network.parameters.capacity: a capacity of 13 is bad luck")


def test_a_field_error_is_told_where_it_points(tmp_path: Path) -> None:
    path = scenario_documents.write(tmp_path, ("capacity: 10", "capacity: 14, extra: [tv]"))
    assert refusal(path) == at(path, "network.parameters.extra.0: is what the author points at")


def test_a_bug_of_a_topology_is_told_with_its_line(tmp_path: Path) -> None:
    path = scenario_documents.write(tmp_path, ("capacity: 10", "capacity: 15"))
    line = scenario_documents.TOPOLOGY.splitlines().index('        raise RuntimeError("a bug")') + 1
    assert refusal(path) == at(
        path, f"network.topology: {tmp_path}/small.py failed: line {line}: RuntimeError: a bug"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("def network(:\n", "cannot be loaded: line 1: invalid syntax"),
        ("import nowhere_at_all\n", "cannot be loaded: line 1: ModuleNotFoundError"),
        ("", "defines no class Parameters"),
        ("Parameters = dict\n", "defines no class Parameters"),
        (
            "from testbed.model.base import Value\nclass Parameters(Value):\n    capacity: int\n",
            "defines no function network(parameters)",
        ),
        (
            "from testbed.model.base import Value\nclass Parameters(Value):\n    capacity: int\n"
            "def network(parameters):\n    return 5\n",
            "network() returned no testbed.model.network.Network",
        ),
    ],
)
def test_a_file_that_is_no_topology_is_told_why(
    path: str, tmp_path: Path, content: str, message: str
) -> None:
    (tmp_path / "small.py").write_text(content)
    assert message in refusal(path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("elevenchars", "'elevenchars' names a station; that takes 1 to 10 characters of a-z, 0-9, _ and -"),
        ("TV", "'TV' names a station; that takes 1 to 10 characters of a-z, 0-9, _ and -"),
        ("home1", "two stations are named 'home1'; each needs a name of its own"),
    ],
)
def test_a_station_needs_a_name_that_linux_can_carry(tmp_path: Path, name: str, message: str) -> None:
    path = scenario_documents.write(tmp_path, ("capacity: 10", f"extra: [tv, {name}]"))
    assert refusal(path) == at(path, f"network.parameters.extra.1: small: {message}")


def test_a_name_of_ten_characters_is_carried(tmp_path: Path) -> None:
    load(scenario_documents.write(tmp_path, ("capacity: 10", "extra: [ten_chars-]")))


def test_a_changed_topology_is_read_anew(path: str, tmp_path: Path) -> None:
    assert load(path).networks["elastic"].name == "small"
    topology = tmp_path / "small.py"
    topology.write_text(topology.read_text().replace('name="small"', 'name="smaller"'))
    assert load(path).networks["elastic"].name == "smaller"
