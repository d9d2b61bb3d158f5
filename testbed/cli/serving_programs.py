"""Puts together what runs on hosts for inference services: servers on nodes, clients in homes."""

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from testbed.applications.script import Script
from testbed.host import ports
from testbed.host.clock import Clock
from testbed.host.control import Control
from testbed.host.loop import Loop
from testbed.host.process import Ask, Part, run_program
from testbed.plan.network_plan import NetworkPlan
from testbed.workload.inference_client import Asking, InferenceClient
from testbed.workload.inference_server import InferenceServer
from testbed.workload.requests import requests


class PlannedServing:
    """The programs of a scenario's services on a plan; see `testbed.driver.serving_protocols`."""

    def __init__(self, plan: NetworkPlan, scenario: Script) -> None:
        self._plan, self._services, self._seed = plan, scenario.services, scenario.seed

    def address(self, service: str, node: str) -> tuple[str, int]:
        """Where a service is reached while it is on a node; each has a port of its own."""
        return self._plan.address(node).ip, ports.SERVICES.of([*self._services].index(service))

    def server(self, service: str, node: str, clock: Clock, control: Control) -> Callable[[], None]:
        """The service itself."""

        def parts(loop: Loop, _ask: Ask) -> Sequence[Part]:
            return [InferenceServer(loop, self._services[service], *self.address(service, node))]

        return lambda: run_program(control, Loop(clock), parts)

    def client(
        self, service: str, clients: str, node: str, clock: Clock, control: Control, logs: Path
    ) -> Callable[[], None]:
        """The clients of one name, all on their host."""
        asked = self._services[service].clients[clients]

        def say(epoch: int, at_ns: int) -> None:
            control.say("served", epoch=epoch, at_ns=at_ns)

        def parts(loop: Loop, _ask: Ask) -> Sequence[Part]:
            asking = Asking(
                name=clients,
                address=self._plan.address(asked.host).ip,
                server=self.address(service, node),
                token_bytes=self._services[service].token_bytes,
                requests=requests(asked, Random(f"{self._seed}/{clients}/requests")),
            )
            return [InferenceClient(loop, asking, logs, say)]

        return lambda: run_program(control, Loop(clock), parts)
