"""The two transports, the WebSocket (RFC 6455, the client's side) and the event stream: frames out, frames in, an end."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
from typing import AsyncIterator, Optional, Protocol, Sequence
from urllib.parse import urlencode

from tidewire_wire import Closed, Headers, Refused, Wire, read_body, refused, request, send_request

Frame = dict


class Transport(Protocol):
    """One connection to the server."""

    speaks_up: bool
    """Whether the server hears from a client that sends nothing, because it answers pings."""

    async def send(self, frame: Frame) -> None: ...

    async def receive(self) -> Frame:
        """The next frame; raises `Closed` at the end."""

    async def close(self) -> None: ...


def parse(text: str) -> Frame:
    """A frame; what is not a JSON object is a frame without a type, which everybody ignores."""
    try:
        frame = json.loads(text)
    except ValueError:
        return {}
    return frame if isinstance(frame, dict) else {}


class WebSocket:
    """Frames as text messages of a WebSocket. Pings are answered while somebody waits in `receive`."""

    speaks_up = True
    CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10

    def __init__(self, wire: Wire):
        self._wire, self._leaving = wire, False

    @classmethod
    async def open(cls, base: str, headers: Headers, address_end: str = "") -> WebSocket:
        """`base` is the server's address, `http://…`, `https://…`, `ws://…` or `wss://…`; `address_end` may be a ticket's."""
        wire = await Wire.open(base)
        try:
            key = base64.b64encode(os.urandom(16)).decode()
            status, told = await send_request(wire, "GET", base.rstrip("/") + "/realtime" + address_end, {
                "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key, **headers})
            if status != 101:
                raise await refused(wire, status, told)
            proof = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
            if told.get("sec-websocket-accept") != base64.b64encode(proof).decode():
                raise Closed(reason="not a WebSocket server")
            if "Sec-WebSocket-Protocol" in headers and told.get("sec-websocket-protocol") != "tidewire":
                raise Closed(reason="the server does not speak the subprotocol")
            return cls(wire)
        except BaseException:
            wire.close()
            raise

    async def send(self, frame: Frame) -> None:
        await self.send_raw(self.TEXT, json.dumps(frame, ensure_ascii=False).encode())

    async def send_raw(self, opcode: int, data: bytes) -> None:
        """One message in one masked frame."""
        size, mask = len(data), os.urandom(4)
        if size < 126:
            head = bytes([0x80 | opcode, 0x80 | size])
        elif size < 65536:
            head = bytes([0x80 | opcode, 0x80 | 126]) + size.to_bytes(2, "big")
        else:
            head = bytes([0x80 | opcode, 0x80 | 127]) + size.to_bytes(8, "big")
        pattern = (mask * (size // 4 + 1))[:size]
        masked = (int.from_bytes(data, "big") ^ int.from_bytes(pattern, "big")).to_bytes(size, "big")
        await self._wire.write(head + mask + masked)

    async def receive(self) -> Frame:
        message = bytearray()
        while True:
            first, second = await self._wire.exactly(2)
            size = second & 0x7F
            if size > 125:
                size = int.from_bytes(await self._wire.exactly(2 if size == 126 else 8), "big")
            data, opcode = await self._wire.exactly(size), first & 0x0F
            if opcode == self.PING:
                await self.send_raw(self.PONG, data)
            elif opcode == self.CLOSE:
                code = int.from_bytes(data[:2], "big") if len(data) >= 2 else None
                await self._say_goodbye(data[:2])
                raise Closed(code, data[2:].decode(errors="replace"))
            elif opcode in (self.CONTINUATION, self.TEXT, self.BINARY):
                message += data
                if first & 0x80:
                    return parse(message.decode(errors="replace"))

    async def close(self) -> None:
        await self._say_goodbye((1000).to_bytes(2, "big"))
        self._wire.close()

    async def _say_goodbye(self, code: bytes) -> None:
        if self._leaving:
            return
        self._leaving = True
        try:
            await self.send_raw(self.CLOSE, code)
        except Closed:
            pass


class EventStream:
    """Frames as server-sent events, and POST requests for the other direction."""

    speaks_up = False

    def __init__(self, wire: Wire, base: str, headers: Headers, told: Headers):
        self._wire, self._base, self.headers = wire, base, headers
        self._events, self._turn = self._read(told), asyncio.Lock()
        self.connection: Optional[str] = None
        self.last_event_id: Optional[str] = None
        """Up to here everything has been sent on every subscription."""

    @classmethod
    async def open(cls, base: str, headers: Headers, channels: Sequence[str] = (), since: Optional[str] = None,
                   last_event_id: Optional[str] = None, beside: Optional[Headers] = None, address_end: str = "") -> EventStream:
        """`channels` subscribe at once, from `since`; `last_event_id` is what a browser sends when it comes back by itself.

        `beside` are the headers of the frames that are posted, where they are others than `headers`.
        """
        asked = [("channel", channel) for channel in channels] + ([("since", since)] if since else [])
        url = f"{base}/realtime/sse" + address_end + (("&" if address_end else "?") + urlencode(asked) if asked else "")
        more = {"Accept": "text/event-stream", **({"Last-Event-ID": last_event_id} if last_event_id else {})}
        wire = await Wire.open(url)
        try:
            status, told = await send_request(wire, "GET", url, {**headers, **more})
            if status != 200:
                raise await refused(wire, status, told)
            stream = cls(wire, base, headers if beside is None else beside, told)
            opened = await stream.receive()
            if opened.get("type") != "open":
                raise Closed(reason="not an event stream of Tidewire")
            stream.connection = opened["connection"]
            return stream
        except BaseException:
            wire.close()
            raise

    async def send(self, frame: Frame) -> None:
        url = f"{self._base}/realtime/sse?" + urlencode({"connection": self.connection})
        try:
            async with self._turn:  # requests that overtake each other would change their order
                await request("POST", url, frame, self.headers)
        except Refused as error:
            if error.status != 404:
                raise
            self._wire.close()
            raise Closed(reason="the server no longer knows this stream") from error
        except OSError as error:
            raise Closed(reason=str(error)) from error

    async def receive(self) -> Frame:
        try:
            return await self._events.__anext__()
        except StopAsyncIteration:
            raise Closed(reason="end of stream") from None

    async def close(self) -> None:
        self._wire.close()

    async def _read(self, told: Headers) -> AsyncIterator[Frame]:
        pending, data, at = b"", [], None
        async for piece in read_body(self._wire, told):
            *lines, pending = (pending + piece).split(b"\n")
            for line in (line.rstrip(b"\r").decode(errors="replace") for line in lines):
                name, _, value = line.partition(":")
                value = value[1:] if value.startswith(" ") else value
                if name == "data":
                    data.append(value)
                elif name == "id":
                    at = value
                elif not line:
                    self.last_event_id = at or self.last_event_id
                    text, data, at = "\n".join(data), [], None
                    if text:
                        yield parse(text)
