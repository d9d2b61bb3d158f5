"""The network as a picture: where each station stands in the drawing and what is written at each wire.

Stations stand in columns from the homes on the left to the compute nodes on the right, the way an
upstream packet travels. Of a crowded column only some are drawn; the page says how many are not.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from testbed.model.network import Egress, Fabric, Network, Role, Station, Wire
from testbed.units import DURATION, RATE

_SIDES = (
    ("homes", (Role.HOME,)),
    ("ONUs", (Role.ONU,)),
    ("splitter", (Role.SPLITTER,)),
    ("OLT", (Role.OLT,)),
    ("metro", (Role.METRO,)),
    ("spine", (Role.SWITCH,)),
    ("racks", (Role.SWITCH,)),
    ("compute", (Role.CONTROL, Role.COMPUTE)),
    ("planes", (Role.PLANE,)),
)
"""The columns from left to right. Of the switches those next to compute nodes are the racks'."""

COLUMN_PX, ROW_PX, BOX_WIDTH_PX, BOX_HEIGHT_PX = 182, 58, 96, 34
TOP_PX = 34
_BESIDE_PX = 20
"""To the right of the last column: wires within it bulge there."""
_WIDEST_PX = 1136
"""A drawing is no wider than the page, whatever number of columns it has."""
DRAWN_IN_A_COLUMN = 12
WIRES_ONE_BY_ONE = 200
"""More wires than this are told in words group by group, those alike together."""


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
    """A network ready to draw, with its wires in words for who cannot see it.

    `fabric` says what a mesh of nodes has that no wire shows: the distance of each pair; empty without one.
    """

    width_px: int
    height_px: int
    headings: tuple[tuple[int, str], ...]
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    undrawn: tuple[str, ...]
    wires: tuple[tuple[str, str, str], ...]
    wire_count: int
    fabric: str


def draw(network: Network, notes: Mapping[str, str]) -> Drawing:
    """Lay a network out. `notes` says by station what it does; stations with a note are always drawn."""
    columns = _columns(network)
    wanted = _with_neighbours(network, notes)
    shown = {heading: _most_telling(stations, wanted) for heading, stations in columns.items()}
    rows = max((len(stations) for stations in shown.values()), default=1)
    column_px = min(COLUMN_PX, (_WIDEST_PX - _BESIDE_PX) // max(1, len(shown)))
    boxes: dict[str, Box] = {}
    for column, stations in enumerate(shown.values()):
        first_y_px = TOP_PX + ROW_PX * (rows - len(stations)) // 2 + ROW_PX // 2
        for row, station in enumerate(stations):
            x_px, y_px = column_px * column + column_px // 2, first_y_px + ROW_PX * row
            note = notes.get(station.name, "")
            boxes[station.name] = Box(
                station.name, station.role.value, x_px, y_px, note, _title(station, note)
            )
    undrawn = tuple(
        f"{len(stations) - len(shown[heading])} more {heading}"
        for heading, stations in columns.items()
        if len(stations) > len(shown[heading])
    )
    return Drawing(
        width_px=column_px * len(shown) + _BESIDE_PX,
        height_px=TOP_PX + ROW_PX * rows + 8,
        headings=tuple((column_px * column + column_px // 2, word) for column, word in enumerate(shown)),
        boxes=tuple(boxes.values()),
        lines=tuple(_lines(network, boxes)),
        undrawn=undrawn,
        wires=tuple(_in_words(network)),
        wire_count=len(network.wires),
        fabric="" if network.fabric is None else _fabric(network.fabric),
    )


def _columns(network: Network) -> dict[str, tuple[Station, ...]]:
    """The stations by column; a column without any is left out."""
    beside_nodes = {
        there
        for wire in network.wires
        for here, there, _ in wire.ends()
        if network.station(here).role is Role.COMPUTE
    }
    columns = {
        heading: tuple(station for role in roles for station in network.having(role))
        for heading, roles in _SIDES
    }
    columns["racks"] = tuple(each for each in columns["racks"] if each.name in beside_nodes)
    columns["spine"] = tuple(each for each in columns["spine"] if each.name not in beside_nodes)
    return {heading: stations for heading, stations in columns.items() if stations}


def _in_words(network: Network) -> list[tuple[str, str, str]]:
    """Every wire, or every group of wires that are alike, with what happens there and back."""
    groups: dict[tuple[str, str, str, str], list[Wire]] = {}
    several = len(network.wires) > WIRES_ONE_BY_ONE
    for wire in network.wires:
        kinds = [network.station(end).role for end in (wire.a, wire.b)]
        alike = (str(kinds[0]), str(kinds[1])) if several else (wire.a, wire.b)
        key = (*alike, egress_text(wire.a_egress), egress_text(wire.b_egress))
        groups.setdefault(key, []).append(wire)
    return [(_named(wires), there, back) for (_, _, there, back), wires in groups.items()]


def _named(wires: Sequence[Wire]) -> str:
    first, last = (f"{wire.a} - {wire.b}" for wire in (wires[0], wires[-1]))
    return first if len(wires) == 1 else f"{first} … {last} ({len(wires)})"


def _fabric(fabric: Fabric) -> str:
    """A mesh in a sentence."""
    distances_ns = {
        delay_ns
        for here, row in enumerate(fabric.delays_ns)
        for there, delay_ns in enumerate(row)
        if here != there
    }
    nearest, farthest = DURATION.format(min(distances_ns)), DURATION.format(max(distances_ns))
    apart = nearest if nearest == farthest else f"{nearest} to {farthest}"
    planes = f"{len(fabric.planes)} planes" if len(fabric.planes) > 1 else "one plane"
    return f"{len(fabric.nodes)} nodes in a full mesh over {planes}, {apart} from one to another"


def egress_text(egress: Egress) -> str:
    """What happens to a frame that leaves a port, in words."""
    said = []
    if egress.delay_ns:
        said.append(DURATION.format(egress.delay_ns))
    if egress.rate_bps is not None:
        said.append(short_rate(egress.rate_bps))
    return ", ".join(said) or "as is"


def short_rate(rate_bps: int, digits: int = 4) -> str:
    """A rate to four digits, because a PON's capacity is an odd number of bit/s, or to fewer."""
    unit = next((unit for unit, size in reversed(RATE.units.items()) if rate_bps >= size), "bit/s")
    return f"{rate_bps / RATE.units[unit]:.{digits}g} {unit}"


def _with_neighbours(network: Network, notes: Collection[str]) -> set[str]:
    """Stations with a note, and what stands next to them."""
    return set(notes) | {
        there
        for wire in network.wires
        for here, there, _ in wire.ends()
        if here in notes and network.station(there).role is Role.ONU
    }


def _most_telling(stations: tuple[Station, ...], wanted: Collection[str]) -> list[Station]:
    """The stations of a column that are drawn, in the network's order; the controller always is."""
    ranked = sorted(
        stations, key=lambda station: station.role is not Role.CONTROL and station.name not in wanted
    )[:DRAWN_IN_A_COLUMN]
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
                label=_label(wire.a_egress, right.x_px - left.x_px) if alone else "",
                label_x_px=(left.x_px + right.x_px) // 2,
                label_y_px=(left.y_px + right.y_px) // 2 - 6,
                is_pon=wire.a_egress.pon is not None or wire.b_egress.pon is not None,
            )
        )
    return lines


def _label(egress: Egress, apart_px: int) -> str:
    """The one figure for which there is room between two columns, which may stand closely."""
    if egress.delay_ns:
        return DURATION.format(egress.delay_ns)
    return "" if egress.rate_bps is None else short_rate(egress.rate_bps, 4 if apart_px >= COLUMN_PX else 3)


def _title(station: Station, note: str) -> str:
    weight = f", carries weight {station.capacity}" if station.capacity else ""
    return f"{station.name} ({station.role}{weight})" + (f": {note}" if note else "")
