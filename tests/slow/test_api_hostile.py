"""A hostile client against `testbed serve`, on loopback: nothing breaks it, and others are served meanwhile.

The network is the fake one. Every test says how often it did what; with `-s` the counts are printed.
"""

import asyncio
import json
import random
import resource
import signal
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from raw_http import Client, drip
from serve_process import Server, serving
from test_cli_serve import RUNNER

from testbed.api.server_settings import SCOPES

SESSIONS = "/quality-on-demand/v1/sessions"
PROFILES = "/qos-profiles/v1/retrieve-qos-profiles"
TOKENS = [f"racer-{number}-{'t' * 40}" for number in range(16)]
HONEST, SINK_HANGER = "h" * 40, "s" * 40
BODY = {
    "device": {"phoneNumber": "+999001001"},
    "applicationServer": {"ipv4Address": "10.2.0.1"},
    "qosProfile": "rate-100m",
    "duration": 600,
}
BYSTANDER = "127.0.0.99"
"""An address that nobody attacks from."""
TRIES = 10
"""How often an honest client comes back after `Retry-After`, which is 1 s."""
SOON_S = 30.0
"""An honest client waits no longer, whatever the machine does besides."""


class Target:
    """A server and its port, and clients of it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.port = int(server.base.rpartition(":")[2])

    def head(self, method: str, path: str, length: int | None = None, token: str = HONEST) -> bytes:
        more = "" if length is None else f"Content-Type: application/json\r\nContent-Length: {length}\r\n"
        return (
            f"{method} {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n"
            f"x-correlator: hostile\r\n{more}\r\n"
        ).encode()

    async def call(
        self, method: str, path: str, body: Any = None, token: str = HONEST, source: str = "127.0.0.1"
    ) -> tuple[int, Any]:
        """One request on a connection of its own."""
        content = b"" if body is None else json.dumps(body).encode()
        length = None if body is None else len(content)
        client = await Client.to(self.port, self.head(method, path, length, token) + content, source)
        try:
            status, _headers, answer = await asyncio.wait_for(client.answer(), SOON_S)
        finally:
            client.close()
        return status, answer

    async def is_well(self, times: int = 5, source: str = "127.0.0.1") -> float:
        """The longest that an honest request took."""
        longest_s = 0.0
        for _ in range(times):
            began_s = time.monotonic()
            status, _ = await self.call("POST", PROFILES, {}, source=source)
            assert status == 200
            longest_s = max(longest_s, time.monotonic() - began_s)
        return longest_s

    async def serves_again(self) -> None:
        """An honest request of the attacking address is served, at the latest when it comes back as asked."""
        for _ in range(TRIES):
            status, said = await self.call("POST", PROFILES, {})
            if status == 200:
                return
            assert (status, said["code"]) == (503, "UNAVAILABLE")
            await asyncio.sleep(1)
        raise AssertionError(f"still refused after {TRIES} tries")


@contextmanager
def served(folder: Path, *options: str) -> Iterator[Target]:
    folder.mkdir(exist_ok=True)
    tokens = folder / "tokens.yaml"
    scopes = json.dumps(list(SCOPES))
    entries = [f"- {{name: honest, token: {HONEST}, scopes: {scopes}}}"]
    entries += [
        f"- {{name: racer{number}, client: racer, token: {token}, scopes: {scopes}}}"
        for number, token in enumerate(TOKENS)
    ]
    tokens.write_text("\n".join(entries))
    variables = {"XDG_STATE_HOME": str(folder / "state")}
    arguments = ("cloud_gaming", "--venue", "host", "--tokens", str(tokens), *options)
    with serving(folder, *arguments, code=RUNNER, **variables) as server:
        server.up()
        yield Target(server)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """One server for all attacks; after all of them it must end in order."""
    with served(tmp_path_factory.mktemp("hostile"), "--allow-sink", "127.0.0.0/8") as target:
        yield target
        assert target.server.end() == 0, target.server.said
        assert "Traceback" not in target.server.said


def attacked(target: Target, attack: Callable[[], Awaitable[Counter[str]]]) -> None:
    """Attack, see that the server is well afterwards, and print what was done.

    Another address is served at once. The attacking address may be asked to come back while the server
    has yet to see that its connections are gone.
    """

    async def main() -> Counter[str]:
        counts = await attack()
        await target.is_well(source=BYSTANDER)
        await target.serves_again()
        return counts

    counts = asyncio.run(main())
    print(f"\n  {', '.join(f'{count} {what}' for what, count in sorted(counts.items()))}; 0 failures")


async def all_of(many: list[Awaitable[Any]], at_once: int = 100) -> list[Any]:
    """Everything, so many at a time."""
    places = asyncio.Semaphore(at_once)

    async def one(each: Awaitable[Any]) -> Any:
        async with places:
            return await each

    return await asyncio.gather(*map(one, many))


def test_idle_connections_of_one_address_and_of_many_keep_nobody_out(target: Target) -> None:
    async def attack() -> Counter[str]:
        counts: Counter[str] = Counter()
        for sources in (["127.0.0.1"], [f"127.0.0.{number}" for number in range(2, 8)]):
            idle = [await Client.to(target.port, source=sources[n % len(sources)]) for n in range(700)]
            await asyncio.sleep(1.2)
            for source in ("127.0.0.1", "127.0.0.9"):
                await target.is_well(25, source)
                counts["honest requests beside them"] += 25
            counts["idle connections"] += len(idle)
            for client in idle:
                client.close()
        return counts

    attacked(target, attack)


def test_slow_heads_and_slow_bodies_are_ended_and_not_acted_on(target: Target) -> None:
    content = json.dumps(BODY).encode()
    head = target.head("POST", SESSIONS, len(content))
    chunked = head.replace(f"Content-Length: {len(content)}".encode(), b"Transfer-Encoding: chunked")

    async def slow(sent: bytes, drop: bytes) -> int:
        client = await Client.to(target.port, sent)
        dripping = asyncio.create_task(drip(client, drop, 0.5))
        status, code, headers = await client.refusal()
        dripping.cancel()
        client.close()
        assert (code, headers["x-correlator"]) == ("TIMEOUT", "hostile")
        return status

    async def attack() -> Counter[str]:
        kinds = {
            "heads": (head[:-2], b"x: y\r\n"),
            "bodies": (head + content[:-200], b" "),
            "chunks": (chunked, b"1\r\n \r\n"),
        }
        slow_ones = {
            f"slow {kind}": asyncio.gather(*(slow(*how) for _ in range(60))) for kind, how in kinds.items()
        }
        await asyncio.sleep(2)
        counts = Counter({"honest requests beside them": 50})
        await target.is_well(50)
        for kind, ended in slow_ones.items():
            assert set(await ended) == {408}
            counts[kind] += 60
        status, found = await target.call(
            "POST", "/quality-on-demand/v1/retrieve-sessions", {"device": BODY["device"]}
        )
        assert (status, found) == (200, [])
        return counts

    attacked(target, attack)


def nonsense(target: Target, seed: random.Random) -> list[bytes]:
    """Requests that are none, or almost."""
    good = target.head("POST", SESSIONS, 2) + b"{}"
    chunked = good.replace(b"Content-Length: 2", b"Transfer-Encoding: chunked")[:-2]
    made = [
        chunked + size
        for size in (b"zz\r\n", b"-1\r\n", b"ffffffffffffffffffff\r\n", b"2\r\n{}", b"\r\n\r\n")
    ]
    made += [good.replace(b"HTTP/1.1", version) for version in (b"HTTP/9.9", b"HTTP/2.0", b"ICY", b"")]
    made += [
        good.replace(b"Host: a\r\n", b"Host: a\r\nx: " + b"y" * size + b"\r\n")
        for size in (20_000, 1_000_000)
    ]
    made += [
        good.replace(b"Content-Length: 2", b"Content-Length: " + size)
        for size in (b"-2", b"x", b"9" * 30, b"2, 3")
    ]
    made += [seed.randbytes(seed.randrange(1, 400)) + b"\r\n\r\n" for _ in range(150)]
    for _ in range(150):
        damaged = bytearray(good)
        for _ in range(seed.randrange(1, 6)):
            damaged[seed.randrange(len(damaged))] = seed.randrange(256)
        made.append(bytes(damaged))
    return made


def test_nonsense_is_refused_in_the_specification_s_form_or_cut_off(target: Target) -> None:
    async def one(number: int, sent: bytes) -> str:
        # From several addresses: each has a limit of connections, and some are still being closed.
        client = await Client.to(target.port, sent, f"127.0.0.{10 + number % 4}")
        with suppress(OSError):
            client.writer.write_eof()
        try:
            status, headers, said = await client.answer()
        except (asyncio.IncompleteReadError, OSError):
            return "cut off"
        finally:
            client.close()
        assert status < 500 or status == 501, said
        assert status < 300 or (said["status"] == status and said["code"] and said["message"]), said
        assert status < 300 or headers["content-type"] == "application/json"
        return "nonsense refused" if status >= 400 else "taken for good"

    async def attack() -> Counter[str]:
        return Counter(await all_of([one(*each) for each in enumerate(nonsense(target, random.Random(12)))]))

    attacked(target, attack)


def test_pipelined_requests_and_churn_of_connections(target: Target) -> None:
    async def pipeline(token: str) -> int:
        client = await Client.to(target.port, target.head("GET", "/nowhere", token=token) * 100)
        statuses = [(await client.answer())[0] for _ in range(100)]
        client.close()
        assert set(statuses) == {404}
        return len(statuses)

    async def churn(number: int) -> None:
        sent = target.head("POST", SESSIONS, 500)
        client = await Client.to(target.port, sent[: number % len(sent)])
        if number % 3:
            # Closed with a reset.
            client.writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0"
            )
        client.close()

    async def attack() -> Counter[str]:
        counts = Counter({"pipelined": sum(await all_of([pipeline(token) for token in TOKENS]))})
        await all_of([churn(number) for number in range(2_000)])
        counts["connections broken off"] = 2_000
        return counts

    attacked(target, attack)


def test_of_creations_that_race_for_one_flow_exactly_one_wins(target: Target) -> None:
    async def attack() -> Counter[str]:
        counts: Counter[str] = Counter()
        for turn in range(5):
            calls = [target.call("POST", SESSIONS, BODY, TOKENS[n % len(TOKENS)]) for n in range(140)]
            answers = await all_of(calls, 140)
            won = [said["sessionId"] for status, said in answers if status == 201]
            assert Counter(status for status, _ in answers) == {201: 1, 409: 139}, turn
            counts["racing creations"] += len(answers)
            ends = [target.call("DELETE", f"{SESSIONS}/{won[0]}", None, TOKENS[n]) for n in range(8)]
            gone = Counter(status for status, _ in await all_of(ends))
            assert gone == {204: 1, 404: 7}
            counts["racing deletions"] += 8
        return counts

    attacked(target, attack)


def test_sinks_that_never_answer_hold_up_nobody(target: Target) -> None:
    async def attack() -> Counter[str]:
        hanging = await asyncio.start_server(lambda _reader, _writer: asyncio.sleep(3600), "127.0.0.1", 0)
        port = hanging.sockets[0].getsockname()[1]
        made = []
        for number in range(40):
            body = {
                **BODY,
                "applicationServerPorts": {"ports": [number]},
                "sink": f"https://127.0.0.1:{port}/",
            }
            status, said = await target.call("POST", SESSIONS, body)
            assert status == 201, said
            made.append(said["sessionId"])
        await target.is_well(20)
        for session in made:
            assert (await target.call("DELETE", f"{SESSIONS}/{session}"))[0] == 204
        hanging.close()
        return Counter({"sessions with a sink that hangs": len(made), "honest requests beside them": 20})

    attacked(target, attack)


class Acknowledged:
    """What a server has answered, so that it must be so after whatever happens."""

    def __init__(self) -> None:
        self.there: set[str] = set()
        self.gone: set[str] = set()
        self.counts: Counter[str] = Counter()

    async def create(self, target: Target, number: int) -> int:
        body = {**BODY, "applicationServerPorts": {"ports": [number]}}
        status, said = await target.call("POST", SESSIONS, body, TOKENS[number % len(TOKENS)])
        if status == 201:
            self.there.add(said["sessionId"])
        self.counts[f"creations answered with {status}"] += 1
        return status

    async def delete(self, target: Target, session: str) -> int:
        status, _ = await target.call("DELETE", f"{SESSIONS}/{session}", None, TOKENS[0])
        if status == 204:
            self.there.discard(session)
            self.gone.add(session)
        self.counts[f"deletions answered with {status}"] += 1
        return status

    async def holds(self, target: Target) -> None:
        for expected, sessions in ((200, self.there), (404, self.gone)):
            calls = [
                target.call("GET", f"{SESSIONS}/{each}", None, TOKENS[n % 16])
                for n, each in enumerate(sessions)
            ]
            answers = await all_of(calls)
            assert all(status == expected for status, _ in answers), answers
            self.counts[f"of them found with {expected}"] += len(answers)


def test_a_full_disk_and_kills_in_between_lose_nothing_that_was_answered(tmp_path: Path) -> None:
    state, told = tmp_path / "sessions.db", Acknowledged()

    async def until_full(target: Target, turn: int) -> None:
        """Some sessions; then none can be written; then some can again."""
        pid = target.server.process.pid
        assert set(await all_of([told.create(target, 1000 * turn + n) for n in range(40)])) == {201}
        limits = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, limits[1]))
        assert set(await all_of([told.create(target, 1000 * turn + 100 + n) for n in range(40)])) == {503}
        assert {await told.delete(target, each) for each in sorted(told.there)[:5]} == {503}
        await told.holds(target)
        await target.is_well()
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)
        assert set(await all_of([told.create(target, 1000 * turn + 200 + n) for n in range(20)])) == {201}
        assert {await told.delete(target, each) for each in sorted(told.there)[:5]} == {204}

    async def killed_amid(target: Target, turn: int) -> None:
        """Killed while creations are under way: what was answered by then must be there."""
        racing = [asyncio.create_task(told.create(target, 1000 * turn + 300 + n)) for n in range(60)]
        await asyncio.wait(racing[:20])
        target.server.process.send_signal(signal.SIGKILL)
        for answer in await asyncio.gather(*racing, return_exceptions=True):
            assert answer == 201 or isinstance(answer, OSError | asyncio.IncompleteReadError), answer
            told.counts["cut off by the kill"] += answer != 201

    for turn in range(3):
        with served(tmp_path / str(turn), "--state", str(state)) as target:
            asyncio.run(told.holds(target))
            asyncio.run(until_full(target, turn))
            asyncio.run(killed_amid(target, turn))
    with served(tmp_path / "last", "--state", str(state)) as target:
        asyncio.run(told.holds(target))
        assert target.server.end() == 0
        assert "Traceback" not in target.server.said
    print(f"\n  {', '.join(f'{count} {what}' for what, count in sorted(told.counts.items()))}; 0 failures")
