"""How many placements a second each policy makes, and how far each is from the best that can be.

Speed: jobs of weight 1 with a backup and one partner, a station outside or a node, on nodes of a supernode
(cells of 8, which fail together). Jobs are made before the clock starts; the best of several rounds counts,
in wall time. `supernode` has an index of nodes that are equals; the others look at every node for each backup
at least, and are slow with many.

Gap: 100 random instances of 6 nodes and 10 jobs, small enough for a solver (mixed-integer, HiGHS). The
objective is the mean score of the jobs by their weights in the final placement, without backups; the gap is
what a policy stays below the optimum, in points of 100.

Beside them stands the article's algorithm, corrected, in plain Python: it looks at every node for each task.

    .venv/bin/python bench/placement.py [--quick] [--json]
"""

import argparse
import json
import sys
import time
from dataclasses import dataclass, field
from random import Random
from typing import Any

from testbed.model.placement import Placement, PlacementPolicy
from testbed.placement import JobPlacement, JobRequest, Node, PairDelays, Scheduler, TierDelays
from testbed.placement.scoring import MICRO, mean_delay_ns, micro_score

PER_CELL = 8
NEAR_NS, FAR_NS, OUTSIDE_NS = 929, 2_500, 600_000
STATION = "home1"
CAPACITY = 1_000
SIZES = (384, 10_000, 100_000, 800_000)
INSTANCES = 100
TARGETS = ((384, 100_000), (100_000, 10_000))
"""Nodes, and the decisions a second of `supernode` that are asked for."""
LONGEST_S = 0.005
"""What one decision of `supernode` may take at 800,000 nodes."""
Row = dict[str, Any]


def nodes(count: int) -> list[Node]:
    """Equal nodes in cells that fail together."""
    return [
        Node(name=f"n{number}", capacity=CAPACITY, domain=f"cell{number // PER_CELL}")
        for number in range(count)
    ]


def tiers(fleet: list[Node]) -> TierDelays:
    """Distances of the cells, and of a station outside."""
    return TierDelays(
        [node.name for node in fleet],
        per_cell=PER_CELL,
        near_ns=NEAR_NS,
        far_ns=FAR_NS,
        stations_ns={STATION: OUTSIDE_NS},
    )


def jobs(count: int, of_nodes: int, partner: str, start: int) -> list[JobRequest]:
    """Jobs that talk to the station, or each to a node drawn at random."""
    random = Random(f"{partner}/{start}")
    return [
        JobRequest(
            name=f"j{start + number}",
            weight=1,
            partners={STATION if partner == "station" else f"n{random.randrange(of_nodes)}": 1.0},
        )
        for number in range(count)
    ]


def speed(policy: PlacementPolicy, count: int, partner: str, decisions: int, rounds: int) -> Row:
    """Decisions a second, the best of some rounds, and the longest single decision of a further one."""
    fleet = nodes(count)
    scheduler = Scheduler(fleet, tiers(fleet), Placement(policy=policy), explained=False)
    best_s = float("inf")
    for turn in range(rounds):
        asked = jobs(decisions, count, partner, turn * decisions)
        begun_s = time.perf_counter()
        for job in asked:
            scheduler.place(job)
        best_s = min(best_s, time.perf_counter() - begun_s)
    longest_s = 0.0
    for job in jobs(min(decisions, 2_000), count, partner, rounds * decisions):
        begun_s = time.process_time()
        scheduler.place(job)
        longest_s = max(longest_s, time.process_time() - begun_s)
    return {
        "policy": str(policy),
        "nodes": count,
        "partner": partner,
        "per_second": round(decisions / best_s),
        "longest_ms": round(longest_s * 1000, 3),
    }


@dataclass
class Article:
    """The article's algorithm in plain Python, its defects mended and its way kept: look at every node."""

    fleet: list[Node]
    delays: TierDelays
    load: dict[str, int] = field(default_factory=dict)
    assigned: dict[str, tuple[str, str | None]] = field(default_factory=dict)

    def assign(self, job: JobRequest) -> None:
        """Choose the healthy node with room of the highest score, and the nearest one in another domain."""
        best, best_score = None, -1.0
        for node in self.fleet:
            used = self.load.get(node.name, 0) + job.weight
            if not node.healthy or used > node.capacity:
                continue
            delay_ns = sum(self.delays.get(node.name, partner) or 0 for partner in job.partners)
            score = 60 * (1 - used / node.capacity) + 40 * (1 - delay_ns / self.delays.longest_ns)
            if score > best_score:
                best, best_score = node, score
        if best is None:
            return
        self.load[best.name] = self.load.get(best.name, 0) + job.weight
        backup, nearest = None, (0, 0)
        for node in self.fleet:
            used = self.load.get(node.name, 0)
            if not node.healthy or node.domain == best.domain or used + job.weight > node.capacity:
                continue
            key = self.delays.get(best.name, node.name) or 0, used
            if backup is None or key < nearest:
                backup, nearest = node, key
        if backup is not None:
            self.load[backup.name] = self.load.get(backup.name, 0) + job.weight
        self.assigned[job.name] = best.name, backup.name if backup is not None else None


def article(count: int, partner: str, decisions: int) -> Row:
    """Its decisions a second."""
    fleet = nodes(count)
    scheduler = Article(fleet, tiers(fleet))
    asked = jobs(decisions, count, partner, 0)
    begun_s = time.perf_counter()
    for job in asked:
        scheduler.assign(job)
    per_second = round(decisions / (time.perf_counter() - begun_s), 1)
    return {"policy": "the article's", "nodes": count, "partner": partner, "per_second": per_second}


def instance(number: int) -> tuple[list[Node], PairDelays, list[JobRequest]]:
    """A small random instance: nodes of several sizes, arbitrary distances, jobs near one of three homes."""
    random = Random(f"instance/{number}")
    fleet = [Node(name=f"n{each}", capacity=random.randint(4, 12)) for each in range(6)]
    homes = ["h1", "h2", "h3"]
    between = {(node.name, home): random.randint(100_000, 5_000_000) for node in fleet for home in homes}
    asked = [
        JobRequest(
            name=f"j{each}",
            weight=random.randint(1, 3),
            partners={random.choice(homes): 1.0},
            backup=False,
        )
        for each in range(10)
    ]
    return fleet, PairDelays(between), asked


def objective(scheduler: Scheduler, asked: list[JobRequest]) -> tuple[float, int]:
    """The mean score by weight of what was placed, each in the final state, and how many were placed."""
    fleet, delays, policy = scheduler.fleet, scheduler.delays, scheduler.policy
    total = weight = placed = 0
    for job in asked:
        node = scheduler.tasks[job.name].node
        weight += job.weight
        if node is None:
            continue
        number = fleet.index[node]
        delay_ns = mean_delay_ns(list(job.partners.items()), node, delays)
        score = micro_score(fleet.used[number], fleet.capacity[number], delay_ns, delays.longest_ns, policy)
        total += job.weight * score
        placed += 1
    return total / MICRO / weight, placed


def gaps(instances: int) -> list[Row]:
    """What each policy stays below the optimum, mean and largest, where it places as many jobs."""
    found: dict[PlacementPolicy, list[float]] = {policy: [] for policy in PlacementPolicy}
    left_out = dict.fromkeys(PlacementPolicy, 0)
    for number in range(instances):
        fleet, delays, asked = instance(number)
        reached = {}
        for policy in PlacementPolicy:
            scheduler = Scheduler(fleet, delays, Placement(policy=policy), explained=False)
            outcomes = scheduler.place_all(asked)
            left_out[policy] += sum(not isinstance(each, JobPlacement) for each in outcomes)
            reached[policy] = objective(scheduler, asked)
        best, best_placed = reached[PlacementPolicy.OPTIMAL]
        for policy, (score, placed) in reached.items():
            if placed == best_placed:
                found[policy].append(best - score)
    return [
        {
            "policy": str(policy),
            "mean_gap": round(sum(each) / len(each), 3) if each else None,
            "largest_gap": round(max(each), 3) if each else None,
            "instances": len(each),
            "refused": left_out[policy],
        }
        for policy, each in found.items()
    ]


def measured(quick: bool) -> list[Row]:
    """Speeds of all policies at all sizes; fewer decisions where each takes long."""
    rows = []
    for count in SIZES[:2] if quick else SIZES:
        for policy in PlacementPolicy:
            if policy is PlacementPolicy.OPTIMAL:
                continue  # of one job it is supernode's choice, of several a solver's
            indexed = policy is PlacementPolicy.SUPERNODE
            decisions = 10_000 if indexed else max(5, 2_000_000 // count // 4)
            for partner in ("station", "node"):
                rounds = 1 if quick else 5 if indexed else 2
                rows.append(speed(policy, count, partner, decisions, rounds))
    for count in (384, 10_000):
        for partner in ("station", "node"):
            rows.append(article(count, partner, max(5, 200_000 // count)))
    return rows


def verdicts(rows: list[Row]) -> list[tuple[str, bool]]:
    """Whether what was asked for is reached, by the slower kind of partner."""
    own = [row for row in rows if row["policy"] == "supernode"]
    found = []
    for count, least in TARGETS:
        rates = [row["per_second"] for row in own if row["nodes"] == count]
        if rates:
            said = f"supernode at {count:,} nodes: {min(rates):,} decisions/s, at least {least:,}"
            found.append((said, min(rates) >= least))
    longest = [row["longest_ms"] for row in own if row["nodes"] == SIZES[-1]]
    if longest:
        said = f"supernode at {SIZES[-1]:,} nodes: longest decision {max(longest)} ms of processor time"
        found.append((f"{said}, below {LONGEST_S * 1000:g} ms", max(longest) < LONGEST_S * 1000))
    return found


def show(rows: list[Row], gap_rows: list[Row], judged: list[tuple[str, bool]]) -> None:
    """Print both tables and the verdicts."""
    print(f"{'policy':<15}{'nodes':>9}  {'partner':<9}{'decisions/s':>12}{'longest ms':>12}")
    for row in rows:
        longest = row.get("longest_ms", "")
        print(
            f"{row['policy']:<15}{row['nodes']:>9,}  {row['partner']:<9}{row['per_second']:>12,}{longest:>12}"
        )
    print(f"\n{'policy':<15}{'mean gap':>10}{'largest':>10}{'instances':>11}{'refused':>9}")
    for row in gap_rows:
        mean, largest = row["mean_gap"], row["largest_gap"]
        print(f"{row['policy']:<15}{mean:>10}{largest:>10}{row['instances']:>11}{row['refused']:>9}")
    for said, holds in judged:
        print(f"{'holds' if holds else 'FAILS'}: {said}")


def main() -> int:
    """Measure, print, judge; the status is 1 if a target is missed."""
    parser = argparse.ArgumentParser(description="Placements a second, and the gap to the optimum.")
    parser.add_argument("--quick", action="store_true", help="two sizes, one round, ten instances")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    options = parser.parse_args()
    rows, gap_rows = measured(options.quick), gaps(10 if options.quick else INSTANCES)
    judged = verdicts(rows)
    if options.json:
        held = [{"verdict": said, "holds": holds} for said, holds in judged]
        print(json.dumps({"speed": rows, "gap": gap_rows, "verdicts": held}, indent=2))
    else:
        show(rows, gap_rows, judged)
    return 0 if all(holds for _, holds in judged) else 1


if __name__ == "__main__":
    sys.exit(main())
