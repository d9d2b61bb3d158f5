"""Puts together what runs on each host: the only place that knows workloads, probes and addresses at once."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from random import Random

from testbed.applications.flows.model import Flow
from testbed.applications.game.model import Scene
from testbed.applications.script import Script
from testbed.cli.health_programs import PlannedHealth
from testbed.cli.northbound import PORT as API_PORT
from testbed.cli.northbound import northbound_program, token_of
from testbed.cli.workload_programs import PlannedWorkloads
from testbed.driver.classes import PORTS_PER_SESSION, home_of
from testbed.driver.protocols import Placed
from testbed.host.clock import Clock
from testbed.host.control import Control
from testbed.host.loop import Loop
from testbed.host.process import Ask, Part, run_program
from testbed.model.base import DOWNSTREAM, UPSTREAM, Direction
from testbed.model.network import Role
from testbed.model.pon import Reporting
from testbed.net.olt import Announced, Olt
from testbed.net.shaper import PonShaper
from testbed.plan.network_plan import NetworkPlan
from testbed.plan.pon_ports import tos_of
from testbed.pon import encapsulated_bytes, framing, propagation_ns
from testbed.pon.provision import alloc_id_of
from testbed.probe.prober import ProbeReceiver, ProbeSender
from testbed.record.streams import ReceivedLog, SentLog
from testbed.workload.application import Application, Booked
from testbed.workload.bulk import TcpSink, TcpSource
from testbed.workload.departures import departures
from testbed.workload.game import Ends, Player, RenderServer
from testbed.workload.packets import BatchedSource, PacedSource, UdpSink, sending
from testbed.workload.video import Takeover

Program = Callable[[], None]
ETHERNET_BYTES = 14
"""What tc counts of a frame beside its IP packet."""
ANNOUNCED_LATE_NS = 1_000
"""A packet may be so late for what was announced: timers of the same instant hold each other up."""


class PlannedPrograms:
    """The programs of a scenario on a plan; see `testbed.driver.protocols.Programs`."""

    def __init__(
        self,
        plan: NetworkPlan,
        scenario: Script,
        upstream_line: Callable[[], PonShaper],
        inside: Callable[[str], AbstractContextManager[None]],
    ) -> None:
        self._plan, self._scenario, self._upstream_line = plan, scenario, upstream_line
        self._inside = inside
        self._pon, self._seed = scenario.pon, scenario.seed
        self.health = PlannedHealth(plan, scenario, inside)
        self.workloads = PlannedWorkloads(plan, scenario)

    def olt(self, clock: Clock, control: Control) -> Program:
        """The OLT's control of the upstream line."""

        def program() -> None:
            pon, port = self._plan.pon, self._plan.pon_port(UPSTREAM).pon_port
            assert pon is not None
            assert port is not None
            Olt(control, pon, port, self._upstream_line(), [*self._announced(clock)]).run()

        return program

    def _announced(self, clock: Clock) -> Iterator[Announced]:
        """The packets of flows whose T-CONTs are served in cooperation: known beforehand."""
        assert self._plan.pon is not None
        frame = framing(self._plan.pon.standard, UPSTREAM)
        for name, flow in self._scenario.background.items():
            given = self._pon.tconts.get(flow.tcont) if flow.tcont else None
            upstream = self._plan.network.direction(flow.source, flow.destination) is UPSTREAM
            if given is None or not upstream or given.reporting is not Reporting.COOPERATIVE:
                continue
            home = home_of(self._plan, flow.source)
            onu = self._plan.network.having(Role.ONU)[home - 1].name
            assert self._plan.network.pon is not None
            way_ns = propagation_ns(self._plan.network.pon.fibres_m[onu]) + ANNOUNCED_LATE_NS
            instants = departures(flow, Random(f"{self._seed}/{name}/arrivals"))
            yield Announced(
                alloc_id=alloc_id_of(self._pon, flow.tcont, home),
                carried_bytes=encapsulated_bytes(frame, flow.packet_bytes + ETHERNET_BYTES),
                instants_ns=(clock.epoch_ns + at_ns + way_ns for at_ns in instants),
            )

    def northbound(self, control: Control) -> Program:
        """The server of the northbound API."""
        given = self._scenario.northbound
        assert given is not None
        booking = [name for name, session in self._scenario.sessions.items() if session.booking is not None]
        return northbound_program(self._plan, self._scenario, given.host, booking, control)

    def application(self, placed: Placed, clock: Clock, control: Control) -> Program:
        """The application server of a session that books its channel."""
        northbound, session = self._scenario.northbound, placed.session
        assert northbound is not None
        assert session.booking is not None
        booked = Booked(
            booking=session.booking,
            ends_at_ns=session.ends_at_ns,
            device_ip=self._plan.address(session.player).ip,
            server_ip=self._plan.address(placed.node).ip,
            server_ports=(placed.first_port, placed.first_port + PORTS_PER_SESSION - 1),
            api=(self._plan.address(northbound.host).ip, API_PORT),
            token=token_of(placed.name),
        )

        def parts(loop: Loop, _ask: Ask) -> Sequence[Part]:
            return [Application(loop, booked, lambda call: control.say("call", call=call))]

        return lambda: run_program(control, Loop(clock), parts)

    def at_node(self, placed: Placed, clock: Clock, control: Control, logs: Path) -> Program:
        """The render server, with its end of the probes."""

        def parts(loop: Loop, ask: Ask) -> Sequence[Part]:
            def enter_scene(scene: Scene) -> None:
                ask("scene", {"at_ns": scene.at_ns}, "entered")

            server = RenderServer(loop, self._ends(placed, logs), enter_scene)
            if placed.epoch > 1:
                return [server]  # the probes measure the first node alone
            return [server, *self._probes(loop, placed, logs, placed.node, DOWNSTREAM)]

        return lambda: run_program(control, Loop(clock), parts)

    def at_home(self, placed: Placed, clock: Clock, control: Control, logs: Path) -> Program:
        """The player, with the other end of the probes."""

        def tell_takeover(takeover: Takeover) -> None:
            control.say("takeover", **asdict(takeover))

        def parts(loop: Loop, _ask: Ask) -> Sequence[Part]:
            player = Player(loop, self._ends(placed, logs), tell_takeover)
            return [player, *self._probes(loop, placed, logs, placed.session.player, UPSTREAM)]

        return lambda: run_program(control, Loop(clock), parts)

    def source(self, name: str, flow: Flow, port: int, clock: Clock, control: Control, logs: Path) -> Program:
        """The sending end of a background flow."""
        here, there = self._plan.address(flow.source).ip, self._plan.address(flow.destination).ip
        tos = tos_of(self._pon, flow.tcont) if flow.tcont else 0

        def parts(loop: Loop, _ask: Ask) -> Sequence[Part]:
            if flow.protocol == "tcp":
                return [TcpSource(loop, flow, here, there, port, tos)]
            datagrams = sending(loop.clock, here, there, port, tos | flow.sent_ecn.bits)
            if not flow.is_paced:
                return [BatchedSource(loop, flow, datagrams)]
            random = Random(f"{self._seed}/{name}/arrivals")
            log = SentLog(logs, **self._stream(name, flow)) if flow.measured else None
            return [PacedSource(loop, flow, datagrams, random, log)]

        return lambda: run_program(control, Loop(clock), parts)

    def sink(self, name: str, flow: Flow, port: int, clock: Clock, control: Control, logs: Path) -> Program:
        """The receiving end of a background flow."""
        address = self._plan.address(flow.destination).ip

        def parts(loop: Loop, _ask: Ask) -> Sequence[Part]:
            if flow.protocol == "tcp":
                return [TcpSink(loop, flow, address, port)]
            log = ReceivedLog(logs, **self._stream(name, flow)) if flow.measured else None
            return [UdpSink(loop, address, port, log, flow.ends_at_ns, flow.sent_ecn)]

        return lambda: run_program(control, Loop(clock), parts)

    def _stream(self, name: str, flow: Flow) -> dict[str, str]:
        """How the packets of a measured flow are logged: as those of a session of its name."""
        direction = self._plan.network.direction(flow.source, flow.destination)
        assert direction is not None, "a measured flow crosses the access network"
        return {"session": name, "measure": "packet", "direction": direction}

    def _ends(self, placed: Placed, logs: Path) -> Ends:
        return Ends(
            name=placed.name,
            session=placed.session,
            player_ip=self._plan.address(placed.session.player).ip,
            node_ip=self._plan.address(placed.node).ip,
            first_port=placed.first_port,
            seed=self._seed,
            logs=logs,
            epoch=placed.epoch,
            from_ns=placed.from_ns,
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
