"""A game that one processor carries in real time: few packets, and a channel that follows its scenes."""

from typing import Any

LINE = {"rate": "1 Gbit/s", "committed": "0 bit/s", "queue": "500 kB"}
SCENES = [
    {"name": "lobby", "at": "1 s", "rate": "400 kbit/s"},
    {"name": "match", "at": "3 s", "rate": "800 kbit/s"},
]


def served_game(duration: str = "3600 s", ends: str = "3500 s") -> dict[str, Any]:
    """The scenario as a mapping; its session lasts as long as one likes."""
    return {
        "title": "A small game to be watched",
        "seed": 5,
        "duration": duration,
        "network": {
            "topology": "elastic_access",
            "parameters": {"pon": "XGS-PON", "onus": 2, "nodes": {"node": {"delay": "2 ms"}}},
        },
        "pon": {"model": "shaped_link"},
        "access": {"downstream": LINE, "upstream": LINE},
        "sessions": {
            "game": {
                "player": "home1",
                "job": {"weight": 1},
                "starts": "1 s",
                "ends": ends,
                "frames_per_second": 10,
                "scenes": SCENES,
                "commands": {"interval": "100 ms", "size": "100 B"},
                "probes": {"interval": "100 ms", "size": "100 B"},
                "channel": {
                    "policy": "signalled",
                    "downstream": {"committed": "100 Mbit/s", "peak": "1 Gbit/s", "queue": "1 MB"},
                    "upstream": {"committed": "20 Mbit/s", "peak": "1 Gbit/s", "queue": "256 kB"},
                    "serialisation": "1 ms",
                    "hold": "500 ms",
                },
            }
        },
    }
