"""The kernel sends to a channel exactly the packets whose ports a client has named, in either direction."""

from pathlib import Path

from mechanism import results_of


def test_every_packet_goes_where_a_comparison_of_its_ports_says(tmp_path: Path) -> None:
    told = results_of("port_filters.py", tmp_path)["told"]
    assert told["wrong"] == []
    assert told["belonged"] + told["others"] == 2 * 11 * 300
    assert min(told["belonged"], told["others"]) > 1_000, "both happen often enough to tell"
    assert told["after_removal"] == 0, "a filter that was removed takes nothing"
