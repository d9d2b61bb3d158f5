"""The sessions of a run: requested, placed, given their channel, started, moved to another node, ended."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from testbed.applications.game.events import (
    SceneEntered,
    SessionEnded,
    SessionGap,
    SessionRefused,
    SessionRendered,
    SessionStarted,
)
from testbed.applications.game.model import Session
from testbed.applications.script import Scenario
from testbed.driver.children import Child, Children
from testbed.driver.classes import first_port
from testbed.driver.due import Due
from testbed.driver.jobs import Answer, Jobs
from testbed.driver.protocols import Placed, Programs
from testbed.driver.scenes import Scenes
from testbed.host.loop import Loop
from testbed.record.event import Event
from testbed.record.events import ApiCalled
from testbed.record.logs import EventLog

REQUEST_LEAD_NS = 500_000_000
"""A session is requested, placed and given its channel this long before its first frame."""
DRAIN_NS = 1_000_000_000
"""What is still on its way at a session's end has this long to arrive, more than any queue holds."""


@dataclass(slots=True)
class _UnderWay:
    """A session that has begun, and its programs: at home, and on its node unless it has lost that."""

    placed: Placed
    home: Child
    render: Child | None
    application: Child | None


class Sessions:
    """All sessions of a run; `stop` stops a program and gives its last message.

    `on_first_frame` is told of the first frame that a player has from another node than before: the session,
    its epoch and the instant.
    """

    def __init__(
        self,
        scenario: Scenario,
        programs: Programs,
        jobs: Jobs,
        scenes: Scenes,
        children: Children,
        loop: Loop,
        events: EventLog,
        logs: Path,
        stop: Callable[[Child], dict[str, Any]],
    ) -> None:
        self._scenario, self._programs, self._jobs, self._scenes = scenario, programs, jobs, scenes
        self._children, self._loop, self._events = children, loop, events
        self._logs, self._stop = logs, stop
        self._active: dict[str, _UnderWay] = {}
        self._left = len(scenario.sessions)
        self.on_first_frame: Callable[[str, int, int], None] = lambda _session, _epoch, _at_ns: None

    def start(self) -> None:
        """Set out to request every session before its start."""
        for index, (name, session) in enumerate(self._scenario.sessions.items()):
            self._loop.at(
                session.starts_at_ns - REQUEST_LEAD_NS, partial(self._request, index, name, session)
            )

    @property
    def are_over(self) -> bool:
        """Whether no session is left, and no queue of one drains."""
        return self._left == 0

    def placed(self) -> list[Placed]:
        """The sessions that are under way."""
        return [under_way.placed for under_way in self._active.values()]

    def end_all(self) -> None:
        """End everything that is under way."""
        for name in [*self._active]:
            self._end(name)

    def node_died(self, node: str) -> None:
        """End the programs on a node that has died.

        What they have sent and received by now is in their records: so it is for a node that really dies,
        because others have seen it. Their node is cut off already and nothing of theirs leaves it.
        """
        for under_way in self._active.values():
            if under_way.placed.node == node:
                self._leave_node(under_way)

    def dropped(self, name: str, node: str) -> None:
        """The agent of a node has dropped a session's job, its lease being over: its program ends."""
        under_way = self._active.get(name)
        if under_way is not None and under_way.placed.node == node:
            self._leave_node(under_way)

    def _request(self, index: int, name: str, session: Session) -> None:
        request = self._jobs.of_session(name, session)
        begin = partial(self._begin, index, name, session)
        self._jobs.ask([request], session.ends_at_ns, begin, [partial(self._move, name)])

    def _begin(self, index: int, name: str, session: Session, answer: Answer) -> None:
        """Start what has its node; a session without one does not run."""
        if not answer.nodes:
            self._event(SessionRefused(session=name, reason=answer.reason))
            self._left -= 1
            return
        placed = Placed(
            name=name,
            session=session,
            node=answer.nodes[0],
            first_port=first_port(index),
            moves=self._scenario.health is not None,
        )
        self._scenes.request(index, placed)
        home = self._children.start(
            f"{name} player",
            session.player,
            lambda control: self._programs.at_home(placed, self._loop.clock, control, self._logs),
            lambda _child, message: self._moved(name, message),
        )
        render = self._start_render(placed)
        application = self._start_application(placed) if session.booking is not None else None
        self._children.go(home, render)
        self._active[name] = _UnderWay(placed, home, render, application)
        self._event(SessionStarted(session=name, player=session.player, node=placed.node))
        self._share(placed.node)
        self._loop.at(session.ends_at_ns + DRAIN_NS // 2, partial(self._end, name), Due.END)

    def _start_render(self, placed: Placed) -> Child:
        return self._children.start(
            f"{placed.name} render",
            placed.node,
            lambda control: self._programs.at_node(placed, self._loop.clock, control, self._logs),
            partial(self._enter_scene, placed),
        )

    def _start_application(self, placed: Placed) -> Child:
        """The application server of a session that books its channel through the API."""
        child = self._children.start(
            f"{placed.name} application",
            placed.node,
            lambda control: self._programs.application(placed, self._loop.clock, control),
            lambda _child, message: self._event(ApiCalled(session=placed.name, **message["call"])),
        )
        self._children.go(child)
        return child

    def _move(self, name: str, node: str | None, epoch: int) -> None:
        """The session's job may serve on another node: its program starts there, and goes on from now."""
        under_way = self._active.get(name)
        if under_way is None or node is None:
            return
        self._leave_node(under_way)
        under_way.placed = replace(
            under_way.placed, node=node, epoch=epoch, from_ns=self._loop.clock.now_ns()
        )
        under_way.render = self._start_render(under_way.placed)
        self._children.go(under_way.render)
        self._share(node)

    def _share(self, node: str) -> None:
        """Tell the sessions that render on a node how many they are."""
        sharing = [
            under_way.render
            for under_way in self._active.values()
            if under_way.render is not None
            and under_way.placed.node == node
            and under_way.placed.session.render_ns
        ]
        for render in sharing:
            self._children.tell(render, "sharers", count=len(sharing))

    def _moved(self, name: str, message: dict[str, Any]) -> None:
        """The player says that the first frame of another node has come."""
        session, at_ns = self._active[name].placed.session, message["at_ns"]
        before_ns = message["before_ns"]
        due = message["frame"] - message["frame_before"]
        gap = SessionGap(
            session=name,
            gap_ns=at_ns - (session.starts_at_ns if before_ns is None else before_ns),
            frames_due=due,
            frames_missed=due - 1,
        )
        self._event(gap)
        self.on_first_frame(name, message["epoch"], at_ns)

    def _enter_scene(self, placed: Placed, child: Child, message: dict[str, Any]) -> None:
        scene = next(scene for scene in placed.session.scenes if scene.at_ns == message["at_ns"])
        self._event(SceneEntered(session=placed.name, scene=scene.name, rate_bps=scene.rate_bps))
        self._scenes.enter(placed, scene)
        self._children.tell(child, "entered")

    def _leave_node(self, under_way: _UnderWay) -> None:
        """End the programs on a node that the session loses; nothing if they have ended."""
        if under_way.application is not None:
            # It has no records, and may be waiting for an answer that will not come.
            self._children.crash(under_way.application)
            under_way.application = None
        if under_way.render is not None:
            self._end_at_node(under_way)

    def _end_at_node(self, under_way: _UnderWay) -> None:
        for program in (under_way.application, under_way.render):
            if program is not None:
                done = self._stop(program)
                if "left_out" in done:
                    self._event(SessionRendered(session=under_way.placed.name, left_out=done["left_out"]))
        under_way.application = under_way.render = None
        self._share(under_way.placed.node)

    def _end(self, name: str) -> None:
        """Stop a session's programs and give its channel back; does nothing if that was done already."""
        under_way = self._active.get(name)
        if under_way is None:
            return
        self._event(SessionEnded(session=name))
        self._end_at_node(under_way)
        self._stop(under_way.home)
        del self._active[name]
        # Nothing of it runs on its node any more; its channel may still have a queue to empty.
        self._jobs.complete(name)
        self._scenes.release(under_way.placed, "the session has ended", self._over)

    def _over(self) -> None:
        self._left -= 1

    def _event(self, event: Event) -> None:
        self._events.write(event, self._loop.clock.now_ns())
