"""What the host venue is tried with: every kind of thing that a run can have, each for a few seconds.

Seconds lie between one thing and the next, because the embedded kernel in real time may be late by so much on
a machine that has other things to do.
"""

from typing import Any

LINE = {"rate": "100 Mbit/s", "committed": "5 Mbit/s", "queue": "500 kB"}
NODES = {"edge": {"delay": "500 us"}, "operator": {"delay": "1 ms", "capacity": 1}}
CHANNEL = {
    "policy": "signalled",
    "downstream": {"committed": "10 Mbit/s", "peak": "200 Mbit/s", "queue": "500 kB"},
    "upstream": {"committed": "2 Mbit/s", "peak": "20 Mbit/s", "queue": "100 kB"},
    "serialisation": "4 ms",
    "hold": "200 ms",
}
SLOW = {"commands": {"interval": "50 ms"}, "probes": {"interval": "50 ms"}, "frames_per_second": 10}
SCENES = [
    {"name": "lobby", "at": "2 s", "rate": "1 Mbit/s"},
    {"name": "game", "at": "6 s", "rate": "3 Mbit/s"},
]
PING = ["ping", "-n", "-c", "5", "-i", "0.2", "10.2.0.1"]
BURN = ["sh", "-c", "while :; do :; done"]

ACCESS: dict[str, Any] = {
    "title": "Everything that a home can have, in real time",
    "seed": 3,
    "duration": "9 s",
    "network": {
        "topology": "elastic_access",
        "parameters": {"onus": 2, "fibre": "20 km", "metro": "0 m", "nodes": NODES},
    },
    "access": {"downstream": LINE, "upstream": LINE},
    "pon": {"model": "shaped_link"},
    "northbound": {"host": "operator"},
    "sessions": {
        "player": {
            "player": "home1",
            "starts": "2 s",
            "ends": "8 s",
            "job": {"weight": 1},
            "scenes": SCENES,
            "channel": CHANNEL,
            **SLOW,
        },
        "booked": {
            "player": "home2",
            "starts": "2 s",
            "ends": "8 s",
            "job": {"weight": 1},
            "scenes": SCENES[:1],
            "booking": {"profile": "rate-100m", "at": "3 s", "duration": "60 s"},
            **SLOW,
        },
    },
    "programs": {"look": {"host": "home1", "command": PING, "starts": "500 ms"}},
    "capture": ["home1"],
    "variants": {"shaped": {}, "frames": {"pon": {"model": "frames"}}},
}

QUIET: dict[str, Any] = {
    "title": "Nothing, and a program that computes without end",
    "duration": "2 s",
    "network": {"topology": "elastic_access", "parameters": {"onus": 1}},
    "access": {"downstream": LINE, "upstream": LINE},
    "pon": {"model": "shaped_link"},
    "variants": {"quiet": {}, "burning": {"programs": {"burn": {"host": "node1", "command": BURN}}}},
}

FLOOD = {"protocol": "udp", "source": "node1", "destination": "home1", "rate": "10 Gbit/s"}
HEAVY: dict[str, Any] = {
    "title": "More packets than a machine carries: ten million a second, for a twentieth of one",
    "duration": "200 ms",
    "network": QUIET["network"],
    "access": QUIET["access"],
    "pon": QUIET["pon"],
    "background": {"flood": {**FLOOD, "packet": "125 B", "starts": "50 ms", "ends": "60 ms"}},
}

TRANSFER = {
    "source": "npu1",
    "destination": "npu3",
    "starts": "500 ms",
    "ends": "3500 ms",
    "block": "1400 B",
    "window_blocks": 8,
    "timeout": "200 ms",
    "retry": "200 ms",
    "sample": "100 ms",
}
EXPERTS = {"ranks": 2, "experts": 4, "top": 2, "tokens": 4, "dispatch": "1 kB", "combine": "1 kB"}
SUPERNODE: dict[str, Any] = {
    "title": "A supernode whose plane and whose node fail, in real time",
    "seed": 3,
    "duration": "4 s",
    "network": {
        "topology": "elastic_supernode",
        "parameters": {"onus": 1, "nodes": 4, "per_chassis": 2, "rate": "8 Mbit/s", "planes": 2},
    },
    "access": {"downstream": LINE, "upstream": LINE},
    "pon": {"model": "shaped_link"},
    "health": {"heartbeat": "50 ms", "missed": 6},
    "jobs": {
        "worker": {
            "job": {"weight": 4, "state": "100 kB", "restart": "20 ms"},
            "count": 2,
            "starts": "200 ms",
            "ends": "3800 ms",
            "requests": {"source": "home1", "interval": "50 ms"},
        }
    },
    "experts": {
        "moe": {**EXPERTS, "job": {"weight": 1}, "starts": "500 ms", "ends": "3500 ms", "interval": "100 ms"}
    },
    "transfers": {"bulk": TRANSFER},
    "faults": {
        "plane": {"plane": 1, "at": "1500 ms", "repaired": "2500 ms"},
        "power": {"node": "npu2", "at": "2 s"},
    },
}
