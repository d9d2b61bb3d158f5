"""The shipped cloud game cut to a few virtual seconds: the same network, the same kinds of traffic."""

from typing import Any

import yaml

from testbed.scenario.source import scenario_path

DURATION, STARTS, ENDS = "5 s", "1 s", "4 s"
SCENES = [
    {"name": "lobby", "at": "1 s", "rate": "8 Mbit/s"},
    {"name": "4k", "at": "2 s", "rate": "45 Mbit/s"},
    {"name": "ordinary", "at": "3 s", "rate": "30 Mbit/s"},
]


def short_game() -> dict[str, Any]:
    """The scenario as a mapping; it expects what the whole one does of the session's packets."""
    game: dict[str, Any] = yaml.safe_load(scenario_path("cloud_gaming").read_text(encoding="utf-8"))
    game |= {"duration": DURATION, "name": "short_game"}
    game["sessions"]["player"] |= {"starts": STARTS, "ends": ENDS, "scenes": SCENES}
    for flow in game["background"].values():
        flow |= {"starts": "0 s", "ends": DURATION}
    game["expect"] = [one for one in game["expect"] if one["statistic"] in ("lost", "reordered")]
    return game
