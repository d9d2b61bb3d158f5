"""The JSON Schema that editors get takes what `testbed check` takes, and sees most of what it refuses."""

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from testbed.cli import main
from testbed.scenario import load, shipped
from testbed.scenario.json_schema import json_schema
from testbed.units import DURATION, RATE, QuantityError

PROJECT = Path(__file__).parents[2]
SCHEMA = json_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def written(name: str) -> Any:
    return yaml.safe_load((PROJECT / "scenarios" / f"{name}.yaml").read_text())


def faults(document: Any) -> list[str]:
    """Where the schema finds something wrong, the innermost places."""
    errors = VALIDATOR.iter_errors(document)
    return [jsonschema.exceptions.best_match([error]).json_path for error in errors]


def changed(**changes: Any) -> Any:
    return {**copy.deepcopy(written("cloud_gaming")), **changes}


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_every_key_says_what_it_means() -> None:
    assert SCHEMA["properties"]["duration"]["description"].startswith("How long the scenario lasts")
    part = SCHEMA["$defs"]["ScriptPart"]["properties"]["duration"]
    assert "How long the scenario lasts" in json.dumps(part)


def test_the_command_prints_it_the_same_wherever_the_project_lies(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["schema"]) == 0
    printed = capsys.readouterr().out
    assert json.loads(printed) == SCHEMA
    assert "testbed_topology" not in printed


def test_the_command_writes_it_to_a_file_or_says_why_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["schema", "--out", str(tmp_path / "schema.json")]) == 0
    assert json.loads((tmp_path / "schema.json").read_text()) == SCHEMA
    assert main(["schema", "--out", str(tmp_path / "none" / "schema.json")]) == 2
    assert "schema.json: cannot be written: No such file or directory" in capsys.readouterr().err


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_scenario_fits_it_as_written_and_as_it_is_kept(name: str) -> None:
    assert faults(written(name)) == []
    assert faults(yaml.safe_load(load(name).text)) == []


@pytest.mark.parametrize(
    ("document", "place"),
    [
        (changed(duratoin="3 s"), "$"),
        (changed(duration=32), "$.duration"),
        (changed(duration="32 km"), "$.duration"),
        (changed(network={"topology": "elastic_access", "parameters": {"onsu": 3}}), "$.network.parameters"),
        (
            changed(network={"topology": "elastic_access", "parameters": {"metro": "60"}}),
            "$.network.parameters.metro",
        ),
        (changed(variants={"one": {"placement": {"load": 3}}}), "$.variants.one.placement"),
        (changed(access={"downstream": {}}), "$.access"),
    ],
)
def test_what_is_wrong_is_seen_where_it_stands(document: Any, place: str) -> None:
    assert any(found.startswith(place) for found in faults(document)), faults(document)


def test_a_variant_may_give_a_part_of_anything_and_take_away() -> None:
    part = {"sessions": {"player": {"job": {"weight": 1}, "channel": None}}, "access": {"upstream": {}}}
    assert faults(changed(variants={"one": part, "two": None})) == []


def test_parameters_are_those_of_the_topology_that_is_named() -> None:
    """The control of the parameters: another topology's are unknown, and a file of one's own has any."""
    parameters = {"nodes": 16, "planes": 4}
    assert faults(changed(network={"topology": "elastic_supernode", "parameters": parameters})) == []
    assert faults(changed(network={"topology": "elastic_access", "parameters": parameters})) != []
    assert faults(changed(network={"topology": "mine.py", "parameters": {"whatever": 1}})) == []


@pytest.mark.parametrize("text", ["8 ms", "8ms", " 1_000 µs", "3.5 μs", "+2 s"])
def test_the_pattern_of_a_quantity_takes_what_is_read(text: str) -> None:
    DURATION.parse(text)
    jsonschema.validate(text, {"type": "string", "pattern": DURATION.pattern})


@pytest.mark.parametrize("text", ["8", "ms", "8 Mbit/s", "-8 ms", "8 mss"])
def test_the_pattern_of_a_quantity_refuses_what_is_not_read(text: str) -> None:
    with pytest.raises(QuantityError):
        DURATION.parse(text)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(text, {"type": "string", "pattern": DURATION.pattern})
    jsonschema.validate("25 Gbit/s", {"type": "string", "pattern": RATE.pattern})
