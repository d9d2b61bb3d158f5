"""A scenario file is found by name or path, read, checked, and told about as a whole."""

import time
from pathlib import Path

import pytest
import scenario_documents

from testbed.errors import ScenarioError
from testbed.scenario import load, shipped
from testbed.scenario.source import MAX_BYTES


def refusal(name: str, **options: object) -> str:
    with pytest.raises(ScenarioError) as refused:
        load(name, **options)  # type: ignore[arg-type]
    return str(refused.value)


def test_a_file_gives_its_variants_networks_and_demands(tmp_path: Path) -> None:
    scenario = load(scenario_documents.write(tmp_path))
    assert scenario.summary() == "small: 2 variants (best_effort, elastic), 1 session, 1 flow, 10 s"
    assert scenario.title == "A small scenario"
    assert [variant.variant for variant in scenario.variants.values()] == ["best_effort", "elastic"]
    assert scenario.variants["best_effort"].sessions["player"].channel is None
    channel = scenario.variants["elastic"].sessions["player"].channel
    assert channel is not None
    assert channel.downstream.peak_bps == 5_000_000_000
    assert scenario.networks["elastic"].name == "small"
    assert [expectation.at_most for expectation in scenario.expectations] == [8_000_000, None]
    assert [expectation.at_least for expectation in scenario.expectations] == [None, 1]
    assert scenario.references[0].measure == "probe"


def test_a_file_without_variants_has_the_one_named_default(tmp_path: Path) -> None:
    text = scenario_documents.SCENARIO.split("variants:")[0]
    scenario = load(scenario_documents.write(tmp_path, text=text))
    assert list(scenario.variants) == ["default"]


def test_a_shipped_scenario_is_named_without_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load(shipped()[0]).name == shipped()[0]


def test_a_name_of_its_own_outlives_the_name_of_the_file(tmp_path: Path) -> None:
    path = scenario_documents.write(tmp_path, ("title:", "name: original\ntitle:"))
    assert {scenario.name for scenario in load(path).variants.values()} == {"original"}


def test_the_effective_text_gives_an_equal_scenario_from_anywhere(tmp_path: Path) -> None:
    scenario = load(scenario_documents.write(tmp_path), seed=9, settings=["duration=20 s"])
    elsewhere = tmp_path / "run" / "scenario.yaml"
    elsewhere.parent.mkdir()
    elsewhere.write_text(scenario.text)
    again = load(str(elsewhere))
    assert again == scenario
    assert again.path != scenario.path


def test_only_the_wanted_variants_are_kept_with_what_is_expected_of_them(tmp_path: Path) -> None:
    scenario = load(scenario_documents.write(tmp_path), variants=["best_effort"])
    assert list(scenario.variants) == list(scenario.networks) == ["best_effort"]
    assert [expectation.variant for expectation in scenario.expectations] == ["best_effort"]
    assert scenario.references == ()
    copy = tmp_path / "copy.yaml"
    copy.write_text(scenario.text)
    assert load(str(copy)) == scenario


def test_an_unwanted_variant_must_be_right_all_the_same(tmp_path: Path) -> None:
    path = scenario_documents.write(tmp_path, ("hold: 500 ms", "hold: 500"))
    assert "hold: 500 is not a duration" in refusal(path, variants=["best_effort"])


def test_an_unknown_variant_is_refused_with_the_nearest(tmp_path: Path) -> None:
    path = scenario_documents.write(tmp_path)
    assert refusal(path, variants=["elstic"]).endswith("has no such variant; did you mean 'elastic'?")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cloud_gamin", "is neither a file nor a shipped scenario; did you mean 'cloud_gaming'?"),
        ("cloud_gaming.yaml", "there is no such file; the shipped scenario is named 'cloud_gaming'"),
        ("smal.yaml", "'smal.yaml': there is no such file; did you mean 'small.yaml'?"),
        ("none/x.yaml", "'none/x.yaml': there is no such file; there is no folder none either"),
        (".", ".: is a directory; name a file in it"),
        ("/dev/zero", "/dev/zero: is not an ordinary file; save the scenario to one"),
        ("", "'' is neither a file nor a shipped scenario"),
        ("a\0b.yaml", "there is no such file"),
        ("x" * 5000, "cannot be read: File name too long"),
        ("small.yaml/x", "cannot be read: Not a directory"),
    ],
)
def test_what_is_no_scenario_file_is_refused(
    name: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario_documents.write(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert message in refusal(name)


def test_a_file_of_a_million_lines_is_refused_by_its_size(tmp_path: Path) -> None:
    path = tmp_path / "million.yaml"
    path.write_text("- line\n" * 1_000_000)
    assert refusal(str(path)).endswith(
        f"has 7,000,000 bytes; a scenario has at most {MAX_BYTES:,}, is it another file?"
    )


def test_many_variants_of_a_long_file_are_refused_quickly(tmp_path: Path) -> None:
    flow = "{protocol: tcp, source: nowhere, destination: home2, starts: 0 s, ends: 10 s}"
    flows = "".join(f"  flow{number}: {flow}\n" for number in range(1000))
    variants = "".join(f"  more{number}: {{}}\n" for number in range(20))
    path = scenario_documents.write(
        tmp_path, ("background:\n", f"background:\n{flows}"), ("variants:\n", f"variants:\n{variants}")
    )
    began_s = time.process_time()
    assert "variants: 22 variants of 6,0" in refusal(path)
    assert time.process_time() - began_s < 2


def test_a_byte_order_mark_and_windows_line_ends_are_no_fault(tmp_path: Path) -> None:
    path = Path(scenario_documents.write(tmp_path))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert load(str(path)).name == "small"


def test_a_byte_that_is_not_utf8_is_found_on_its_line(tmp_path: Path) -> None:
    path = Path(scenario_documents.write(tmp_path))
    path.write_bytes(path.read_bytes().replace(b"home1", b"hom\xe9"))
    assert refusal(str(path)).endswith("small.yaml:9: is not UTF-8 text; save the file as UTF-8")


def test_the_first_twenty_of_many_faults_are_told_by_line(tmp_path: Path) -> None:
    unknown = "".join(f"unknown{number}: 1\n" for number in range(30))
    lines = refusal(scenario_documents.write(tmp_path, ("access:\n", f"{unknown}access:\n"))).splitlines()
    assert len(lines) == 21
    assert lines[-1] == "… and more; these are the first 20 problems"
    numbers = [int(line.split(":")[1]) for line in lines[:-1]]
    assert numbers == sorted(numbers)


def test_a_fault_of_the_base_is_told_once_however_many_variants_inherit_it(tmp_path: Path) -> None:
    told = refusal(scenario_documents.write(tmp_path, ("weight: 4", "weight: four")))
    assert len(told.splitlines()) == 1
    assert "in variant" not in told


def test_a_fault_that_one_variant_escapes_names_the_others(tmp_path: Path) -> None:
    path = scenario_documents.write(
        tmp_path,
        ("best_effort: {}", "best_effort: {network: {parameters: {capacity: 40}}}"),
        ("weight: 4", "weight: 40"),
    )
    assert refusal(path).endswith("the largest, node1, carries 10 (in variant elastic)")


def test_a_line_of_a_variant_is_named_by_the_keys_it_was_written_under(tmp_path: Path) -> None:
    path = scenario_documents.write(tmp_path, ("peak: 5 Gbit/s", "peak: 5 Gbps"))
    assert "small.yaml:24: variants.elastic.sessions.player.channel.downstream.peak: '5 Gbps'" in refusal(
        path
    )


def test_what_is_not_utf8_and_would_be_in_the_text_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "caf\udce9"
    folder.mkdir()
    said = refusal(scenario_documents.write(folder))
    assert "network.topology: the path " in said
    assert "is not UTF-8, and a scenario is; rename the folder or the file" in said
    named = folder / "n\udce9t.yaml"
    named.write_text("title: x\n")
    assert "name: 'n\ufffdt' is not a name" in refusal(str(named))
