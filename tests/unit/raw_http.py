"""One end of an HTTP connection for tests that must say what no library would."""

import asyncio
import json
from typing import Any

PATIENCE_S = 60


class Client:
    """Sends whatever bytes it is given, and reads answers."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(cls, port: int, sent: bytes = b"", source: str = "127.0.0.1") -> "Client":
        """A connection to this machine, from one of its addresses."""
        client = cls(*await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0)))
        client.writer.write(sent)
        return client

    async def answer(self) -> tuple[int, dict[str, str], Any]:
        """Status, headers and body of the next answer."""
        head = (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), PATIENCE_S)).decode()
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return int(first.split()[1]), headers, json.loads(body or b"null")

    async def refusal(self) -> tuple[int, str, dict[str, str]]:
        """Status, code and headers of a refusal in the specification's form, after which nothing comes."""
        status, headers, said = await self.answer()
        assert headers["content-type"] == "application/json"
        assert said.keys() == {"status", "code", "message"}
        assert said["status"] == status
        assert len(said["message"]) > 10
        assert await asyncio.wait_for(self.reader.read(), PATIENCE_S) == b""
        return status, said["code"], headers

    async def is_closed(self) -> bool:
        """Waits until the server has ended it without a word."""
        try:
            return await asyncio.wait_for(self.reader.read(), PATIENCE_S) == b""
        except ConnectionResetError:
            return True

    def close(self) -> None:
        """End it."""
        self.writer.close()


async def drip(client: Client, drop: bytes, every_s: float) -> None:
    """A little now and then: never silent, never done."""
    while True:
        await asyncio.sleep(every_s)
        client.writer.write(drop)
