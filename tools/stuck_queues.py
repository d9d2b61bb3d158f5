"""Look for queues that wait on an idle PON: `python tools/stuck_queues.py [--periods 100000] [--seed 1]`.

Prints the busy periods by standard and T-CONT type, the longest wait in round trips of report and grant among
T-CONTs that no rate held back, and every stuck queue. Exits with 1 if there is one.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from grants.search import Found, search

from testbed.pon import PonStandard


def show(found: Found) -> None:
    """The table."""
    print(f"{'standard':<16}" + "".join(f"{f'type {number}':>10}" for number in range(1, 6)) + f"{'all':>10}")
    for standard in PonStandard:
        counts = [found.periods[standard, number] for number in range(1, 6)]
        print(f"{standard:<16}" + "".join(f"{count:>10}" for count in (*counts, sum(counts))))
    for way, count in sorted(found.ways.items()):
        longest = found.round_trips.get(way)
        waited = "" if longest is None else f", longest wait {longest:.2f} round trips"
        print(f"{way}: {count} busy periods{waited}")
    for stuck in found.stuck[:20]:
        print("stuck:", stuck)
    print(f"{found.total} busy periods, {len(found.stuck)} stuck")


def main() -> int:
    """Search and print."""
    parser = argparse.ArgumentParser(description="Look for queues that wait on an idle PON.")
    parser.add_argument("--periods", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    found = search(arguments.seed, arguments.periods)
    show(found)
    return 1 if found.stuck else 0


if __name__ == "__main__":
    sys.exit(main())
