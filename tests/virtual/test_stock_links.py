"""Mininet's options on our link class, in the embedded kernel: carried out to the microsecond, or refused."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from mechanism import results_of
from test_mininet import MN, TOPOLOGIES
from venue_boot import PYTHON, console_of, run_inside

pytestmark = pytest.mark.skipif(
    shutil.which("mnexec") is None, reason="mnexec (package mininet) is not installed"
)
PACKET_MS = 1000 * 8 / 5e6 * 1e3
"""A packet of 1000 bytes at 5 Mbit/s."""
Packets = list[tuple[int, float]]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    read: dict[str, Any] = results_of("stock_links.py", tmp_path_factory.mktemp("links"))["links"]
    return read


def apart_ms(packets: Packets) -> float:
    """The mean distance of packets sent at once, without the first ones, which a burst lets through."""
    return (packets[-1][1] - packets[10][1]) / (len(packets) - 11)


def test_a_delay_is_that_of_each_end(found: dict[str, Any]) -> None:
    for packets in found["delay"]:
        assert [delay_ms for _, delay_ms in packets] == pytest.approx([15.0] * 5, abs=0.01)


def test_a_rate_is_that_of_each_end(found: dict[str, Any]) -> None:
    for packets in found["bw"]:
        assert len(packets) == 100
        assert apart_ms(packets) == pytest.approx(PACKET_MS, rel=0.002)


def test_each_end_may_have_options_of_its_own(found: dict[str, Any]) -> None:
    there, back = found["ends"]
    assert apart_ms(there) == pytest.approx(PACKET_MS, rel=0.002)
    assert back[0][1] == pytest.approx(3.0, abs=0.01)


def test_a_queue_holds_as_many_packets_as_it_is_told(found: dict[str, Any]) -> None:
    """Beside those in it a burst has passed: three packets, and the one for which a little of it was left."""
    assert len(found["queue"]) == 10 + 4


def test_a_share_of_the_packets_is_lost_one_way_only(found: dict[str, Any]) -> None:
    there, back = found["loss"]
    assert len(there) == pytest.approx(600, abs=60)
    assert len(back) == 100


def test_jitter_is_drawn_around_the_delay(found: dict[str, Any]) -> None:
    delays_ms = [delay_ms for _, delay_ms in found["jitter"]]
    assert len(delays_ms) == 200
    assert 6.0 <= min(delays_ms) < 7.0
    assert 13.0 < max(delays_ms) <= 14.01
    assert sum(delays_ms) / 200 == pytest.approx(10.0, abs=0.6)


def test_a_speedup_is_the_rate_of_the_switch_s_side(found: dict[str, Any]) -> None:
    there, back = found["speedup"]
    assert apart_ms(there) == pytest.approx(PACKET_MS, rel=0.002)
    assert apart_ms(back) == pytest.approx(PACKET_MS / 10, rel=0.02)


def test_a_rate_can_be_changed_later(found: dict[str, Any]) -> None:
    first, second = found["changed"][:100], found["changed"][100:]
    assert apart_ms(first) == pytest.approx(PACKET_MS, rel=0.002)
    assert apart_ms(second) == pytest.approx(PACKET_MS / 2, rel=0.002)


def test_options_go_together(found: dict[str, Any]) -> None:
    assert len(found["most"]) == 10
    assert found["most"][0][1] == pytest.approx(5.0, abs=0.01)


def test_without_options_nothing_waits(found: dict[str, Any]) -> None:
    """The control of all others."""
    assert max(delay_ms for _, delay_ms in found["none"]) < 0.1


@pytest.mark.parametrize("name", ["single", "linear"])
def test_all_hosts_of_mininet_s_own_topologies_reach_each_other(name: str, found: dict[str, Any]) -> None:
    assert found[name] == 0


def test_mn_takes_options_beside_our_topologies_and_fails_where_we_do(tmp_path: Path) -> None:
    """In one boot: what can be runs, and what cannot be has an exit status."""
    common = f"{PYTHON} {MN} --custom {TOPOLOGIES / 'pon_tree.py'} --switch bridge --controller none"
    tries = {
        "shaped": "--topo pon_tree,onus=2 --link shaped,bw=10 --test pingall",
        "tc": "--topo pon_tree,onus=2 --link tc,bw=10,delay=10ms --test pingall",
        "tbf": "--topo single,2 --link shaped,bw=10,use_tbf=1 --test none",
    }
    script = "\n".join(f"{common} {options}; echo status of {name}: $?" for name, options in tries.items())
    outcome = run_inside(tmp_path, "/bin/sh", "-c", script, wall_limit_s=240.0, stall_limit_s=200.0)
    console = console_of(outcome)
    assert {name: _status(console, name) for name in tries} == {"shaped": 0, "tc": 0, "tbf": 2}, console
    assert console.count(" 0% dropped") == 2
    assert "TCLink carries out nothing of the topology's plan" in console
    assert "use_tbf=1: a shaped link's scheduler is HTB" in console


def _status(console: str, name: str) -> int:
    return int(console.split(f"status of {name}: ")[1].split(maxsplit=1)[0])
