"""A small scenario and a small topology of their own, for tests that change one thing in them."""

from pathlib import Path
from typing import Any

TOPOLOGY = '''
"""Two homes on a PON of 10 Gbit/s, and a node behind it."""
from testbed.model.base import DOWNSTREAM, UPSTREAM, FieldError, Rate, Value
from testbed.model.network import Egress, Network, Role, Station, Wire


class Parameters(Value):
    rate_bps: Rate = 10_000_000_000
    uplink_bps: Rate | None = None
    capacity: int = 10
    extra: tuple[str, ...] = ()


def network(parameters: Parameters) -> Network:
    if parameters.capacity == 13:
        raise ValueError("a capacity of 13 is bad luck")
    if parameters.capacity == 14:
        raise FieldError(("extra", 0), "is what the author points at")
    if parameters.capacity == 15:
        raise RuntimeError("a bug")
    hosts = [Station(name=name, role=Role.HOME) for name in ("home1", "home2", *parameters.extra)]
    down = Egress(rate_bps=parameters.rate_bps, queue_bytes=1000, pon=DOWNSTREAM)
    up = Egress(rate_bps=parameters.rate_bps // 2, queue_bytes=1000, pon=UPSTREAM)
    link = Egress(rate_bps=parameters.uplink_bps, queue_bytes=1000)
    return Network(
        name="small",
        stations=(
            Station(name="olt", role=Role.OLT),
            Station(name="onu1", role=Role.ONU),
            Station(name="onu2", role=Role.ONU),
            Station(name="splitter", role=Role.SPLITTER),
            Station(name="node1", role=Role.COMPUTE, capacity=parameters.capacity),
            *hosts,
        ),
        wires=(
            Wire(a="olt", b="splitter", a_egress=down, b_egress=up),
            Wire(a="splitter", b="onu1"),
            Wire(a="splitter", b="onu2"),
            Wire(a="onu1", b="home1"),
            Wire(a="onu2", b="home2"),
            *(Wire(a="onu1", b=name) for name in parameters.extra),
            Wire(a="olt", b="node1", a_egress=link, b_egress=link),
        ),
    )
'''

SCENARIO = """\
title: A small scenario
duration: 10 s
network: {topology: small.py, parameters: {capacity: 10}}
access:
  downstream: {rate: 1 Gbit/s, committed: 100 Mbit/s, queue: 675 kB}
  upstream: {rate: 1 Gbit/s, committed: 50 Mbit/s, queue: 300 kB}
sessions:
  player:
    player: home1
    starts: 1 s
    ends: 9 s
    job: {weight: 4}
    scenes:
      - {name: ordinary, at: 1 s, rate: 30 Mbit/s}
      - {name: detailed, at: 5 s, rate: 45 Mbit/s}
background:
  download: {protocol: tcp, source: node1, destination: home2, starts: 0 s, ends: 10 s}
variants:
  best_effort: {}
  elastic:
    sessions:
      player:
        channel:
          downstream: {committed: 100 Mbit/s, peak: 5 Gbit/s, queue: 2 MB}
          upstream: {committed: 10 Mbit/s, peak: 100 Mbit/s, queue: 100 kB}
          serialisation: 1 ms
          hold: 500 ms
expect:
  - {variant: elastic, session: player, direction: downstream, statistic: p50, at_most: 8 ms}
  - {variant: best_effort, session: player, direction: upstream, statistic: lost, at_least: 1}
references:
  - {variant: elastic, session: player, direction: downstream, statistic: p50, value: 8 ms, source: a trial}
"""


def write(folder: Path, *changes: tuple[str, str], text: str = SCENARIO) -> str:
    """The path of the scenario in this folder, each change made once; its topology stands beside it."""
    for old, new in changes:
        assert text.count(old) >= 1, f"{old!r} is not in the scenario"
        text = text.replace(old, new, 1)
    (folder / "small.py").write_text(TOPOLOGY)
    path = folder / "small.yaml"
    path.write_text(text)
    return str(path)


def document(folder: Path) -> dict[str, Any]:
    """A scenario as a program would write it down, without variants."""
    (folder / "small.py").write_text(TOPOLOGY)
    rates = {"rate": "1 Gbit/s", "committed": "100 Mbit/s", "queue": "675 kB"}
    return {
        "title": "Built in code",
        "duration": "10 s",
        "network": {"topology": str(folder / "small.py")},
        "access": {"downstream": rates, "upstream": rates},
        "sessions": {
            "player": {
                "player": "home1",
                "starts": "0 s",
                "ends": "9 s",
                "job": {"weight": 4},
                "scenes": [{"name": "only", "at": "0 s", "rate": "30 Mbit/s"}],
            }
        },
    }
