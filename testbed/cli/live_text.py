"""The dashboard of `testbed run --live` as lines of text of a given width and height. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.text import Text

from testbed.live import short_text
from testbed.live.delay_window import BIN_NS, DelayWindow
from testbed.live.spark import on_grid, sparkline
from testbed.live.view import RATE_BIN_NS, ChannelView, JobView, Usage, View
from testbed.record.event import Event
from testbed.record.events import RunEnded

LEAST_COLUMNS = 60
"""A variant's block is no narrower, unless the terminal is: two stand side by side where there is room."""
LEAST_ROWS = 12
_GAP = 2
_LEAST_EVENTS = 4
_WAYS = {"downstream": "down", "upstream": "up"}


@dataclass(frozen=True, slots=True)
class Block:
    """One variant: what is known of it, the virtual time reached of the whole, and the wall time it takes."""

    variant: str
    view: View
    reached_ns: int
    of_ns: int
    wall_s_per_s: float | None

    @property
    def state(self) -> str:
        """Whether it waits, runs or is done."""
        if self.view.counts[RunEnded.kind]:
            return "done"
        return "running" if self.of_ns or self.view.at_ns is not None else "waiting"


@dataclass(frozen=True, slots=True)
class Screen:
    """What is to be filled; `ascii_only` for terminals that have no block characters."""

    columns: int
    rows: int
    ascii_only: bool = False


def lines(title: str, wall_s: float, blocks: Sequence[Block], screen: Screen) -> list[Text]:
    """The whole dashboard: at most as many lines as the screen has, each at most as wide."""
    top = [_fitted(Text.assemble((title, "bold"), f"  wall time {wall_s:.0f} s"), screen.columns)]
    for state in ("waiting", "done"):
        names = [block.variant for block in blocks if block.state == state]
        if names:
            top.append(_fitted(Text(f"{state}: {', '.join(names)}", "dim"), screen.columns))
    running = [block for block in blocks if block.state == "running"]
    abreast = min(len(running), max(1, (screen.columns + _GAP) // (LEAST_COLUMNS + _GAP)))
    ranks = [running[first : first + abreast] for first in range(0, len(running), abreast or 1)]
    left = screen.rows - len(top)
    shown = ranks[: max(1, left // LEAST_ROWS)]
    for rank in shown:
        columns = (screen.columns - _GAP * (len(rank) - 1)) // len(rank)
        room = Screen(columns, left // len(shown), screen.ascii_only)
        top += _beside([block_lines(block, room) for block in rank], columns)
    return top[: screen.rows]


def _beside(blocks: Sequence[Sequence[Text]], columns: int) -> Iterator[Text]:
    for row in range(max(map(len, blocks))):
        line = Text()
        for number, block in enumerate(blocks):
            cell = block[row].copy() if row < len(block) else Text()
            if number < len(blocks) - 1:
                cell.truncate(columns, pad=True)
                cell.append(" " * _GAP)
            line.append_text(cell)
        yield line


def block_lines(block: Block, screen: Screen) -> list[Text]:
    """One variant's block: its progress, then sections that share the rows, events having what is left."""
    view = block.view
    sections = [
        _rate_rows(view.rates, screen),
        _delay_rows(view.delays, screen),
        [Text(channel_words(name, channel)) for name, channel in view.channels.items()],
        [Text(job_words(name, job)) for name, job in view.jobs.items()],
    ]
    headings = [_rate_heading(screen), *(Text(each, "bold") for each in ("Delay", "Channels", "Jobs"))]
    found: list[Text] = [_progress(block, screen), *_lateness(view)]
    kept = [(heading, rows) for heading, rows in zip(headings, sections, strict=True) if rows]
    room = screen.rows - len(found) - _LEAST_EVENTS - len(kept)
    for (heading, rows), share in zip(kept, shares([len(rows) for _, rows in kept], room), strict=True):
        if share:
            found += [heading, *_cut(rows, share)]
    events = screen.rows - len(found) - 1
    if view.events and events > 0:
        newest = list(view.events)[-events:]
        found.append(Text("Events", "bold"))
        found += [Text(f"{short_text.seconds(at_ns):>8} {_event(event)}") for at_ns, event in newest]
    return [_fitted(line, screen.columns) for line in found[: screen.rows]]


def shares(wanted: Sequence[int], room: int) -> list[int]:
    """How many rows each section gets: what it wants if all fit, otherwise the same, and none below 0."""
    given = [0] * len(wanted)
    left = max(0, room)
    while left and any(has < wants for has, wants in zip(given, wanted, strict=True)):
        for place, wants in enumerate(wanted):
            if given[place] < wants and left:
                given[place] += 1
                left -= 1
    return given


def _cut(rows: Sequence[Text], share: int) -> list[Text]:
    if len(rows) <= share:
        return list(rows)
    return [*rows[: share - 1], Text(f"and {len(rows) - share + 1} more", "dim")]


def _progress(block: Block, screen: Screen) -> Text:
    speed = "" if block.wall_s_per_s is None else f"  {block.wall_s_per_s:.2f} wall s per s"
    words = f" {block.reached_ns / 1e9:.1f} of {block.of_ns / 1e9:.1f} s{speed}"
    if not block.of_ns:
        words = " network is being built"
    name = Text(block.variant, "bold reverse")
    bar = screen.columns - len(block.variant) - len(words) - 1
    if block.of_ns and bar >= 8:
        full = bar * block.reached_ns // block.of_ns
        name.append(" " + ("#" if screen.ascii_only else "█") * full, "not bold not reverse")
        name.append(("." if screen.ascii_only else "░") * (bar - full), "not bold not reverse dim")
    name.append(words, "not bold not reverse")
    return name


def _lateness(view: View) -> list[Text]:
    """What is wrong with the numbers of a machine that does not keep real time."""
    if not view.late_ns:
        return []
    return [Text(f"late by up to {short_text.delay(view.late_ns)}: not the network's delays alone", "bold")]


def _spark_columns(screen: Screen) -> int:
    return max(0, min(60, screen.columns - 72))


def _rate_heading(screen: Screen) -> Text:
    spark = "  Used until now" if _spark_columns(screen) > 16 else ""
    dropped = f" {'Dropped':>8}" if screen.columns >= 70 else ""
    return Text(f"{'Rate':14} {'':5} {'Allotted':>12} {'Used':>12} {'Queue':>9}{dropped}{spark}", "bold")


def _rate_rows(rates: dict[tuple[str, str], Usage], screen: Screen) -> list[Text]:
    return [_rate_row(key, rate, screen) for key, rate in rates.items()]


def _rate_row(key: tuple[str, str], rate: Usage, screen: Screen) -> Text:
    name, direction = key
    values = (
        short_text.rate(rate.rate_bps),
        short_text.rate(rate.throughput_bps),
        short_text.size(rate.backlog_bytes),
    )
    allotted, used, queue = values
    row = f"{_short(name, 14):14} {_WAYS.get(direction, direction):5} {allotted:>12} {used:>12} {queue:>9}"
    if screen.columns >= 70:
        row += f" {short_text.NOTHING if rate.dropped is None else rate.dropped:>8}"
    if columns := _spark_columns(screen):
        history = on_grid(rate.history, RATE_BIN_NS, columns)
        highest = max((value for value in history if value is not None), default=0)
        row += "  " + sparkline(history, 0, highest, ascii_only=screen.ascii_only)
    return Text(row)


def _delay_rows(delays: dict[tuple[str, str, str], DelayWindow], screen: Screen) -> list[Text]:
    return [_delay_row(key, each, screen) for key, each in delays.items() if each.arrived]


def _delay_row(key: tuple[str, str, str], delays: DelayWindow, screen: Screen) -> Text:
    name, measure, direction = key
    columns = max(8, min(60, screen.columns - 53))
    grid = on_grid(((each.at_ns, each.highest_ns) for each in delays.bins), BIN_NS, columns)
    shown = [value for value in grid if value is not None]
    lowest, highest = min(shown, default=0), max(shown, default=0)
    spark = sparkline(grid, lowest, highest, ascii_only=screen.ascii_only)
    head = f"{_short(name, 10):10} {_short(measure, 11):11} {_WAYS.get(direction, direction):6}"
    span = f"{short_text.delay(lowest)} to {short_text.delay(highest)}"
    return Text(f"{head} {spark} {span}")


def channel_words(name: str, channel: ChannelView) -> str:
    """A channel in a line: state, rates, for whom, and why."""
    rates = ", ".join(
        f"{short_text.rate(value)} {direction}" for direction, value in channel.rates_bps.items()
    )
    ordered = f" ordered for {channel.device}, {channel.profile}" if channel.device else ""
    return f"{_short(name, 14)} {channel.state}{ordered}{': ' if rates else ''}{rates}"


def job_words(name: str, job: JobView) -> str:
    """A job in a line: state, node and backup."""
    where = f" on {job.node}" if job.node else ""
    backup = f", backup {job.backup}" if job.backup else ""
    return f"{_short(name, 20)} {job.state}{where}{backup}"


def _event(event: Event) -> str:
    content = event.as_json()
    return f"{content['kind']} {short_text.fields(content)}"


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "~"


def _fitted(line: Text, columns: int) -> Text:
    line.truncate(columns, overflow="ellipsis")
    return line


def joined(parts: Iterable[Text]) -> Text:
    """Lines as one text that is never wrapped."""
    return Text("\n", no_wrap=True, overflow="crop").join(parts)
