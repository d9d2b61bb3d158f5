"""The registry of venues: a third venue is one line, and no other module knows a venue's name."""

import json
import re
from pathlib import Path

import pytest
from robustness import stand_ins

import testbed
from testbed.cli import main, running
from testbed.errors import ScenarioError
from testbed.scenario import load
from testbed.venue.registry import VENUES, find_venue
from testbed.venue.venue import Venue

MOON = """
import json

class Moon:
    parallel = False

    def require(self, scenario_file, *, force):
        return {"kernel": {"kind": "moon", "release": "1"}, "crater": "Tycho"}

    def launch(self, variant, limits, on_progress):
        (variant.folder / "console.log").write_text(f"{variant.name} at {limits.wall_s}")
        events = ({"at_ns": 0, "kind": "network.ready"}, {"at_ns": 10**9, "kind": "run.end"})
        (variant.folder / "events.jsonl").write_text("".join(json.dumps(each) + "\\n" for each in events))
        return 0
"""


def test_a_registered_venue_runs_a_scenario_from_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "moon_venue.py").write_text(MOON)
    (tmp_path / "net.yaml").write_text(stand_ins.SCENARIO)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setitem(VENUES, "moon", "moon_venue:Moon")
    out = tmp_path / "run"
    assert (
        main(["run", str(tmp_path / "net.yaml"), "--venue", "moon", "--wall-limit", "9", "--out", str(out)])
        == 0
    )
    manifest = json.loads((out / "manifest.json").read_text())
    assert (manifest["venue"], manifest["kernel"]["kind"], manifest["crater"]) == ("moon", "moon", "Tycho")
    assert (out / "logs" / "default.log").read_text() == "default at 9.0"


@pytest.mark.parametrize("name", VENUES)
def test_a_venue_has_everything_that_the_protocol_asks_for(name: str) -> None:
    wanted = {each for each in vars(Venue) if not each.startswith("_")} | set(Venue.__annotations__)
    assert wanted == {"parallel", "require", "launch", "serve", "shell"}
    assert wanted <= set(dir(find_venue(name)))


def test_a_venue_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(stand_ins.SCENARIO)
    with pytest.raises(ScenarioError, match="there is no such venue"):
        running.run_scenario(load(str(path)), venue="moon", out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_no_module_compares_a_venue_with_a_name() -> None:
    """Except `report`: a run directory has nothing but the name of its venue."""
    (package,) = testbed.__path__
    named = re.compile(r'venue\b[^\n]*(==|!=|\bin \()[^\n]*"(host|virtual)"|choices=[^\n]*"(host|virtual)"')
    modules = [path for path in Path(package).rglob("*.py") if path.parent.name != "report"]
    assert [path for path in modules if named.search(path.read_text())] == []
    assert named.search('if venue == "host":')
