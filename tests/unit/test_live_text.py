"""The dashboard as text: what stands there at 60, 80 and 120 columns, and that it always fits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from live_records import beginning, event, late, sample

from testbed.cli.live_text import Block, Screen, joined, lines, shares
from testbed.live import short_text
from testbed.live.delay_window import BIN_NS
from testbed.live.spark import on_grid, sparkline
from testbed.live.view import View

DURATION_NS = 20 * 10**9


def playing(sessions: int = 1) -> View:
    view = View()
    for number in range(1, sessions + 1):
        name = f"player{number}"
        for each in beginning(name):
            view.take_event(*each)
        for tenth in range(40):
            view.take_rate(sample(1 + tenth / 10, name, throughput_bps=tenth * 100_000))
        view.take_rate(
            sample(5, name, "upstream", rate_bps=None, throughput_bps=0, backlog_bytes=0, dropped=0)
        )
        stream = view.stream((name, "probe", "downstream"))
        stream.sent((seq, 100, seq * BIN_NS) for seq in range(10))
        stream.received((seq, seq * BIN_NS + 4_000_000 + seq * 100_000) for seq in range(10))
    return view


def block(variant: str = "elastic", view: View | None = None, reached_s: float = 5.0) -> Block:
    return Block(variant, view or playing(), round(reached_s * 1e9), DURATION_NS, 2.5)


def drawn(columns: int, rows: int = 40, *blocks: Block, ascii_only: bool = False) -> list[str]:
    shown = blocks or (block(),)
    return [
        line.plain for line in lines("a game, virtual venue", 12.3, shown, Screen(columns, rows, ascii_only))
    ]


def test_at_80_columns_everything_is_told() -> None:
    shown = drawn(80)
    text = "\n".join(shown)
    assert shown[0] == "a game, virtual venue  wall time 12 s"
    assert shown[1].startswith("elastic █")
    assert shown[1].endswith(" 5.0 of 20.0 s  2.50 wall s per s")
    assert shown[2].split() == ["Rate", "Allotted", "Used", "Queue", "Dropped"]
    assert shown[3].split()[:10] == [
        "player1",
        "down",
        "100",
        "Mbit/s",
        "3.90",
        "Mbit/s",
        "1.50",
        "kB",
        "2",
        shown[3].split()[-1],
    ]
    assert shown[4].split()[:7] == ["player1", "up", "-", "0", "bit/s", "0", "B"]
    assert "player1    probe       down" in text
    assert "4.00 ms to 4.90 ms" in text
    assert "player1 active: 100 Mbit/s downstream, 20.0 Mbit/s upstream" in shown
    assert "player1 running on edge, backup region" in shown
    assert "   0.6 s session.start player1 home1 edge" in shown


def test_at_60_columns_what_was_dropped_is_left_out() -> None:
    shown = drawn(60)
    assert shown[2].split() == ["Rate", "Allotted", "Used", "Queue"]
    assert max(map(len, shown)) <= 60
    # There is room for the newest eight of the ten.
    assert any("4.20 ms to 4.90 ms" in line for line in shown)


def test_at_120_columns_the_throughput_has_its_course() -> None:
    [heading] = [line for line in drawn(120) if line.startswith("Rate")]
    assert heading.endswith("Used until now")
    [row] = [line for line in drawn(120) if line.startswith("player1        down")]
    assert row.endswith("▁▂▃▄▅▆▇█")


def test_two_variants_stand_side_by_side_where_there_is_room_and_one_below_the_other_where_not() -> None:
    both = (block("best_effort"), block("elastic"))
    wide, narrow = drawn(130, 40, *both), drawn(80, 40, *both)
    assert wide[1].startswith("best_effort")
    assert "elastic █" in wide[1]
    assert [line for line in narrow if line.startswith("elastic █")]
    assert "elastic" not in narrow[1]


def test_variants_that_wait_or_are_done_are_named_and_take_no_room() -> None:
    ended = View()
    ended.take_event(*event(20, "run.end"))
    shown = drawn(80, 40, Block("last", View(), 0, 0, None), block("now"), block("first", ended, 20))
    assert shown[1:3] == ["waiting: last", "done: first"]
    assert shown[3].startswith("now █")


def test_a_network_that_is_being_built_says_so() -> None:
    building = View()
    building.take_event(*event(-3, "network.ready"))
    assert "elastic network is being built" in drawn(80, 40, Block("elastic", building, 0, 0, None))


def test_a_machine_that_is_late_is_told_of() -> None:
    view = playing()
    assert not any(line.startswith("late by") for line in drawn(80, 40, block(view=view)))
    view.take_event(*late(5, 21_000_000))
    assert drawn(80, 40, block(view=view))[2] == "late by up to 21.0 ms: not the network's delays alone"


def test_more_sessions_than_fit_are_counted() -> None:
    shown = drawn(80, 30, block(view=playing(20)))
    assert len(shown) <= 30
    assert sum(line.startswith("and ") and line.endswith(" more") for line in shown) == 4
    assert any(line.startswith("Events") for line in shown)


def test_a_terminal_without_block_characters_gets_others() -> None:
    assert "".join(drawn(120, 40, ascii_only=True)).isascii()
    assert not "".join(drawn(120, 40)).isascii()


@given(
    columns=st.integers(20, 250),
    rows=st.integers(3, 80),
    sessions=st.integers(0, 12),
    variants=st.integers(1, 5),
)
def test_it_always_fits_the_terminal(columns: int, rows: int, sessions: int, variants: int) -> None:
    view = playing(sessions)
    shown = drawn(columns, rows, *(block(f"variant{number}", view) for number in range(variants)))
    assert len(shown) <= rows
    assert max(map(len, shown)) <= columns


@given(wanted=st.lists(st.integers(0, 30), max_size=6), room=st.integers(-5, 100))
def test_sections_share_their_rows_fairly(wanted: list[int], room: int) -> None:
    given_rows = shares(wanted, room)
    assert all(has <= wants for has, wants in zip(given_rows, wanted, strict=True))
    assert sum(given_rows) == min(sum(wanted), max(0, room))
    short = [has for has, wants in zip(given_rows, wanted, strict=True) if has < wants]
    assert not short or max(given_rows) <= min(short) + 1


def test_a_gap_in_time_is_a_gap_in_the_sparkline() -> None:
    grid = on_grid([(0, 1), (BIN_NS, 8), (3 * BIN_NS, 4)], BIN_NS, 6)
    assert grid == [None, None, 1, 8, None, 4]
    assert sparkline(grid, 1, 8) == "  ▁█ ▄"


def test_a_course_that_is_level_is_a_level_line() -> None:
    assert sparkline([5, 5, 5], 5, 5) == "▁▁▁"
    assert on_grid([], BIN_NS, 6) == []


def test_lines_are_joined_without_being_wrapped() -> None:
    text = joined(lines("a game", 1, [block()], Screen(60, 20)))
    assert text.no_wrap
    assert text.plain.count("\n") == len(text.plain.splitlines()) - 1


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (0, "0 bit/s"),
        (999, "999 bit/s"),
        (999_499, "999 kbit/s"),
        (999_500, "1.00 Mbit/s"),
        (25 * 10**9, "25.0 Gbit/s"),
    ],
)
def test_a_rate_has_three_digits(value: int, told: str) -> None:
    assert short_text.rate(value) == told


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "-"),
        (1_000, "0.00 ms"),
        (4_810_000, "4.81 ms"),
        (61_300_000, "61.3 ms"),
        (999_400_000, "999 ms"),
        (1_200_000_000, "1.20 s"),
    ],
)
def test_a_delay_has_three_digits(value: int | None, told: str) -> None:
    assert short_text.delay(value) == told
