"""A run folded into a view: what is under way, what is over, and nothing without bound."""

from pathlib import Path

import pytest
from live_records import Happened, beginning, ending, event, late, sample

from testbed.live.feed import feed
from testbed.live.variant_follower import MOST_STREAMS, VariantFollower
from testbed.live.view import MOST_ENDED, MOST_EVENTS, MOST_RATES, View
from testbed.record.events import RunWarning
from testbed.record.logs import EventLog, RateLog
from testbed.record.streams import ReceivedLog, SentLog

KEY = ("player", "downstream")


def view_of(*events: Happened) -> View:
    view = View()
    for each in events:
        view.take_event(*each)
    return view


def test_a_session_has_its_node_its_channel_and_its_job() -> None:
    view = view_of(*beginning())
    assert view.sessions == {"player": "edge"}
    channel, job = view.channels["player"], view.jobs["player"]
    assert (channel.state, channel.rates_bps["upstream"]) == ("active", 20_000_000)
    assert (job.state, job.node, job.backup) == ("running", "edge", "region")
    assert view.at_ns == 600_000_000


def test_a_session_that_is_over_leaves_nothing_but_its_events() -> None:
    view = view_of(*beginning())
    view.take_rate(sample(1))
    for each in ending():
        view.take_event(*each)
    view.take_rate(sample(8.9))
    assert (view.sessions, view.channels, view.jobs, view.rates) == ({}, {}, {}, {})
    assert view.told == len(view.events) == 8


def test_a_resize_changes_the_rate_that_is_shown() -> None:
    resize = {"direction": "downstream", "from_bps": 1, "to_bps": 5, "reason": "a scene"}
    view = view_of(*beginning(), event(2, "channel.resize", session="player", **resize))
    assert view.channels["player"].rates_bps == {"downstream": 5, "upstream": 20_000_000}
    assert view.channels["player"].reason == "a scene"


@pytest.mark.parametrize(
    ("kind", "state"), [("refuse", "refused"), ("expire", "expired"), ("preempt", "preempted")]
)
def test_a_channel_that_is_over_says_so_while_its_session_lasts(kind: str, state: str) -> None:
    by = {"by": "guest", "link": "pon"} if kind == "preempt" else {}
    over = event(2, f"channel.{kind}", session="player", reason="so it is", **by)
    view = view_of(*beginning(), over)
    assert (view.channels["player"].state, view.channels["player"].rates_bps) == (state, {})
    view.take_event(*event(9, "session.end", session="player"))
    assert view.channels == {}


def test_an_ordered_channel_shows_for_whom_it_is() -> None:
    order = {"order": "an-id", "device": "home2", "profile": "rate-1g"}
    view = view_of(event(1, "channel.order", session="an-id", **order))
    channel = view.channels["an-id"]
    assert (channel.state, channel.device, channel.profile) == ("ordered", "home2", "rate-1g")
    view.take_event(*event(1, "channel.active", session="an-id", rates={"downstream": 7}, reason="static"))
    assert (channel.state, channel.device, channel.rates_bps) == ("active", "home2", {"downstream": 7})


def test_orders_that_were_refused_do_not_pile_up() -> None:
    view = View()
    for number in range(3 * MOST_ENDED):
        view.take_event(*event(number, "channel.refuse", session=f"order {number}", reason="full", fits={}))
    assert len(view.channels) == MOST_ENDED
    assert f"order {3 * MOST_ENDED - 1}" in view.channels


def test_a_job_moves_waits_and_comes_back() -> None:
    view = view_of(*beginning(), event(2, "job.promote", job="player", failed="edge", node="region", epoch=2))
    assert (view.jobs["player"].node, view.jobs["player"].backup) == ("region", None)
    view.take_event(*event(2, "job.backup", job="player", backup="metro", reason="there is room"))
    assert view.jobs["player"].backup == "metro"
    view.take_event(*event(3, "job.evict", job="player", failed="region", reason="no backup"))
    assert (view.jobs["player"].state, view.jobs["player"].node) == ("waiting", None)


def test_the_newest_sample_counts_and_the_history_is_bounded() -> None:
    view = view_of(*beginning())
    for tenth in range(20 * MOST_RATES):
        view.take_rate(sample(1 + tenth / 10, throughput_bps=tenth))
    rate = view.rates[KEY]
    assert (rate.throughput_bps, rate.rate_bps, rate.dropped) == (20 * MOST_RATES - 1, 100_000_000, 2)
    assert len(rate.history) == MOST_RATES
    assert [at_ns % 500_000_000 for at_ns, _ in rate.history] == [0] * MOST_RATES


def test_events_are_bounded_and_those_of_each_second_are_not_among_the_newest() -> None:
    view = View()
    for number in range(2 * MOST_EVENTS):
        view.take_event(*event(number, "warning", text=str(number)))
        view.take_event(*late(number, 5))
    assert {type(event) for _, event in view.events} == {RunWarning}
    assert (len(view.events), view.told, view.counts["host.late"]) == (MOST_EVENTS, 400, 400)


def test_a_machine_that_was_late_is_told_of_for_as_long_as_it_is_news() -> None:
    view = view_of(*beginning())
    assert view.late_ns == 0
    view.take_event(*late(5, 7_000_000))
    assert feed(view)["late_ns"] == 7_000_000
    view.take_rate(sample(7))
    assert view.late_ns == 7_000_000
    view.take_rate(sample(8))
    assert view.late_ns == 0


def test_a_transfer_has_a_throughput_alone() -> None:
    view = View()
    view.take_rate(sample(1, "copy", "across", rate_bps=None, backlog_bytes=None, dropped=None))
    told = feed(view)["rates"][0]
    assert (told["name"], told["rate_bps"], told["backlog_bytes"], told["dropped"]) == (
        "copy",
        None,
        None,
        None,
    )
    nothing_more = dict.fromkeys(("throughput_bps", "blocks_sent_again", "outage_ns", "stalled_ns"), 0)
    view.take_event(*event(2, "transfer.end", transfer="copy", received_bytes=1, **nothing_more))
    assert view.rates == {}


def write_probes(folder: Path, session: str, count: int) -> None:
    stream = {"session": session, "measure": "probe", "direction": "upstream"}
    with SentLog(folder, **stream) as sent, ReceivedLog(folder, **stream) as received:
        for seq in range(count):
            sent.write(seq, 100, seq * 10_000_000)
            received.write(seq, seq * 10_000_000 + 4_000_000)


def test_a_watch_reads_what_a_running_variant_has_written_by_now(tmp_path: Path) -> None:
    watch = VariantFollower(tmp_path)
    watch.read()
    assert watch.view.at_ns is None
    with EventLog(tmp_path) as events, RateLog(tmp_path) as rates:
        for at_ns, each in beginning():
            events.write(each, at_ns)
        rates.write(10**9, session="player", direction="downstream", throughput_bps=5)
        write_probes(tmp_path, "player", 30)
        watch.read()
    assert watch.view.rates[KEY].throughput_bps == 5
    delays = watch.view.delays["player", "probe", "upstream"]
    assert (delays.arrived, delays.newest_ns) == (30, 4_000_000)


def test_a_watch_follows_delays_and_not_every_packet(tmp_path: Path) -> None:
    for measure in ("packet", "command", "token"):
        SentLog(tmp_path, session="player", measure=measure, direction="upstream").close()
    for number in range(MOST_STREAMS + 5):
        SentLog(tmp_path, session=f"player{number}", measure="probe", direction="upstream").close()
    watch = VariantFollower(tmp_path)
    watch.read()
    assert {measure for _, measure, _ in watch.view.delays} == {"probe"}
    assert len(watch.view.delays) == MOST_STREAMS


def test_a_stream_is_seen_half_a_second_after_it_was_measured(tmp_path: Path) -> None:
    """Of the run's own time: the program that writes holds nothing back for longer."""
    stream = {"session": "player", "measure": "probe", "direction": "upstream"}
    with SentLog(tmp_path, **stream) as sent, ReceivedLog(tmp_path, **stream) as received:
        watch = VariantFollower(tmp_path)
        for seq in range(50):
            sent.write(seq, 100, seq * 10_000_000)
            received.write(seq, seq * 10_000_000)
        watch.read()
        assert watch.view.delays["player", "probe", "upstream"].arrived == 0
        sent.write(50, 100, 500_000_000)
        received.write(50, 500_000_000)
        watch.read()
        assert watch.view.delays["player", "probe", "upstream"].arrived == 51
