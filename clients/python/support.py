"""What the tests share: clients and raw connections to a server, a way to cut them, and rows that another program writes."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import time
import unittest
import uuid
from typing import Any, Callable, Optional
from urllib.parse import urlsplit

import tidewire as t
from tidewire_transport import EventStream, WebSocket

URL = os.environ.get("TIDEWIRE_URL", "")
DATABASE = os.environ.get("TIDEWIRE_DATABASE", "")
PATIENCE = 20.0


def write(*statements: tuple) -> list[int]:
    """Runs each statement in a transaction of its own; the ids of the rows they inserted."""
    database = sqlite3.connect(DATABASE, isolation_level=None, timeout=PATIENCE)
    try:
        return [database.execute(*statement).lastrowid or 0 for statement in statements]
    finally:
        database.close()


def insert(name: str, price: float = 1.0) -> tuple:
    return "INSERT INTO products (name, price) VALUES (?, ?)", (name, price)


async def until(holds: Callable[[], Any], what: str = "what the test waits for") -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come about in {PATIENCE:.0f} seconds")
        await asyncio.sleep(0.02)


class Proxy:
    """A way to the server that can be cut."""

    def __init__(self) -> None:
        self.up, self._pipes = True, set()

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.url = "http://127.0.0.1:%d" % self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.cut()
        self._server.close()

    def cut(self) -> None:
        """Ends all connections; new ones fail until `up` is set."""
        self.up = False
        for writer in list(self._pipes):
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.up:
            return writer.transport.abort()
        to = urlsplit(URL)
        there, onward = await asyncio.open_connection(to.hostname, to.port)
        self._pipes |= {writer, onward}
        if not self.up:
            self.cut()

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            try:
                while some := await source.read(65536):
                    sink.write(some)
                    await sink.drain()
            except (OSError, asyncio.CancelledError):
                pass
            sink.close()
        await asyncio.gather(pump(reader, onward), pump(there, writer))
        self._pipes -= {writer, onward}


class Raw:
    """A transport whose frames are all kept, for what the client hides."""

    def __init__(self, transport: Any) -> None:
        self.transport, self.frames, self.closed = transport, [], None
        self._task = asyncio.create_task(self._pump())

    async def _pump(self) -> None:
        try:
            while True:
                self.frames.append(await self.transport.receive())
        except t.Closed as closed:
            self.closed = closed

    async def send(self, frame: dict) -> None:
        await self.transport.send(frame)

    async def frame(self, **like: object) -> dict:
        """The first frame with these fields; it is taken out."""
        def found() -> Optional[dict]:
            return next((frame for frame in self.frames if all(frame.get(k) == v for k, v in like.items())), None)
        await until(found, f"a frame with {like} (there were {self.frames})")
        frame = found()
        self.frames.remove(frame)
        return frame

    async def close(self) -> None:
        await self.transport.close()
        self._task.cancel()


class ServerTest(unittest.IsolatedAsyncioTestCase):
    """What the tests share: clients and raw connections that end with the test."""

    def setUp(self) -> None:
        if not URL or not DATABASE:
            self.fail("set TIDEWIRE_URL to the server's address and TIDEWIRE_DATABASE to its SQLite file")
        self.mark = uuid.uuid4().hex[:8]
        self.room = f"room:{self.mark}"
        self.events: list[t.Event] = []
        self.refusals: list[t.Refused] = []

    async def client(self, url: str = URL, **more: Any) -> t.Client:
        client = t.Client(url, on_error=self.refusals.append, **more)
        await client.connect()
        self.addAsyncCleanup(client.close)
        return client

    async def raw(self) -> Raw:
        raw = Raw(await WebSocket.open(URL, {}))
        self.addAsyncCleanup(raw.close)
        return raw

    async def stream(self, *channels: str, **more: Any) -> Raw:
        raw = Raw(await EventStream.open(URL, {}, channels, **more))
        self.addAsyncCleanup(raw.close)
        return raw

    def take(self, event: t.Event) -> None:
        """Keeps messages, and the changes of this test: one that was committed just before a subscribe may still come."""
        if event.position is None or self.mark in json.dumps(event.payload):
            self.events.append(event)

    def names(self) -> list[str]:
        return [(event.payload.get("record") or event.payload["old_record"])["name"] for event in self.events]
