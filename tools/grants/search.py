"""A random search for queues that wait while the line is idle.

Each line has random T-CONTs, distances and report intervals, and goes through many episodes: packets arrive
for some time, then none until every queue is empty. A queue is stuck if it waits longer than two round trips
of report and grant and its own rate can explain, counting only frames in which the line had room. A busy
period lasts from a queue's first packet until the queue is empty.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from grants.line import GrantedLine
from testbed.model.pon import Eligibility, Reporting
from testbed.pon import PonStandard, QuietWindow, TCont, check_tconts
from testbed.pon.dba.gathering import gathered_bytes
from testbed.pon.framing import carried_bytes

RATES_BPS = (100_000, 500_000, 1_000_003, 5_000_000, 20_000_000, 100_000_000, 333_333_333, 1_000_000_000)
EPON_RATES_BPS = (20_000_000, 50_000_000, 100_000_000, 333_333_333, 1_000_000_000)
EPISODES = 25
"""Of each line."""


@dataclass
class Found:
    """Busy periods by standard and T-CONT type, and those among them that were stuck."""

    periods: Counter[tuple[str, int]] = field(default_factory=Counter)
    ways: Counter[str] = field(default_factory=Counter)
    stuck: list[str] = field(default_factory=list)
    round_trips: dict[str, float] = field(default_factory=dict)
    """The longest wait after the last packet where no rate was in the way, by way of reporting."""

    @property
    def total(self) -> int:
        """All busy periods."""
        return self.periods.total()


def search(seed: int, periods: int, found: Found | None = None) -> Found:
    """Look at this many busy periods at least, equally many lines of each standard."""
    found = Found() if found is None else found
    random, number = Random(seed), 0
    while found.total < periods:
        standard = list(PonStandard)[number % len(PonStandard)]
        number += 1
        live(random_line(random, standard), standard, random, found, f"seed {seed}, line {number}")
    return found


def random_line(random: Random, standard: PonStandard) -> GrantedLine:
    """A line with one to six T-CONTs of any type."""
    tconts: list[TCont] = []
    wanted = random.choice((1, 1, 2, 3, 6))
    while len(tconts) < wanted:
        tcont = _random_tcont(random, standard, len(tconts) + 1)
        try:
            check_tconts(standard, [*tconts, tcont])
        except ValueError:
            continue
        tconts.append(tcont)
    every = random.choice((1, 1, 1, 2, 3, 8, 30, 80))
    lead = random.choice((2, 3)) if standard.is_epon else random.choice((3, 4, 5, 9))
    quiet = [QuietWindow(0, 250_000, random.choice((2_000_000, 9_990_000)))] if random.random() < 0.2 else []
    return GrantedLine(standard, tconts, lead, every, quiet)


def _random_tcont(random: Random, standard: PonStandard, alloc_id: int) -> TCont:
    rates_bps = EPON_RATES_BPS if standard.is_epon else RATES_BPS
    kind = random.randint(1, 5)
    fixed_bps = random.choice(rates_bps) if kind in (1, 5) else 0
    assured_bps = random.choice(rates_bps) if kind in (2, 3) or (kind == 5 and random.random() < 0.7) else 0
    eligibility = {3: Eligibility.NON_ASSURED, 4: Eligibility.BEST_EFFORT}.get(kind, Eligibility.NONE)
    if kind == 5:
        eligibility = random.choice(list(Eligibility))
    more_bps = 0 if eligibility is Eligibility.NONE else random.choice((*rates_bps, 10**11))
    ways = [Reporting.STATUS_REPORTING, Reporting.TRAFFIC_MONITORING, Reporting.COOPERATIVE]
    if not assured_bps and not more_bps:
        ways.append(Reporting.FIXED)
    grants = random.choice((1, 1, 2, 8)) if fixed_bps and not standard.is_epon else 1
    return TCont(
        alloc_id=alloc_id,
        onu=random.randint(1, 4),
        fixed_bps=fixed_bps,
        assured_bps=assured_bps,
        maximum_bps=fixed_bps + assured_bps + more_bps,
        eligibility=eligibility,
        priority=random.randint(1, 2),
        weight=random.choice((1, 7, 150)),
        grants_per_frame=grants,
        reporting=random.choice(ways),
    )


def live(line: GrantedLine, standard: PonStandard, random: Random, found: Found, where: str) -> None:
    """Let episodes pass, and count."""
    for episode in range(EPISODES):
        arrivals = {
            alloc_id: [*_packets(line, random, alloc_id)] for alloc_id in line.tconts if random.random() < 0.7
        }
        busy = _Busy(line)
        while any(arrivals.values()):
            _arrive(line, arrivals)
            line.step()
            busy.count(standard, found)
        stuck = busy.drain(standard, found)
        if stuck:
            found.stuck.append(f"{where}, episode {episode}: {stuck}")
            return
        for _ in range(random.choice((0, 1, 2, 5, 60))):
            line.step()


def _packets(line: GrantedLine, random: Random, alloc_id: int) -> Iterator[tuple[int, int]]:
    """Arrivals of an episode, in line bytes, with lengths; a cooperative T-CONT may have them announced."""
    tcont, frame_bytes = line.tconts[alloc_id], line.framing.frame_bytes
    rate_bps = min(tcont.maximum_bps, 2 * 10**9)
    lengths = random.choice(((64,), (64, 65, 66, 67), (1518,), (64, 577, 1518), range(64, 1519)))
    # Never so much that its own rate takes more than some tens of frames.
    budget_bytes = max(rate_bps * random.choice((2, 10, 30)) // line.framing.credit_units, 200)
    at = (line.frame + random.randint(0, 4)) * frame_bytes + random.randrange(frame_bytes)
    announced = tcont.reporting is Reporting.COOPERATIVE and random.random() < 0.5
    spread = random.choice((1, frame_bytes // 10, frame_bytes, 3 * frame_bytes))
    for _ in range(random.choice((1, 1, 2, 5, 30))):
        length_bytes = random.choice(lengths)
        yield at, length_bytes
        if announced:
            frame = max(at // frame_bytes + 1, line.frame + line.lead_frames + 1)
            line.announce(alloc_id, frame, line.queues[alloc_id].framed(length_bytes))
        budget_bytes -= length_bytes
        if budget_bytes < 0:
            return
        at += random.randint(1, 2 * spread)


def _arrive(line: GrantedLine, arrivals: dict[int, list[tuple[int, int]]]) -> None:
    """Queue what arrives before the end of the frame that comes."""
    end = (line.frame + 1) * line.framing.frame_bytes
    for alloc_id, packets in arrivals.items():
        while packets and packets[0][0] < end:
            line.queues[alloc_id].add(*packets.pop(0))


class _Busy:
    """Which queues are busy in an episode, and how long they have waited."""

    def __init__(self, line: GrantedLine) -> None:
        self.line = line
        self.busy: set[int] = set()
        self.half_bytes = carried_bytes(line.framing, line.framing.frame_bytes) // 2

    def count(self, standard: PonStandard, found: Found) -> None:
        """Enter the busy periods that a frame has ended."""
        for alloc_id, queue in self.line.queues.items():
            delivered, queue.delivered = queue.delivered, 0
            if delivered:
                self.busy.add(alloc_id)
            if alloc_id in self.busy and not queue.waiting:
                self.busy.discard(alloc_id)
                tcont = self.line.tconts[alloc_id]
                found.periods[standard, tcont.type_number] += 1
                found.ways[tcont.reporting] += 1

    def drain(self, standard: PonStandard, found: Found) -> str | None:
        """Let the line run until every queue is empty; what was stuck."""
        line = self.line
        limits = {
            alloc_id: self._limit_frames(alloc_id) for alloc_id, queue in line.queues.items() if queue.waiting
        }
        unlimited = {alloc_id for alloc_id in limits if self._is_unlimited(alloc_id)}
        idle = 0
        while any(line.queues[alloc_id].waiting for alloc_id in limits):
            line.step()
            self.count(standard, found)
            idle += line.granted_bytes < self.half_bytes
            for alloc_id, limit in limits.items():
                tcont = line.tconts[alloc_id]
                if idle > limit and line.queues[alloc_id].waiting:
                    queued_bytes = line.queues[alloc_id].reported(line.frame * line.framing.frame_bytes)
                    return f"{standard} waits {idle} frames of {limit} with {queued_bytes} B: {tcont}"
                if not line.queues[alloc_id].waiting and alloc_id in unlimited:
                    unlimited.discard(alloc_id)
                    trips = idle / self._round_trip_frames()
                    found.round_trips[tcont.reporting] = max(found.round_trips.get(tcont.reporting, 0), trips)
        return None

    def _round_trip_frames(self) -> int:
        """From a packet's arrival to the grant that a report of it leads to, at the most."""
        line = self.line
        every = line.state.arrangement.report_every_frames
        quiet = 3 if line.state.arrangement.quiet else 0
        return every + 1 + line.lead_frames + quiet

    def _is_unlimited(self, alloc_id: int) -> bool:
        """Whether what waits is less than the T-CONT's rate may have at once."""
        line, tcont = self.line, self.line.tconts[alloc_id]
        at_once_bytes = 4 * tcont.maximum_bps // line.framing.credit_units
        queued_bytes = sum(
            line.queues[alloc_id].framed(length) for _, length in line.queues[alloc_id].waiting
        )
        return tcont.type_number != 1 and len(line.tconts) == 1 and queued_bytes < at_once_bytes

    def _limit_frames(self, alloc_id: int) -> int:
        """Frames of an idle line that suffice for what waits: two round trips, and the time of its rate."""
        line, tcont = self.line, self.line.tconts[alloc_id]
        framing, queue = line.framing, line.queues[alloc_id]
        # A fragment of the least length has an eighth of header; a cycle of Ethernet PON may lose a frame.
        queued_bytes = sum(queue.framed(length) for _, length in queue.waiting) * 5 // 4
        gathered = gathered_bytes(framing, tcont.maximum_bps) * tcont.grants_per_frame
        if not framing.fragmentable:
            queued_bytes *= 2
        rate_bps = min(tcont.maximum_bps, 10**9)
        by_rate = (queued_bytes + 3 * gathered) * framing.credit_units // rate_bps
        trips = 2 * self._round_trip_frames()
        if tcont.reporting is Reporting.TRAFFIC_MONITORING:
            # An estimate begins with a probe, and doubles with each round trip.
            trips += (
                self._round_trip_frames() * (queued_bytes // line.state.arrangement.least_bytes).bit_length()
            )
        if line.state.arrangement.quiet:
            by_rate += by_rate // 2
        return trips + by_rate + 2
