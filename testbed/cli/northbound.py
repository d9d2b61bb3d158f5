"""The northbound API inside a run: its server on an emulated host, and who may call it there."""

import asyncio
from collections.abc import Callable

from testbed.applications.script import Script
from testbed.driver.carriable import never_carried
from testbed.host import ports
from testbed.host.clock import use_exact_timers
from testbed.host.control import Control
from testbed.model.network import Role
from testbed.plan.network_plan import NetworkPlan

PORT = ports.API.first
"""Of the API on its host."""


def token_of(session: str) -> str:
    """The bearer token of a session's application server. The network is closed: it is no secret."""
    return f"application-of-{session}"


def addresses_of_homes(plan: NetworkPlan) -> dict[str, str]:
    """The IPv4 address of every host of a home."""
    return {station.name: plan.address(station.name).ip for station in plan.network.having(Role.HOME)}


def northbound_program(
    plan: NetworkPlan, scenario: Script, host: str, sessions: list[str], control: Control
) -> Callable[[], None]:
    """The program that serves the API on a host until it is told to stop."""

    def program() -> None:
        use_exact_timers()
        asyncio.run(_serve(plan, scenario, host, sessions, control))

    return program


async def _serve(
    plan: NetworkPlan, scenario: Script, host: str, sessions: list[str], control: Control
) -> None:
    # The web framework is loaded by those who serve, not by every program of a run.
    from testbed.api.app import create_app
    from testbed.api.http_server import run_server
    from testbed.api.network_port import ControlNetwork
    from testbed.api.profiles import load_profiles
    from testbed.api.server_settings import SCOPES, ApiSettings, Token
    from testbed.api.subscribers import subscribers
    from testbed.api.tokens import sha256_of

    stop = asyncio.Event()
    network = ControlNetwork(control, stop.set)
    network.on_message("go", lambda _message: None)
    network.on_message("stop", lambda _message: stop.set())
    tokens = (
        Token(
            name=session,
            sha256=sha256_of(token_of(session)),
            scopes=frozenset(SCOPES),
        )
        for session in sessions
    )
    settings = ApiSettings(
        profiles=load_profiles(),
        tokens=tuple(tokens),
        subscribers=subscribers(addresses_of_homes(plan)),
        never_carried=never_carried(scenario, plan),
    )
    app = create_app(settings, network)
    network.listen()

    def ready(_port: int) -> None:
        control.say("ready")

    await run_server(app, plan.address(host).ip, PORT, ready=ready, stop=stop)
    network.unlisten()
    control.say("done", received_bytes=0, late_ns=0)
