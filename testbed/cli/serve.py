"""`testbed serve`: one variant's network in real time, with its northbound API on an address of this machine.

    everything checked, address taken ──► the guest program builds the network and says that it is ready
        ──► the API is served, until Ctrl-C, SIGTERM or the network's end ──► its line is closed, the guest
        program comes to its end ──► what was recorded is gathered

The API runs out here, as the user; orders and news go over the line of `Venue.serve`.
"""

import argparse
import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from testbed import __version__
from testbed.api.app import create_app
from testbed.api.counters import ServerCounters
from testbed.api.http_server import listening, serve_on
from testbed.api.live_classes import LiveClasses, live_router
from testbed.api.live_monitor import LiveMonitor
from testbed.api.live_page import add_views
from testbed.api.network_port import StreamNetwork
from testbed.api.profiles import SHIPPED, load_profiles
from testbed.api.server_settings import ApiSettings, SinkRules
from testbed.api.store import check_state
from testbed.api.subscribers import subscribers
from testbed.api.tokens import load_tokens, new_token
from testbed.cli.announcement import Announcement, became, ordered, say, say_now
from testbed.cli.interrupts import SIGNALS, held, lent, unwinding
from testbed.cli.northbound import addresses_of_homes
from testbed.cli.running import failure, gather, identity, keep_logs, new_run, require_venue
from testbed.driver.carriable import never_carried
from testbed.errors import NotReadyError, ScenarioError
from testbed.host.line import MOST_MESSAGE_BYTES
from testbed.host.orders import News, Order
from testbed.live.variant_follower import VariantFollower
from testbed.plan.make import make_plan
from testbed.record.atomic import explained
from testbed.record.run_directory import RunDirectory
from testbed.scenario import ScenarioFile, load
from testbed.venue.launcher import last_error
from testbed.venue.registry import find_venue
from testbed.venue.venue import SCENARIO_FILE, GuestProgram, Variant
from testbed.venue.virtual import CONSOLE_NAME

END_S = 300.0
"""How long the guest main program may take to end: it stops its programs and writes its records."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What is served, where, and to whom; `secret` is the token that was made for want of a file."""

    scenario_file: ScenarioFile
    variant: str
    venue: str
    settings: ApiSettings
    secret: str | None
    changed: tuple[str, ...]

    @property
    def seed(self) -> int:
        """The scenario's."""
        return self.scenario_file.variants[self.variant].seed


def serve(options: argparse.Namespace) -> int:
    """`testbed serve`."""
    host, port = address(options.listen)
    if options.tokens is None and not is_loopback(host):
        raise ScenarioError(
            f"--listen {options.listen}: others can reach that address; say who may call with --tokens FILE"
        )
    serving = _checked(options)
    with listening(host, port) as listener:
        venue_facts = require_venue(serving.venue, serving.scenario_file, force=options.force)
        if options.state is not None:
            check_state(options.state)
        started_at, began_s = datetime.now(), time.monotonic()
        with unwinding():
            run = _served(serving, options.out, started_at, listener)
    if run is None:
        say("stopped  before the network was up; nothing is left")
        return 0
    with held():
        _gather(serving, run, started_at, began_s, venue_facts)
    say(f"records  {run.path}")
    return 0


def _gather(
    serving: Serving, run: RunDirectory, started_at: datetime, began_s: float, venue_facts: dict[str, Any]
) -> None:
    """Make a run directory like any other of what was recorded."""
    gather(run, serving.scenario_file)
    times = {"started_at": started_at.isoformat(timespec="seconds"), "virtual_s": 0.0}
    facts = {"seed": serving.seed, "venue": serving.venue, "settings": list(serving.changed)}
    wall_s = round(time.monotonic() - began_s, 3)
    manifest = {**identity(serving.scenario_file), **facts, **times, **venue_facts, "wall_s": wall_s}
    run.write_manifest(manifest)


def address(text: str) -> tuple[str, int]:
    """Host and port of "127.0.0.1:8080" or "[::1]:8080".

    Raises:
        ScenarioError: It is neither.
    """
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        colon = ""
    if not (colon and host and port.isascii() and port.isdecimal() and int(port) < 2**16):
        raise ScenarioError(
            f"--listen {text!r}: write an address and a port, as in 127.0.0.1:8080 or [::1]:8080"
        )
    return host, int(port)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address. A name may mean anything, except for localhost."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _checked(options: argparse.Namespace) -> Serving:
    """The scenario's variant and the API's settings.

    Raises:
        ScenarioError: A file is missing or refused.
    """
    wanted = [options.variant] if options.variant else []
    variant = next(iter(_load(options, wanted).variants))
    scenario_file = _load(options, [variant])
    scenario = scenario_file.variants[variant]
    plan = make_plan(scenario_file.networks[variant], scenario.access, scenario.pon)
    secret = None
    if options.tokens:
        tokens = load_tokens(options.tokens)
    else:
        secret, token = new_token("serve")
        tokens = (token,)
    settings = ApiSettings(
        profiles=load_profiles(options.profiles or SHIPPED),
        tokens=tokens,
        subscribers=subscribers(addresses_of_homes(plan)),
        sinks=SinkRules(allowed_hosts=tuple(options.allow_sink)),
        state_path=options.state,
        never_carried=never_carried(scenario, plan),
    )
    return Serving(
        scenario_file=scenario_file,
        variant=variant,
        venue=options.venue,
        settings=settings,
        secret=secret,
        changed=tuple(options.settings),
    )


def _load(options: argparse.Namespace, variants: list[str]) -> ScenarioFile:
    return load(options.scenario, seed=options.seed, settings=options.settings, variants=variants)


def _served(
    serving: Serving, out: Path | None, started_at: datetime, listener: socket.socket
) -> RunDirectory | None:
    """Serve until told to stop; what was recorded, or None if the network was not up by then.

    Raises:
        TestbedError: The network failed. The run directory has its console.
    """
    run: RunDirectory | None = None
    try:
        with held():
            run = new_run(serving.scenario_file, out, started_at)
        folder = run.raw_path(serving.variant)
        with explained("write the scenario into", folder):
            folder.mkdir(parents=True)
            (folder / SCENARIO_FILE).write_text(serving.scenario_file.text, encoding="utf-8")
        say(f"booting  {serving.scenario_file.name}, variant {serving.variant}, venue {serving.venue}")
        try:
            # The event loop takes signals itself: they are how serving ends.
            with lent():
                status = asyncio.run(_serve_network(serving, folder, listener))
            if status:
                raise failure(run, serving.variant, status, last_error(folder / CONSOLE_NAME))
        finally:
            (folder / SCENARIO_FILE).unlink()
            keep_logs(run, [serving.variant])
    except (KeyboardInterrupt, SystemExit):
        if run is not None:
            run.discard()
        raise
    if status is None:
        run.discard()
        return None
    return run


class _ToldNetwork(StreamNetwork):
    """A network whose orders and news the user is told; the orders are counted."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__(reader, writer)
        self.tally = ServerCounters()

    def order(self, order: Order) -> None:
        """Pass an order on."""
        super().order(order)
        self.tally.ordered(order)
        say_now(ordered(order))

    def on_news(self, listener: Callable[[News], None]) -> None:
        """Have all news told to a listener from now on."""

        def hear(news: News) -> None:
            say_now(became(news))
            listener(news)

        super().on_news(hear)


async def _serve_network(serving: Serving, folder: Path, listener: socket.socket) -> int | None:
    """Start the network, serve it, and have it end.

    The guest main program's exit status; None if it was told to stop before its network was up.
    """
    stop, is_up = asyncio.Event(), asyncio.Event()
    for signum in SIGNALS:
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    variant = Variant(folder=folder, name=serving.variant, seed=serving.seed)
    async with find_venue(serving.venue).serve(variant) as (program, ours):
        reader, writer = await asyncio.open_connection(sock=ours, limit=MOST_MESSAGE_BYTES)
        network = _ToldNetwork(reader, writer)
        network.on_message("ready", lambda _message: is_up.set())
        gone, hearing = asyncio.create_task(_ended(program)), asyncio.create_task(network.run())
        try:
            await _first(gone, hearing, is_up.wait(), stop.wait())
            if stop.is_set() and not is_up.is_set():
                return None
            if is_up.is_set():
                await _serve_api(serving, folder, network, listener, stop, gone, hearing)
        finally:
            writer.close()
        await _end(gone)
        # It has ended with the line; what it raised comes out here.
        await hearing
        return program.exit_status()


async def _serve_api(
    serving: Serving,
    folder: Path,
    network: "_ToldNetwork",
    listener: socket.socket,
    stop: asyncio.Event,
    *ends: "asyncio.Task[None]",
) -> None:
    """Serve the API until told to stop, or until one of the tasks that tell the network's end is done."""
    app = create_app(serving.settings, network)
    classes = LiveClasses(network)
    app.include_router(live_router(classes))
    monitor = LiveMonitor(VariantFollower(folder), classes)
    named = {"scenario": serving.scenario_file.name, "variant": serving.variant, "venue": serving.venue}
    add_views(
        app,
        monitor,
        network.tally,
        served={"title": serving.scenario_file.title, **named},
        build={"version": __version__, **named},
        freely=serving.secret is not None,
    )
    announcement = Announcement(
        scenario=serving.scenario_file.name,
        variant=serving.variant,
        host=listener.getsockname()[0],
        settings=serving.settings,
        secret=serving.secret,
    )

    def ready(port: int) -> None:
        for line in announcement.lines(port):
            say(line)

    closing = asyncio.Event()
    server = asyncio.create_task(serve_on(app, listener, ready=ready, stop=closing))
    following = asyncio.create_task(monitor.follow(closing))
    await _first(server, *ends, stop.wait(), following)
    # Whoever still waits for an answer of the network is told now, or the server would wait for them.
    classes.gone()
    closing.set()
    await server
    await following


async def _ended(program: GuestProgram) -> None:
    """Wait until the guest main program has ended."""
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(program.fileno(), over.set)
    try:
        await over.wait()
    finally:
        loop.remove_reader(program.fileno())


async def _first(*waits: Awaitable[object]) -> None:
    """Wait for the first of several; tasks among them go on, and may be waited for again."""
    tasks = [asyncio.ensure_future(each) for each in waits]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task, each in zip(tasks, waits, strict=True):
        if task is not each:
            task.cancel()


async def _end(gone: "asyncio.Task[None]") -> None:
    """Wait until the guest main program has come to its end.

    Raises:
        NotReadyError: It has not, in all that time.
    """
    say("ending   the network")
    try:
        await asyncio.wait_for(gone, END_S)
    except TimeoutError:
        raise NotReadyError(
            f"the network did not come to its end within {END_S:g} s; it was killed"
        ) from None
