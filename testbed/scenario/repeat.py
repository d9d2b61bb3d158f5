"""Sessions that are repeated: a pattern in the file, many sessions in the scenario."""

from collections.abc import Iterator, Mapping, Sequence
from random import Random

from testbed.applications.game.model import Repeat, Session
from testbed.model.base import LONGEST_NAME
from testbed.model.network import Network, Role
from testbed.scenario.rates import Finding
from testbed.scenario.tree import Keys
from testbed.units import DURATION

MOST_SESSIONS = 1000
"""Of one variant; each is two programs while it lasts, and has ports and a class of its own."""

_RESOLUTION_NS = 1000


def expanded(sessions: Mapping[str, Session], network: Network, seed: int) -> dict[str, Session]:
    """Every session by itself: a repeated one as NAME001, NAME002, … in the order in which they begin.

    Their instants are those of the pattern, later by what is drawn evenly from `within`. The players are
    the hosts of homes in the network's order, beginning with the pattern's own, and round again. A pattern
    whose player is none of them, which `rules` tell, stays as it is.
    """
    homes = [station.name for station in network.having(Role.HOME)]
    found: dict[str, Session] = {}
    for name, session in sessions.items():
        if session.repeat is None or session.player not in homes:
            found[name] = session
        else:
            found |= dict(_repeated(name, session, session.repeat, homes, seed))
    return found


def repeat_rules(sessions: Mapping[str, Session], duration_ns: int) -> Iterator[Finding]:
    """Whether repeated sessions end in time, have names that are short enough, and are not too many."""
    count = sum(1 if session.repeat is None else session.repeat.count for session in sessions.values())
    if count > MOST_SESSIONS:
        yield ("sessions",), f"{count:,} sessions with all repeats; at most {MOST_SESSIONS:,} are carried"
    for name, session in sessions.items():
        if session.repeat is None:
            continue
        at: Keys = ("sessions", name, "repeat")
        latest_ns = session.ends_at_ns + session.repeat.within_ns
        if session.ends_at_ns <= duration_ns < latest_ns:
            latest, end = DURATION.format(latest_ns), DURATION.format(duration_ns)
            yield (*at, "within"), f"the last may end at {latest}, after the scenario's end at {end}"
        names = set(names_of_repetitions(name, session.repeat.count))
        if (over := max(map(len, names)) - LONGEST_NAME) > 0:
            yield ("sessions", name), f"with its numbers the name is {over} characters too long; shorten it"


def _repeated(
    name: str, pattern: Session, repeat: Repeat, homes: Sequence[str], seed: int
) -> Iterator[tuple[str, Session]]:
    first, draws = homes.index(pattern.player), Random(f"{seed}/{name}/repeat")
    steps = max(1, repeat.within_ns // _RESOLUTION_NS)
    later_ns = sorted(draws.randrange(steps) * _RESOLUTION_NS for _ in range(repeat.count))
    for number, (each, offset_ns) in enumerate(
        zip(names_of_repetitions(name, repeat.count), later_ns, strict=True)
    ):
        yield each, _later(pattern, homes[(first + number) % len(homes)], offset_ns)


def names_of_repetitions(name: str, count: int) -> list[str]:
    """NAME001, NAME002, … with as many digits as the last one has."""
    digits = len(str(count))
    return [f"{name}{number:0{digits}}" for number in range(1, count + 1)]


def _later(pattern: Session, player: str, offset_ns: int) -> Session:
    """The pattern with another player and all its instants later."""
    scenes = tuple(scene.model_copy(update={"at_ns": scene.at_ns + offset_ns}) for scene in pattern.scenes)
    booking = pattern.booking
    if booking is not None:
        booking = booking.model_copy(update={"at_ns": booking.at_ns + offset_ns})
    return pattern.model_copy(
        update={
            "player": player,
            "repeat": None,
            "starts_at_ns": pattern.starts_at_ns + offset_ns,
            "ends_at_ns": pattern.ends_at_ns + offset_ns,
            "scenes": scenes,
            "booking": booking,
        }
    )
