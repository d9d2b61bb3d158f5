"""What the predictive policy learns: which scenes a load has, in which order, and how long each lasts.

A scene is a stretch with one level of load. The level is the largest rate of arrival over two intervals, so
it does not depend on the rate that the channel has: half as much again begins another scene at once, less
than two thirds for `hold` has ended the one before. A scene grows into its level for two hold times, since
a step of the load and its bursts are not measured in one interval.

Of each kind of scene the need is remembered that it had. Of each transition, the kind of the scene before,
of the scene itself and of the next one, and how long it lasted. Where the same two scenes follow each other
again, the channel grows `lead` before the next one came, and for another `lead` waits for it. A prediction
that failed twice running is forgotten. Everything is bounded: so many kinds, so many transitions, the oldest
go first.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

MOST_KINDS = 8
MOST_TRANSITIONS = 32
MOST_MISSES = 2
LEAD_NS = 50_000_000
LEAD_DIVISOR = 50
"""A prediction leads by 50 ms, and by a fiftieth of the scene's length: long scenes vary more."""


@dataclass(frozen=True, slots=True)
class SceneKind:
    """A kind of scene: its level, and the most that one of it has needed."""

    number: int
    level_bps: int
    need_bps: int

    def has(self, level_bps: int) -> bool:
        """Whether a level is of this kind: within a quarter of its own."""
        return 4 * abs(level_bps - self.level_bps) <= self.level_bps


@dataclass(frozen=True, slots=True)
class Transition:
    """From a scene, and the one before it, to the next: the numbers of their kinds, and how long it took."""

    before: int | None
    scene: int
    after: int
    dwell_ns: int
    misses: int = 0

    @property
    def lead_ns(self) -> int:
        """How far around its instant it is expected."""
        return LEAD_NS + self.dwell_ns // LEAD_DIVISOR

    def is_near(self, dwell_ns: int) -> bool:
        """Whether it is expected about so long after the scene's beginning."""
        return abs(dwell_ns - self.dwell_ns) <= self.lead_ns


class CurrentScene(NamedTuple):
    """The present scene: when it began and was last seen at its level, and what came below since then."""

    began_at_ns: int
    seen_at_ns: int
    level_bps: int
    need_bps: int
    below_level_bps: int = 0
    below_need_bps: int = 0


@dataclass(frozen=True, slots=True)
class PreviousScene:
    """The scene before the present one: its kind, that of the one before it, and how long it lasted."""

    kind: int
    before: int | None
    dwell_ns: int


class Pattern(NamedTuple):
    """What is known of one lane's load, and the scene that it is in.

    A transition is learnt when the scene that it led to has ended: only then is the level of that known.
    """

    scene: CurrentScene
    last: PreviousScene | None = None
    kinds: tuple[SceneKind, ...] = ()
    transitions: tuple[Transition, ...] = ()

    def expected_bps(self, now_ns: int) -> tuple[int, int]:
        """What the present kind of scene has needed before, and one that is about to begin; 0 if unknown."""
        kind = _kind_of(self.kinds, self.scene.level_bps)
        if kind is None:
            return 0, 0
        dwell_ns = now_ns - self.scene.began_at_ns
        before = None if self.last is None else self.last.kind
        coming = [each.after for each in self._after(before, kind.number) if each.is_near(dwell_ns)]
        needs_bps = [each.need_bps for each in self.kinds if each.number in coming] if coming else []
        return kind.need_bps, max(needs_bps, default=0)

    def seeing(self, level_bps: int, need_bps: int, interval_ns: int, now_ns: int, hold_ns: int) -> "Pattern":
        """After an interval with this level and this need, both as the load has them whatever the rate is."""
        scene = self.scene
        if 2 * level_bps > 3 * scene.level_bps and now_ns - scene.began_at_ns >= 2 * hold_ns:
            return self._next(CurrentScene(now_ns - interval_ns, now_ns, level_bps, need_bps))
        if 3 * level_bps >= 2 * scene.level_bps:
            level_bps, need_bps = max(scene.level_bps, level_bps), max(scene.need_bps, need_bps)
            return self._replace(scene=CurrentScene(scene.began_at_ns, now_ns, level_bps, need_bps))
        below_level_bps, below_need_bps = scene.below_level_bps, scene.below_need_bps
        # A level covers two intervals: those of the fall itself still have the old load in them.
        if now_ns - scene.seen_at_ns > 2 * interval_ns:
            below_level_bps = max(below_level_bps, level_bps)
            below_need_bps = max(below_need_bps, need_bps)
        if now_ns - scene.seen_at_ns >= hold_ns:
            return self._next(CurrentScene(scene.seen_at_ns, now_ns, below_level_bps, below_need_bps))
        below = scene._replace(below_level_bps=below_level_bps, below_need_bps=below_need_bps)
        return self._replace(scene=below)

    def _after(self, before: int | None, kind: int) -> list[Transition]:
        """What came after a scene of this kind: in this order, or, if that is new, in any."""
        after = [each for each in self.transitions if each.scene == kind]
        return [each for each in after if each.before == before] or after

    def _next(self, scene: CurrentScene) -> "Pattern":
        """The present scene has ended where another begins: learn its kind, and how it came about."""
        kinds = _learnt(self.kinds, self.scene)
        ended = kinds[-1].number
        transitions, last = self.transitions, self.last
        if last is not None:
            came = Transition(last.before, last.kind, ended, last.dwell_ns)
            used = self._after(last.before, last.kind)
            judged = (_judged(each, came) if each in used else each for each in transitions)
            transitions = (*(each for each in judged if each is not None), came)
        numbers = {kind.number for kind in kinds}
        kept = [each for each in transitions if {each.scene, each.after} <= numbers]
        before = None if last is None else last.kind
        return Pattern(
            scene=scene,
            last=PreviousScene(ended, before, scene.began_at_ns - self.scene.began_at_ns),
            kinds=kinds,
            transitions=tuple(kept[-MOST_TRANSITIONS:]),
        )


def _kind_of(kinds: tuple[SceneKind, ...], level_bps: int) -> SceneKind | None:
    """The kind of a level, the nearest if it is of several."""
    fitting = [kind for kind in kinds if kind.has(level_bps)]
    return min(fitting, key=lambda kind: abs(kind.level_bps - level_bps), default=None)


def _learnt(kinds: tuple[SceneKind, ...], scene: CurrentScene) -> tuple[SceneKind, ...]:
    """The kinds with that of a scene last, which is the one used last."""
    kind = _kind_of(kinds, scene.level_bps)
    if kind is None:
        number = 1 + max((each.number for each in kinds), default=0)
        return (*kinds, SceneKind(number, scene.level_bps, scene.need_bps))[-MOST_KINDS:]
    others = tuple(each for each in kinds if each is not kind)
    return (*others, replace(kind, need_bps=max(kind.need_bps, scene.need_bps)))


def _judged(expected: Transition, came: Transition) -> Transition | None:
    """An expected transition after one has come: taken over by that, found wrong, or still to come."""
    if expected.is_near(came.dwell_ns) and expected.after == came.after:
        return None
    if came.dwell_ns < expected.dwell_ns - expected.lead_ns:
        return expected
    return replace(expected, misses=expected.misses + 1) if expected.misses + 1 < MOST_MISSES else None
