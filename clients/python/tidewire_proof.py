"""How a program proves who it is: by a header, or where it cannot choose one, a subprotocol or a ticket."""

from __future__ import annotations

import inspect
import json
from typing import Awaitable, Callable, Optional, Union
from urllib.parse import urlencode

from tidewire_wire import Headers, request

Token = Union[str, Callable[[], Union[str, Awaitable[str]]]]
"""A token or an API key, or what gives a fresh one whenever one is needed."""

WAYS = ("header", "subprotocol", "ticket")


class Proof:
    """`by` is how a connection proves itself; plain requests always use the header. A subprotocol is for WebSockets."""

    def __init__(self, headers: Headers, token: Optional[Token], by: str):
        if by not in WAYS:
            raise ValueError(f"{by!r} is none of {', '.join(WAYS)}")
        self._headers, self._token, self._by = headers, token, by

    async def headers(self) -> Headers:
        """What goes with a plain request."""
        if self._token is None:
            return self._headers
        return {**self._headers, "Authorization": f"Bearer {await self.token()}"}

    @property
    def can_renew(self) -> bool:
        return callable(self._token)

    async def token(self) -> str:
        """The token; a fresh one where there is a function that gives them."""
        token = self._token() if callable(self._token) else self._token
        return await token if inspect.isawaitable(token) else token

    async def connection(self, base: str) -> tuple[Headers, Headers, str]:
        """What opens a connection: its headers, those of requests that belong to it, and what its address ends with."""
        headers = await self.headers()
        if self._token is None or self._by == "header":
            return headers, headers, ""
        if self._by == "subprotocol":
            token = headers["Authorization"].split(" ", 1)[1]
            return {**self._headers, "Sec-WebSocket-Protocol": f"tidewire, bearer.{token}"}, headers, ""
        return self._headers, headers, "?" + urlencode({"token": await ticket(base, headers)})


async def ticket(base: str, headers: Headers) -> str:
    """A ticket for whoever these headers prove: good for one connection, within a minute."""
    return json.loads(await request("POST", f"{base}/realtime/ticket", headers=headers))["ticket"]
