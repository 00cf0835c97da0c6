"""A client for Tidewire servers, for Python 3.9 or newer, without anything but the standard library.

    async with Client("http://127.0.0.1:3000") as client:
        rows = await load()                                    # {"position": …, "rows": …}
        await client.subscribe("resource:product", print, since=rows["position"], reload=load_again)
        await client.broadcast("room:general", {"text": "hello"})

It comes back after a cut, takes up every subscription where it stood, and calls `reload` where the server can not replay.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import logging
import math
import random
import time
from collections import deque
from typing import Any, Callable, Coroutine, Optional
from urllib.parse import quote

from tidewire_proof import Proof, Token
from tidewire_subscription import Event, OnEvent, Presence, Reload, Resync, Subscription, User, Wish, back_off, refusal_of
from tidewire_transport import EventStream, Frame, Transport, WebSocket
from tidewire_wire import (  # noqa: F401 (the errors by name are this module's, too)
    AuthenticationRequired, Closed, Headers, Internal, InvalidChannelName, InvalidPayload, InvalidPosition, MalformedMessage,
    MessageTooLarge, NotSubscribed, PermissionDenied, RateLimited, RealtimeDisabled, Refused, TooManySubscriptions,
    UnknownChannel, UnknownType, request)

__all__ = ["Client", "Closed", "Event", "Presence", "Refused", "Resync", "Subscription", "User", "query_channel"]

log = logging.getLogger("tidewire")

ACCESS = 4004
"""The close code after which the server wants to know anew who this is."""


def query_channel(name: str, parameters: Optional[dict] = None) -> str:
    """The channel of a live query, from its name and its parameters."""
    text = json.dumps(parameters or {}, separators=(",", ":"), ensure_ascii=False)
    return f"query:{name}:p" + base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


class Client:
    """One connection to a server, made again when it ends.

    `base` is the server's address. With `event_stream`, server-sent events take the WebSocket's place. `headers` go with
    every request, such as a cookie. `token` is a token or an API key, or a function that gives a fresh one; `prove_by` says
    how a connection brings it: "header", "subprotocol" or "ticket", as pages in a browser do. `contract` names the types the program was built with. `on_error` is told of refusals
    that nobody waits for, `on_contract` of each `welcome`'s `contract`, `on_closed` when the server asked not to come back.
    A function is asked before each connect and, where a token expires, before that.
    """

    def __init__(self, base: str, *, event_stream: bool = False, headers: Optional[Headers] = None,
                 token: Optional[Token] = None, prove_by: str = "header", contract: Optional[str] = None,
                 on_error: Optional[Callable[[Refused], None]] = None, on_contract: Optional[Callable[[str], None]] = None,
                 on_closed: Optional[Callable[[Closed], None]] = None):
        self.base = base.rstrip("/")
        self.limits: dict[str, int] = {}
        """As the newest `welcome` told them."""
        self.connections = 0
        """How many connections there have been."""
        self.view: Optional[str] = None
        """What this client may see, as the server names it; what it keeps was seen by this."""
        self._renewal, self._sent_away = None, -math.inf
        self._event_stream, self._contract = event_stream, contract
        self._proof = Proof(dict(headers or {}), token, prove_by)
        self._on_error, self._on_contract, self._on_closed = on_error, on_contract, on_closed
        self._transport: Optional[Transport] = None
        self._subscriptions: dict[str, Subscription] = {}
        self._refs = itertools.count(1)
        self._waiting: dict[int, asyncio.Future] = {}
        self._welcomes: deque[asyncio.Future] = deque()
        self._heartbeats: deque[asyncio.Future] = deque()
        self._tasks: set[asyncio.Task] = set()
        self._failures, self._drained_until = 0, 0.0

    # The connection

    async def __aenter__(self) -> Client:
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def connected(self) -> bool:
        return self._transport is not None

    async def connect(self) -> None:
        """Connects, and from then on keeps connected; raises if the first attempt fails."""
        transport = await self._open()
        self.spawn(self._run(transport))
        await asyncio.sleep(0)

    async def close(self) -> None:
        """Ends the connection for good."""
        tasks, transport = list(self._tasks), self._transport
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._lose(Closed(reason="closed by this program"))
        if transport:
            await transport.close()

    async def _open(self) -> Transport:
        headers, beside, address_end = await self._proof.connection(self.base)
        if self._event_stream:
            return await EventStream.open(self.base, headers, beside=beside, address_end=address_end)
        return await WebSocket.open(self.base, headers, address_end)

    async def _run(self, transport: Optional[Transport]) -> None:
        while True:
            wait, quick = None, False
            try:
                await self._serve(transport or await self._open())
            except Closed as closed:
                log.info("the connection ended: %s", closed)
                self._lose(closed)
                if closed.for_good:
                    return self._on_closed(closed) if self._on_closed else None
                if closed.code == ACCESS:  # the server waits for it, unless this goes on and on
                    last, self._sent_away = self._sent_away, time.monotonic()
                    quick = self._sent_away - last > 5.0
                    self._failures = 0 if quick else max(self._failures, 1)
            except Refused as error:
                log.info("the connection was refused: %s", error)
                wait = error.retry_after
            except OSError as error:
                log.info("no connection: %s", error)
            transport = None
            drain = self._drained_until - time.monotonic()
            self._drained_until = 0.0
            pause = random.uniform(0, 0.2) if quick else back_off(self._failures)
            await asyncio.sleep(drain if drain > 0 else (wait or 0) + pause)
            self._failures += 1

    async def _serve(self, transport: Transport) -> None:
        """One connection's life; it ends with `Closed`."""
        self._transport = transport
        self.connections += 1
        works = [self.hello(), self._ask_again()] + ([] if transport.speaks_up else [self._speak_up()])
        beside = [self.spawn(work) for work in works]
        try:
            while True:
                frame = await transport.receive()
                try:
                    self._receive(frame)
                except Exception:
                    log.exception("a frame could not be handled: %.200s", frame)
        finally:
            for task in beside:
                task.cancel()
            await transport.close()

    async def _ask_again(self) -> None:
        for subscription in list(self._subscriptions.values()):
            if not subscription.asked:
                await subscription.ask()

    async def _speak_up(self) -> None:
        while True:  # nobody hears a pong of an event stream
            await asyncio.sleep(self.limits.get("heartbeat_ms", 30_000) / 1000)
            await self.send({"type": "heartbeat"})

    def _lose(self, closed: Closed) -> None:
        self._transport = None
        self._renew_after(None)
        for subscription in self._subscriptions.values():
            subscription.disconnected()
        for future in (*self._waiting.values(), *self._welcomes, *self._heartbeats):
            if not future.done():
                future.set_exception(closed)
        self._waiting.clear(), self._welcomes.clear(), self._heartbeats.clear()

    def spawn(self, work: Coroutine) -> asyncio.Task:
        """Runs something beside; a connection that ends meanwhile is no failure of it."""
        async def run() -> None:
            try:
                await work
            except Closed:
                pass
            except Refused as error:
                self._report(error)
        task = asyncio.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: work.close())
        return task

    # Frames

    def new_ref(self) -> int:
        return next(self._refs)

    async def send(self, frame: Frame) -> None:
        """Sends a frame as it is; raises `Closed` while there is no connection."""
        if self._transport is None:
            raise Closed(reason="not connected")
        limit = self.limits.get("max_message_bytes")
        if limit and len(json.dumps(frame, ensure_ascii=False).encode()) > limit:  # the server's refusal could not say which
            raise MessageTooLarge(f"a message may have {limit} bytes", channel=frame.get("channel"))
        await self._transport.send(frame)

    def _receive(self, frame: Frame) -> None:
        kind, ref, subscription = frame.get("type"), frame.get("ref"), self._subscriptions.get(frame.get("channel", ""))
        if kind == "welcome":
            self._failures, self.limits = 0, frame.get("limits", {})
            self._sees(frame)
            if self._on_contract:
                self._on_contract(frame["contract"])
            self._answer(self._welcomes, frame)
        elif kind == "heartbeat":
            if position := frame.get("position"):
                for each in self._subscriptions.values():
                    each.receive_heartbeat(position)
            self._answer(self._heartbeats, frame.get("position"))
        elif kind == "drain":
            self._drained_until = time.monotonic() + random.uniform(0, frame["within_ms"] / 1000)
        elif ref is not None and (future := self._waiting.pop(ref, None)):
            if not future.done():
                future.set_exception(refusal_of(frame)) if kind == "error" else future.set_result(frame)
        elif subscription:
            subscription.receive(frame)
            if kind == "error" and self._subscriptions.get(subscription.channel) is subscription:
                self._report(refusal_of(frame))
        elif kind == "error":
            self._report(refusal_of(frame))

    def _sees(self, told: Frame) -> None:
        """Learns what this client may see, and for how long. If it is another view, nothing that was seen counts."""
        before, self.view = self.view, told.get("view", self.view)
        if before not in (None, self.view):
            for subscription in list(self._subscriptions.values()):
                subscription.start_over()
        self._renew_after(told.get("expires_in_ms"))

    def _renew_after(self, expires_in_ms: Optional[int]) -> None:
        if self._renewal:
            self._renewal.cancel()
        self._renewal = None
        if expires_in_ms is not None and self._proof.can_renew:
            self._renewal = asyncio.get_running_loop().call_later(max(1.0, expires_in_ms * 0.8 / 1000), self._renew)

    def _renew(self) -> None:
        async def renew() -> None:
            await self.auth(await self._proof.token())
        self.spawn(renew())

    @staticmethod
    def _answer(waiting: deque[asyncio.Future], told: object) -> None:
        if waiting and not (future := waiting.popleft()).done():
            future.set_result(told)

    def _report(self, error: Refused) -> None:
        if self._on_error:
            self._on_error(error)
        else:
            log.error("refused: %s", error)

    # Requests

    async def hello(self, contract: Optional[str] = None) -> Frame:
        """Says which types this program knows; the `welcome`. One hello goes with every connection anyway."""
        self._contract = contract or self._contract
        return await self._ask_in_order(self._welcomes, {"type": "hello", **({"contract": self._contract} if self._contract else {})})

    async def auth(self, token: str) -> Frame:
        """Proves who this client is: before it has subscribed anything, or again; the `authenticated`."""
        told = await self._ask_by_ref({"type": "auth", "token": token})
        if isinstance(self._transport, EventStream):
            self._transport.headers = {**self._transport.headers, "Authorization": f"Bearer {token}"}
        self._sees(told)
        return told

    async def subscribe(self, channel: str, on_event: OnEvent, *, since: Optional[str] = None, reload: Optional[Reload] = None,
                        presence: Wish = None, on_presence: Optional[Callable[[dict], None]] = None,
                        on_end: Optional[Callable[[Refused], None]] = None) -> Subscription:
        """Subscribes, and returns once the server has answered; raises its refusal.

        It goes on from `since`, or starts now. `reload` is called where changes were missed that can not be replayed.
        `presence` is data to join with, True to see who is there, or "count". A subscription of the same channel is replaced.
        `on_end` is told when the server ends the subscription later.
        """
        subscription = Subscription(self, channel, on_event, since, reload, presence, on_presence, on_end)
        self._subscriptions[channel] = subscription
        await subscription.ask()
        await subscription.answered
        return subscription

    async def query(self, name: str, parameters: Optional[dict], on_result: Callable[[Any], None],
                    on_refused: Optional[Callable[[Any], None]] = None) -> Subscription:
        """Subscribes to a live query: `on_result` is given each answer, `on_refused` why there is none."""
        def tell(event: Event) -> None:
            if "result" in event.payload:
                on_result(event.payload["result"])
            elif on_refused:
                on_refused(event.payload.get("refused"))
        return await self.subscribe(query_channel(name, parameters), tell)

    async def unsubscribe(self, subscription: Subscription) -> None:
        """Ends a subscription; its events are no longer handled."""
        self.forget(subscription)
        if self.connected:
            await self.send({"type": "unsubscribe", "channel": subscription.channel, "ref": self.new_ref()})

    def forget(self, subscription: Subscription) -> None:
        if self._subscriptions.get(subscription.channel) is subscription:
            del self._subscriptions[subscription.channel]

    async def broadcast(self, channel: str, payload: object) -> int:
        """Sends a message to everybody on a channel; how many there were."""
        return (await self._ask_by_ref({"type": "broadcast", "channel": channel, "payload": payload}))["reached"]

    async def _ask_by_ref(self, frame: Frame) -> Frame:
        answer: asyncio.Future = asyncio.get_running_loop().create_future()
        self._waiting[ref := self.new_ref()] = answer
        try:
            await self.send({**frame, "ref": ref})
            return await answer
        finally:
            self._waiting.pop(ref, None)

    async def heartbeat(self, *, rtt_ms: Optional[int] = None, applied_ms: Optional[int] = None) -> Optional[str]:
        """Shows that this client is there; the position of the answer, where it has one."""
        told = {"rtt_ms": rtt_ms, "applied_ms": applied_ms}
        return await self._ask_in_order(
            self._heartbeats, {"type": "heartbeat", **{name: value for name, value in told.items() if value is not None}})

    async def _ask_in_order(self, waiting: deque[asyncio.Future], frame: Frame) -> Any:
        """Sends what is answered without a `ref`: answers come in the order of the requests."""
        answer: asyncio.Future = asyncio.get_running_loop().create_future()
        waiting.append(answer)
        try:
            await self.send(frame)
        except BaseException:
            waiting.remove(answer)
            raise
        return await answer

    # Plain requests

    async def stats(self) -> dict:
        """The server's numbers."""
        return json.loads(await request("GET", f"{self.base}/realtime/stats", headers=await self._proof.headers()))

    async def users(self, channel: str) -> Presence:
        """Who is present in a channel, asked once."""
        url, headers = f"{self.base}/realtime/channel/users?channel={quote(channel)}", await self._proof.headers()
        told = json.loads(await request("GET", url, headers=headers))
        presence = Presence()
        presence.fold({"type": "presence_state", "users": told["users"]})
        presence.fold({"type": "presence_count", "count": told["count"]})
        return presence

    async def post_broadcast(self, channel: str, payload: object, key: Optional[str] = None) -> int:
        """Sends a message without a connection, proved by `key` or else by this client's token; how many it reached."""
        headers = {**await self._proof.headers(), **({"Authorization": f"Bearer {key}"} if key else {})}
        told = await request("POST", f"{self.base}/realtime/broadcast", {"channel": channel, "payload": payload}, headers)
        return json.loads(told)["reached"]
