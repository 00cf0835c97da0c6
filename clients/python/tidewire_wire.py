"""What both transports stand on: a byte stream that notices silence, HTTP/1.1 requests, and the errors by name."""

from __future__ import annotations

import asyncio
import json
import ssl
from typing import AsyncIterator, Optional
from urllib.parse import urlsplit

SILENCE = 70.0
"""Seconds without a byte from the server after which a connection counts as dead."""

Headers = dict[str, str]


class Refused(Exception):
    """The server refused a request; `code` is for programs, the text for people."""

    code = "internal"

    def __init__(self, message: str, *, code: Optional[str] = None, channel: Optional[str] = None,
                 ref: Optional[int] = None, retry_after: Optional[float] = None, status: Optional[int] = None):
        super().__init__(message)
        self.code = code or self.code
        self.channel = channel
        self.ref = ref
        self.retry_after = retry_after
        """Seconds after which it makes sense to ask again."""
        self.status = status
        """The HTTP status, where it was an HTTP request."""

    def __str__(self) -> str:
        return f"{self.code}: {super().__str__()}"


class MalformedMessage(Refused): code = "malformed_message"
class UnknownType(Refused): code = "unknown_type"
class MessageTooLarge(Refused): code = "message_too_large"
class InvalidChannelName(Refused): code = "invalid_channel_name"
class UnknownChannel(Refused): code = "unknown_channel"
class InvalidPosition(Refused): code = "invalid_position"
class TooManySubscriptions(Refused): code = "too_many_subscriptions"
class PermissionDenied(Refused): code = "permission_denied"
class AuthenticationRequired(Refused): code = "authentication_required"
class RateLimited(Refused): code = "rate_limited"
class InvalidPayload(Refused): code = "invalid_payload"
class RealtimeDisabled(Refused): code = "realtime_disabled"
class NotSubscribed(Refused): code = "not_subscribed"
class Internal(Refused): code = "internal"


_BY_CODE = {kind.code: kind for kind in Refused.__subclasses__()}


def refusal(code: Optional[str], message: str, **more) -> Refused:
    """The exception of a code; a code that this client does not know is an `Internal` that keeps its name."""
    return _BY_CODE.get(code or "", Internal)(message, code=code, **more)


class Closed(Exception):
    """The connection ended. `code` is the WebSocket's close code, or None where there was none."""

    def __init__(self, code: Optional[int] = None, reason: str = ""):
        super().__init__(f"closed ({code})" if code else "connection lost", reason)
        self.code = code

    @property
    def for_good(self) -> bool:
        """Whether the server asked this client not to come back."""
        return self.code is not None and 4500 <= self.code <= 4999


class Wire:
    """A TCP or TLS connection that raises `Closed` at its end, and when nothing has come for `SILENCE` seconds."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self._reader, self._writer, self._buffer = reader, writer, bytearray()

    @classmethod
    async def open(cls, url: str) -> Wire:
        to = urlsplit(url)
        secure = to.scheme in ("https", "wss")
        reader, writer = await asyncio.open_connection(
            to.hostname, to.port or (443 if secure else 80), ssl=ssl.create_default_context() if secure else None)
        return cls(reader, writer)

    async def more(self) -> bytes:
        """Whatever is there, at least one byte."""
        if not self._buffer:
            await self._fill()
        return self._take(len(self._buffer))

    async def exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            await self._fill()
        return self._take(size)

    async def until(self, mark: bytes) -> bytes:
        """What comes before `mark`, which is taken away."""
        while (at := self._buffer.find(mark)) < 0:
            await self._fill()
        return self._take(at + len(mark))[:at]

    async def _fill(self) -> None:
        silence = asyncio.get_running_loop().call_later(SILENCE, self._writer.transport.abort)
        try:
            some = await self._reader.read(65536)
        except OSError as error:
            raise Closed(reason=str(error)) from error
        finally:
            silence.cancel()
        if not some:
            raise Closed(reason="end of stream")
        self._buffer += some

    def _take(self, size: int) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    async def write(self, data: bytes) -> None:
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            raise Closed(reason=str(error)) from error

    def close(self) -> None:
        self._writer.close()


async def send_request(wire: Wire, method: str, url: str, headers: Headers, body: bytes = b"") -> tuple[int, Headers]:
    """Writes one request and reads the head of its answer: the status and the headers, their names in small letters."""
    to = urlsplit(url)
    target = (to.path or "/") + ("?" + to.query if to.query else "")
    length = {"Content-Length": str(len(body))} if body or method == "POST" else {}
    lines = [f"{method} {target} HTTP/1.1"] + [f"{k}: {v}" for k, v in {"Host": to.netloc, **headers, **length}.items()]
    await wire.write("\r\n".join(lines + ["", ""]).encode() + body)
    status, *fields = (await wire.until(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    pairs = (field.split(":", 1) for field in fields)
    return int(status.split(" ", 2)[1]), {name.strip().lower(): value.strip() for name, value in pairs}


async def read_body(wire: Wire, headers: Headers) -> AsyncIterator[bytes]:
    """The pieces of an answer's body, as they arrive."""
    if "chunked" in headers.get("transfer-encoding", ""):
        while size := int((await wire.until(b"\r\n")).split(b";")[0], 16):
            yield await wire.exactly(size)
            await wire.exactly(2)
    elif "content-length" in headers:
        if size := int(headers["content-length"]):
            yield await wire.exactly(size)
    else:
        while True:
            try:
                yield await wire.more()
            except Closed:
                return


async def refused(wire: Wire, status: int, headers: Headers) -> Refused:
    """The exception of an HTTP answer that is not the one hoped for."""
    body = b"".join([piece async for piece in read_body(wire, headers)])
    try:
        told = json.loads(body)
        code, message = told.get("code"), str(told.get("message", ""))
    except (ValueError, AttributeError):
        code, message = None, body.decode(errors="replace")[:200]
    wait = headers.get("retry-after", "")
    return refusal(code, message or f"HTTP status {status}", status=status, retry_after=float(wait) if wait.isdigit() else None)


async def request(method: str, url: str, body: object = None, headers: Optional[Headers] = None) -> bytes:
    """One HTTP request with an answer of status 2xx, or `Refused`; `body` is sent as JSON."""
    wire = await Wire.open(url)
    try:
        sent = b"" if body is None else json.dumps(body).encode()
        kind = {} if body is None else {"Content-Type": "application/json"}
        status, told = await send_request(wire, method, url, {"Connection": "close", **kind, **(headers or {})}, sent)
        if not 200 <= status < 300:
            raise await refused(wire, status, told)
        return b"".join([piece async for piece in read_body(wire, told)])
    finally:
        wire.close()
