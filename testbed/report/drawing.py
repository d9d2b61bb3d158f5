"""The network as a picture: where each station stands in the drawing and what is written at each wire.

Stations stand in columns from the homes on the left to the compute nodes on the right, the way an
upstream packet travels. Of a crowded column only some are drawn; the page says how many are not.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from testbed.model.network import Egress, Network, Role, Station
from testbed.units import DURATION, RATE

COLUMNS = (Role.HOME, Role.ONU, Role.SPLITTER, Role.OLT, Role.METRO, Role.COMPUTE)
_WORDS = {
    Role.HOME: "homes",
    Role.ONU: "ONUs",
    Role.SPLITTER: "splitter",
    Role.OLT: "OLT",
    Role.METRO: "metro",
    Role.COMPUTE: "compute",
}

COLUMN_PX, ROW_PX, BOX_WIDTH_PX, BOX_HEIGHT_PX = 182, 58, 96, 34
TOP_PX = 34
DRAWN_IN_A_COLUMN = 12


@dataclass(frozen=True, slots=True)
class Box:
    """A station in the drawing, by the middle of its box; `note` is what it does in this run."""

    name: str
    role: str
    x_px: int
    y_px: int
    note: str
    title: str

    @property
    def left_px(self) -> int:
        """The left edge."""
        return self.x_px - BOX_WIDTH_PX // 2

    @property
    def top_px(self) -> int:
        """The upper edge."""
        return self.y_px - BOX_HEIGHT_PX // 2


@dataclass(frozen=True, slots=True)
class Line:
    """A wire in the drawing as an SVG path; `label` is empty where there is no room for one."""

    path: str
    title: str
    label: str
    label_x_px: int
    label_y_px: int
    is_pon: bool


@dataclass(frozen=True, slots=True)
class Drawing:
    """A network ready to draw, with its wires in words for who cannot see it."""

    width_px: int
    height_px: int
    headings: tuple[tuple[int, str], ...]
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    undrawn: tuple[str, ...]
    wires: tuple[tuple[str, str, str], ...]


def draw(network: Network, notes: Mapping[str, str]) -> Drawing:
    """Lay a network out. `notes` says by station what it does; stations with a note are always drawn."""
    columns = {role: network.having(role) for role in COLUMNS}
    wanted = _with_neighbours(network, notes)
    shown = {role: _most_telling(stations, wanted) for role, stations in columns.items()}
    rows = max((len(stations) for stations in shown.values()), default=1)
    present = [role for role in COLUMNS if shown[role]]
    boxes: dict[str, Box] = {}
    for column, role in enumerate(present):
        first_y_px = TOP_PX + ROW_PX * (rows - len(shown[role])) // 2 + ROW_PX // 2
        for row, station in enumerate(shown[role]):
            x_px, y_px = COLUMN_PX * column + COLUMN_PX // 2, first_y_px + ROW_PX * row
            note = notes.get(station.name, "")
            boxes[station.name] = Box(station.name, role.value, x_px, y_px, note, _title(station, note))
    undrawn = tuple(
        f"{len(columns[role]) - len(shown[role])} more {_WORDS[role]}"
        for role in present
        if len(columns[role]) > len(shown[role])
    )
    return Drawing(
        # Wires within the last column bulge to its right.
        width_px=COLUMN_PX * len(present) + 20,
        height_px=TOP_PX + ROW_PX * rows + 8,
        headings=tuple(
            (COLUMN_PX * column + COLUMN_PX // 2, _WORDS[role]) for column, role in enumerate(present)
        ),
        boxes=tuple(boxes.values()),
        lines=tuple(_lines(network, boxes)),
        undrawn=undrawn,
        wires=tuple(
            (f"{w.a} - {w.b}", egress_text(w.a_egress), egress_text(w.b_egress)) for w in network.wires
        ),
    )


def egress_text(egress: Egress) -> str:
    """What happens to a frame that leaves a port, in words."""
    said = []
    if egress.delay_ns:
        said.append(DURATION.format(egress.delay_ns))
    if egress.rate_bps is not None:
        said.append(short_rate(egress.rate_bps))
    return ", ".join(said) or "as is"


def short_rate(rate_bps: int) -> str:
    """A rate to four digits, because a PON's capacity is an odd number of bit/s."""
    unit = next((unit for unit, size in reversed(RATE.units.items()) if rate_bps >= size), "bit/s")
    return f"{rate_bps / RATE.units[unit]:.4g} {unit}"


def _with_neighbours(network: Network, notes: Collection[str]) -> set[str]:
    """Stations with a note, and what stands next to them."""
    return set(notes) | {
        there
        for wire in network.wires
        for here, there, _ in wire.ends()
        if here in notes and network.station(there).role is Role.ONU
    }


def _most_telling(stations: tuple[Station, ...], wanted: Collection[str]) -> list[Station]:
    """The stations of a column that are drawn, in the network's order."""
    ranked = sorted(stations, key=lambda station: station.name not in wanted)[:DRAWN_IN_A_COLUMN]
    kept = {station.name for station in ranked}
    return [station for station in stations if station.name in kept]


def _lines(network: Network, boxes: Mapping[str, Box]) -> list[Line]:
    lines = []
    degree = {name: sum(1 for _ in network.neighbours(name)) for name in boxes}
    for wire in network.wires:
        if wire.a not in boxes or wire.b not in boxes:
            continue
        left, right = sorted((boxes[wire.a], boxes[wire.b]), key=lambda box: (box.x_px, box.y_px))
        same_column = left.x_px == right.x_px
        if same_column:
            edge_px = left.x_px + BOX_WIDTH_PX // 2
            bulge_px = edge_px + 14 + (right.y_px - left.y_px) // 6
            curve = f"C{bulge_px} {left.y_px} {bulge_px} {right.y_px}"
            path = f"M{edge_px} {left.y_px} {curve} {edge_px} {right.y_px}"
        else:
            start_px, end_px = left.x_px + BOX_WIDTH_PX // 2, right.x_px - BOX_WIDTH_PX // 2
            path = f"M{start_px} {left.y_px} L{end_px} {right.y_px}"
        title = f"{wire.a} to {wire.b}: {egress_text(wire.a_egress)}; back: {egress_text(wire.b_egress)}"
        alone = not same_column and min(degree[wire.a], degree[wire.b]) <= 2 and left.y_px == right.y_px
        lines.append(
            Line(
                path=path,
                title=title,
                label=_label(wire.a_egress) if alone else "",
                label_x_px=(left.x_px + right.x_px) // 2,
                label_y_px=(left.y_px + right.y_px) // 2 - 6,
                is_pon=wire.a_egress.pon is not None or wire.b_egress.pon is not None,
            )
        )
    return lines


def _label(egress: Egress) -> str:
    """The one figure for which there is room between two columns."""
    if egress.delay_ns:
        return DURATION.format(egress.delay_ns)
    return "" if egress.rate_bps is None else short_rate(egress.rate_bps)


def _title(station: Station, note: str) -> str:
    weight = f", carries weight {station.capacity}" if station.capacity else ""
    return f"{station.name} ({station.role}{weight})" + (f": {note}" if note else "")
