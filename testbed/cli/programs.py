"""Puts together what runs on each host: the only place that knows workloads, probes and addresses at once."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from testbed.driver.protocols import Placed
from testbed.model.base import DOWNSTREAM, UPSTREAM, Direction
from testbed.model.scenario import Flow, Scene
from testbed.plan.network_plan import NetworkPlan
from testbed.probe.prober import ProbeReceiver, ProbeSender
from testbed.program.clock import Clock
from testbed.program.control import Control
from testbed.program.loop import Loop
from testbed.program.process import Ask, Part, run_program
from testbed.workload.bulk import TcpSink, TcpSource, UdpSink, UdpSource
from testbed.workload.game import Ends, Player, RenderServer

Program = Callable[[], None]


class PlannedPrograms:
    """The programs of a scenario on a plan; see `testbed.driver.protocols.Programs`."""

    def __init__(self, plan: NetworkPlan, seed: int) -> None:
        self._plan, self._seed = plan, seed

    def at_node(self, placed: Placed, clock: Clock, control: Control, logs: Path) -> Program:
        """The render server, with its end of the probes."""

        def parts(loop: Loop, ask: Ask) -> Sequence[Part]:
            def enter_scene(scene: Scene) -> None:
                ask("scene", {"at_ns": scene.at_ns})

            server = RenderServer(loop, self._ends(placed, logs), enter_scene)
            return [server, *self._probes(loop, placed, logs, placed.node, DOWNSTREAM)]

        return lambda: run_program(control, Loop(clock), parts)

    def at_home(self, placed: Placed, clock: Clock, control: Control, logs: Path) -> Program:
        """The player, with the other end of the probes."""

        def parts(loop: Loop, _ask: Ask) -> Sequence[Part]:
            player = Player(loop, self._ends(placed, logs))
            return [player, *self._probes(loop, placed, logs, placed.session.player, UPSTREAM)]

        return lambda: run_program(control, Loop(clock), parts)

    def source(self, name: str, flow: Flow, port: int, clock: Clock, control: Control) -> Program:
        """The sending end of a background flow."""
        make: Any = TcpSource if flow.protocol == "tcp" else UdpSource
        ends = self._plan.address(flow.source).ip, self._plan.address(flow.destination).ip
        return lambda: run_program(control, Loop(clock), lambda loop, _ask: [make(loop, flow, *ends, port)])

    def sink(self, name: str, flow: Flow, port: int, clock: Clock, control: Control) -> Program:
        """The receiving end of a background flow."""
        address = self._plan.address(flow.destination).ip

        def parts(loop: Loop, _ask: Ask) -> Sequence[Part]:
            tcp = flow.protocol == "tcp"
            return [TcpSink(loop, address, port, flow.flows) if tcp else UdpSink(loop, address, port)]

        return lambda: run_program(control, Loop(clock), parts)

    def _ends(self, placed: Placed, logs: Path) -> Ends:
        return Ends(
            name=placed.name,
            session=placed.session,
            player_ip=self._plan.address(placed.session.player).ip,
            node_ip=self._plan.address(placed.node).ip,
            first_port=placed.first_port,
            seed=self._seed,
            logs=logs,
        )

    def _probes(
        self, loop: Loop, placed: Placed, logs: Path, here: str, sending: Direction
    ) -> tuple[ProbeSender, ProbeReceiver]:
        """A sender of the one direction and a receiver of the other, on this host."""
        there = placed.node if here == placed.session.player else placed.session.player
        ours, theirs = self._plan.address(here), self._plan.address(there)
        interface = next(each.name for each in self._plan.interfaces if each.station == here)
        sender = ProbeSender(
            loop,
            name=placed.name,
            session=placed.session,
            direction=sending,
            interface=interface,
            source=(ours.mac, ours.ip),
            destination=(theirs.mac, theirs.ip),
            first_port=placed.first_port,
            logs=logs,
        )
        receiver = ProbeReceiver(
            loop,
            name=placed.name,
            direction=sending.reverse,
            address=ours.ip,
            first_port=placed.first_port,
            logs=logs,
        )
        return sender, receiver
