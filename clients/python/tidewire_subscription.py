"""One subscription: the position it stands at, what it takes for an event, its reload, and who is present."""

from __future__ import annotations

import asyncio
import logging
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Optional, Union

from tidewire_wire import Refused, refusal

if TYPE_CHECKING:
    from tidewire import Client

log = logging.getLogger("tidewire")

RECENT = 1024
"""How many positions a subscription remembers to know an event that comes twice."""


@dataclass(frozen=True)
class Event:
    """Something that happened on a channel; with a `position` the server's log holds it."""

    channel: str
    payload: Any
    position: Optional[str] = None


@dataclass(frozen=True)
class Resync:
    """Changes were missed; the rows have to be loaded again. `position` is where the channel is live from; None with
    `permission`, when the client may see something else than before: then what it shows has to go first."""

    channel: str
    reason: str
    position: Optional[str]


@dataclass(frozen=True)
class User:
    """Somebody who is present in a channel."""

    user_id: str
    data: Any
    joined_at: int
    """Milliseconds since 1970."""
    idle: bool = False


OnEvent = Callable[[Event], None]
Reload = Callable[[Resync], Awaitable[Optional[str]]]
"""Loads the rows again and returns the position they were read at, or None where it is not known."""
Wish = Union[dict, str, bool, None]
"""What a subscription asks of presence: data to join with, True to watch, "count", or nothing."""


def back_off(failures: int) -> float:
    """Seconds to wait after so many failures in a row."""
    return random.uniform(0, min(30.0, 0.5 * 2 ** min(failures, 10)))


class Presence:
    """Who is in a channel, folded from the state and the differences."""

    def __init__(self) -> None:
        self.users: dict[str, User] = {}
        self._told: Optional[int] = None

    @property
    def count(self) -> int:
        """How many users there are: as the server counts where it gave a number, else the users known."""
        return len(self.users) if self._told is None else self._told

    def fold(self, frame: dict) -> None:
        """Takes in a `presence_state`, `presence_update` or `presence_count`."""
        kind = frame["type"]
        if kind == "presence_count":
            self._told = frame["count"]
        elif kind == "presence_state":
            self._told = None
            self.users = {user.user_id: user for user in map(self._user, frame["users"])}
        elif frame["action"] == "leave":
            self.users.pop(frame["userId"], None)
        else:
            user = self._user(frame)
            self.users[user.user_id] = user

    @staticmethod
    def _user(told: dict) -> User:
        return User(told["userId"], told.get("data"), told["joinedAt"], bool(told.get("idle")))


class Subscription:
    """A channel that is subscribed to, over however many connections; `Client.subscribe` makes it.

    Events reach `on_event` in their order. What it raises is logged, and the event counts as handled.
    """

    def __init__(self, client: Client, channel: str, on_event: OnEvent, since: Optional[str], reload: Optional[Reload],
                 presence: Wish, on_presence: Optional[Callable[[dict], None]], on_end: Optional[Callable[[Refused], None]]):
        self.channel = channel
        self.position = since
        """The newest position: state and events up to here are known."""
        self.presence = Presence()
        self.answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done once the first subscribe is answered; refused, it raises the refusal."""
        self._client, self._on_event, self._reload = client, on_event, reload
        self._wish, self._idle, self._on_presence, self._on_end = presence, False, on_presence, on_end
        self._asked: Optional[int] = None
        self._stands = self._reloading = self._outdated = False
        self._recent: dict[str, None] = {}

    # Asking

    @property
    def asked(self) -> bool:
        """Whether this connection has asked for it."""
        return self._stands or self._asked is not None

    def disconnected(self) -> None:
        self._asked, self._stands = None, False

    async def ask(self) -> None:
        """Subscribes, or subscribes again, from the position. Until the answer, changes are an older subscription's."""
        if self._reloading or not self._client.connected:
            return  # it is asked at the end of the reload, or on the next connection
        ref = self._asked = self._client.new_ref()
        since = {} if self.position is None else {"since": self.position}
        wish = {} if self._wish is None else {"presence": self._wish}
        try:
            await self._client.send({"type": "subscribe", "channel": self.channel, "ref": ref, **since, **wish})
        except Refused as error:  # by HTTP, where requests go that way
            self._refused(error)
        if self._idle:
            await self.idle(True)

    # Receiving

    def receive(self, frame: dict) -> None:
        kind, mine = frame.get("type"), frame.get("ref") is not None and frame.get("ref") == self._asked
        if kind == "broadcast":
            self._receive_event(Event(self.channel, frame.get("payload"), frame.get("position")))
        elif kind == "ack" and mine:
            self._asked, self._stands, self.position = None, True, frame.get("position", self.position)
            self._settle(None)
        elif kind == "resync" and (mine or (self._stands and self._asked is None and not self._reloading)):
            self._asked, self._stands, self.position = None, True, frame["position"]
            self._settle(None)
            self._begin_reload(Resync(self.channel, frame["reason"], frame["position"]))
        elif kind == "error" and (mine or (frame.get("ref") is None and frame.get("code") == "unknown_channel")):
            self._refused(refusal_of(frame))
        elif kind in ("presence_state", "presence_update", "presence_count"):
            self.presence.fold(frame)
            if self._on_presence:
                self._call(self._on_presence, frame)

    def receive_heartbeat(self, position: str) -> None:
        """Everything up to `position` has been sent on every subscription that was answered."""
        if self._stands and self._asked is None and not self._reloading:
            self.position = position

    def _receive_event(self, event: Event) -> None:
        if not self._stands:
            return  # an older subscription's
        if event.position is not None:
            if self._asked is not None or self._reloading or event.position in self._recent:
                return
            self.position = event.position  # before it is handled: what fails is not given again
            self._recent[event.position] = None
            if len(self._recent) > RECENT:
                del self._recent[next(iter(self._recent))]
        self._call(self._on_event, event)

    def start_over(self) -> None:
        """Nothing that was seen counts any more: loads anew, or begins where the server stands."""
        self._asked, self._stands, self.position = None, False, None
        self._recent.clear()
        self.presence.fold({"type": "presence_state", "users": []})
        if self._reloading:
            self._outdated = True  # what is being loaded may be of before
        elif self._reload is None:
            self._client.spawn(self.ask())
        else:
            self._begin_reload(Resync(self.channel, "permission", None))

    def _begin_reload(self, resync: Resync) -> None:
        if self._reload is None:
            log.warning("%s: changes were missed (%s), and there is no reload", self.channel, resync.reason)
            return
        self._reloading = True
        self._client.spawn(self._run_reload(self._reload, resync))

    async def _run_reload(self, reload: Reload, resync: Resync) -> None:
        failures, loaded = 0, None
        while True:
            try:
                loaded = await reload(resync)
                if not self._outdated:
                    break
                self._outdated, resync = False, Resync(self.channel, "permission", None)
            except Exception:
                log.exception("%s: the reload failed; it is tried again", self.channel)
                await asyncio.sleep(back_off(failures))
                failures += 1
        self._reloading, self.position = False, loaded or resync.position
        self._recent.clear()
        await self.ask()

    def _refused(self, error: Refused) -> None:
        self._asked = None
        if error.retry_after is not None and self.answered.done():
            self._client.spawn(self._ask_later(error.retry_after))
            return
        self._client.forget(self)
        if not self._settle(error) and self._on_end:
            self._call(self._on_end, error)

    async def _ask_later(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        if self._asked is None and not self._stands:
            await self.ask()

    def _settle(self, error: Optional[Refused]) -> bool:
        """Answers who waits for the first answer; false when somebody already was."""
        if self.answered.done():
            return False
        if error:
            self.answered.set_exception(error)
        else:
            self.answered.set_result(None)
        return True

    def _call(self, handler: Callable[[Any], None], told: Any) -> None:
        try:
            handler(told)
        except Exception:
            log.exception("%s: a handler failed", self.channel)

    # Presence

    async def join(self, data: dict) -> None:
        """Is present with `data` from now on, on later connections too; also replaces the data."""
        self._wish = data
        await self._say({"data": data})

    async def watch(self) -> None:
        """Asks who is there, without joining."""
        self._wish = True
        await self._say({})

    async def update(self, data: dict) -> None:
        """Replaces what the others see."""
        await self.join(data)

    async def idle(self, idle: bool) -> None:
        """Says whether nobody is looking."""
        self._idle = idle
        await self._say({"idle": idle})

    async def leave(self) -> None:
        """Is no longer present, and goes on watching."""
        self._wish, self._idle = True, False
        await self._say({"leave": True})

    async def _say(self, more: dict) -> None:
        if self._client.connected:  # otherwise the next subscribe says it
            await self._client.send({"type": "presence", "channel": self.channel, "ref": self._client.new_ref(), **more})


def refusal_of(frame: dict) -> Refused:
    """The exception of an `error` frame."""
    wait = frame.get("retry_after_ms")
    return refusal(frame.get("code"), str(frame.get("error", "")), channel=frame.get("channel"), ref=frame.get("ref"),
                   retry_after=None if wait is None else wait / 1000)
