"""The rules of the document that a healthy server seldom puts to the test: against a transport that says what the test says."""

from __future__ import annotations

import asyncio
import time
import unittest
import unittest.mock
from typing import Any, Optional

import tidewire as t
from support import until

CHANNEL = "resource:product"


class Said:
    """A connection whose other side is the test."""

    speaks_up = True

    def __init__(self) -> None:
        self.sent: list[dict] = []
        self._frames: asyncio.Queue = asyncio.Queue()

    async def send(self, frame: dict) -> None:
        self.sent.append(frame)

    async def receive(self) -> dict:
        said = await self._frames.get()
        if isinstance(said, Exception):
            raise said
        return said

    async def close(self) -> None:
        self._frames.put_nowait(t.Closed())

    def says(self, kind: str, **more: Any) -> None:
        self._frames.put_nowait({"type": kind, **more})

    def ends(self, code: Optional[int]) -> None:
        self._frames.put_nowait(t.Closed(code))

    def last(self, kind: str) -> dict:
        return [frame for frame in self.sent if frame["type"] == kind][-1]


class Rules(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.connections: list[Said] = []
        self.events: list[Any] = []
        self.refusals: list[t.Refused] = []
        self.closed: list[t.Closed] = []
        self.client = t.Client("http://nowhere", on_error=self.refusals.append, on_closed=self.closed.append)

        async def connect() -> Said:
            self.connections.append(Said())
            return self.connections[-1]
        self.client._open = connect
        await self.client.connect()
        self.addAsyncCleanup(self.client.close)

    @property
    def server(self) -> Said:
        return self.connections[-1]

    async def subscribed(self, **more: Any) -> t.Subscription:
        asking = asyncio.create_task(self.client.subscribe(CHANNEL, lambda event: self.events.append(event.payload), **more))
        await until(lambda: [frame for frame in self.server.sent if frame["type"] == "subscribe"])
        self.acks(0)
        return await asking

    def acks(self, position: int) -> None:
        self.server.says("ack", channel=CHANNEL, position=f"p-{position}", replay=0, ref=self.server.last("subscribe")["ref"])

    def change(self, position: Optional[int]) -> None:
        at = {} if position is None else {"position": f"p-{position}"}
        self.server.says("broadcast", channel=CHANNEL, payload=position, **at)

    async def test_an_event_that_comes_twice_is_handled_once(self) -> None:
        subscription = await self.subscribed()
        for position in (1, 2, 1, 2, 3, 3):
            self.change(position)
        await until(lambda: self.events == [1, 2, 3] and subscription.position == "p-3")

    async def test_changes_before_the_answer_are_an_older_subscriptions(self) -> None:
        subscription, loading = await self.subscribed(reload=self.reload), asyncio.Event()
        self.loading = loading
        self.change(1)
        self.server.says("resync", channel=CHANNEL, reason="overflow", position="p-5")
        for position in (2, 6, None):
            self.change(position)
        self.server.says("resync", channel=CHANNEL, reason="overflow", position="p-7")
        self.server.says("heartbeat", position="p-8")
        await until(lambda: self.events == [1, None])
        loading.set()
        await until(lambda: self.server.last("subscribe").get("since") == "p-6")
        self.change(7)
        self.acks(6)
        self.change(7)
        await until(lambda: self.events == [1, None, 7] and subscription.position == "p-7")
        self.assertEqual(len(self.reloads), 1)

    async def reload(self, resync: t.Resync) -> str:
        self.reloads = [*getattr(self, "reloads", []), resync]
        await self.loading.wait()
        return "p-6"

    async def test_a_heartbeat_moves_the_position_only_where_it_names_one(self) -> None:
        subscription = await self.subscribed()
        self.server.says("heartbeat")
        await asyncio.sleep(0.02)
        self.assertEqual(subscription.position, "p-0")
        self.server.says("heartbeat", position="p-4")
        await until(lambda: subscription.position == "p-4")
        self.server.ends(None)
        await until(lambda: len(self.connections) == 2 and self.server.sent)
        self.server.says("heartbeat", position="p-9")
        await until(lambda: self.server.last("subscribe"))
        self.assertEqual(self.server.last("subscribe")["since"], "p-4", "not answered yet on this connection")

    async def test_a_drain_says_within_which_time_to_come_back(self) -> None:
        await self.subscribed()
        self.client._failures = 10
        self.server.says("drain", within_ms=300)
        self.server.ends(4000)
        began = time.monotonic()
        await until(lambda: len(self.connections) == 2)
        self.assertLess(time.monotonic() - began, 1.0)

    async def test_close_codes_say_whether_to_come_back(self) -> None:
        for number, code in enumerate((4001, 4002, 4003, 4499, 1006, 1001, None), 2):
            self.client._failures = 0
            self.server.ends(code)
            await until(lambda: len(self.connections) == number)
        self.server.ends(4500)
        await until(lambda: self.closed)
        await asyncio.sleep(0.05)
        self.assertEqual((len(self.connections), self.closed[0].code, self.client.connected), (8, 4500, False))

    async def test_another_view_makes_it_forget_its_positions_and_load_again(self) -> None:
        self.loading = asyncio.Event()
        subscription = await self.subscribed(reload=self.reload)
        self.welcomes("ann")
        self.change(1)
        self.server.says("presence_state", channel=CHANNEL, users=[{"userId": "7", "data": {}, "joinedAt": 1}])
        await until(lambda: subscription.presence.count == 1)
        for view, connections in (("ann", 2), ("bob", 3)):
            self.server.ends(4004)
            await until(lambda: len(self.connections) == connections and len(self.server.sent) == 2)
            self.assertEqual([frame["type"] for frame in self.server.sent], ["hello", "subscribe"])
            self.assertEqual(self.server.last("subscribe")["since"], "p-1")
            self.welcomes(view)
            await until(lambda: self.client.view == view)
        self.acks(1)  # of before, under another view
        self.change(2)
        await until(lambda: getattr(self, "reloads", []))
        self.assertEqual((self.reloads[0].reason, subscription.position, subscription.presence.count), ("permission", None, 0))
        self.loading.set()
        await until(lambda: self.server.last("subscribe").get("since") == "p-6")
        self.acks(6)
        self.change(7)
        await until(lambda: self.events == [1, 7])
        self.assertEqual(self.client.view, "bob")

    def welcomes(self, view: str, **more: Any) -> None:
        self.server.says("welcome", contract="compatible", limits={}, view=view, **more)

    async def test_who_is_sent_away_comes_back_at_once_but_not_again_and_again(self) -> None:
        await self.subscribed()
        self.client._failures = 10
        began = time.monotonic()
        self.server.ends(4004)
        await until(lambda: len(self.connections) == 2)
        self.assertLess(time.monotonic() - began, 1.0)
        waits: list[int] = []

        def back_off(failures: int) -> float:
            waits.append(failures)
            return 0.0
        with unittest.mock.patch("tidewire.back_off", back_off):
            self.server.ends(4004)
            await until(lambda: len(self.connections) == 3)
        self.assertEqual(len(waits), 1)
        self.assertGreaterEqual(waits[0], 1)

    async def test_a_token_is_proved_and_renewed_before_it_expires(self) -> None:
        tokens = iter(["second", "third"])

        async def token() -> str:
            return next(tokens)
        self.client._proof._token = token
        proving = asyncio.create_task(self.client.auth("first"))
        await until(lambda: self.server.sent[-1]["type"] == "auth")
        frame = self.server.last("auth")
        self.assertEqual(frame["token"], "first")
        self.server.says("authenticated", userId="7", view="ann", expires_in_ms=1500, ref=frame["ref"])
        self.assertEqual(((await proving)["userId"], self.client.view), ("7", "ann"))
        began = time.monotonic()
        await until(lambda: self.server.last("auth")["token"] == "second")
        self.assertGreater(time.monotonic() - began, 0.9)
        self.server.says("error", code="authentication_required", error="it does not hold", ref=self.server.last("auth")["ref"])
        await until(lambda: self.refusals)
        self.assertIsInstance(self.refusals[0], t.AuthenticationRequired)
        self.assertEqual(len(self.connections), 1, "the connection stays what it was")

    async def test_a_table_that_is_switched_off_ends_its_subscriptions(self) -> None:
        ended: list[t.Refused] = []
        await self.subscribed(on_end=ended.append)
        self.server.says("error", code="unknown_channel", error="realtime is off for it", channel=CHANNEL)
        await until(lambda: ended)
        self.change(1)
        self.server.ends(None)
        await until(lambda: len(self.connections) == 2 and self.server.sent)
        await asyncio.sleep(0.02)
        self.assertEqual(([frame["type"] for frame in self.server.sent], self.events), (["hello"], []))

    async def test_what_a_newer_server_says_is_no_trouble(self) -> None:
        await self.subscribed()
        self.server.says("weather", channel=CHANNEL, sunny=True)
        self.server.says("error", code="too_sunny", error="it is too sunny", retry_after_ms=1500)
        await until(lambda: self.refusals)
        self.assertIsInstance(self.refusals[0], t.Internal)
        self.assertEqual((self.refusals[0].code, self.refusals[0].retry_after), ("too_sunny", 1.5))

    async def test_what_was_asked_fails_with_the_connection(self) -> None:
        asking = asyncio.create_task(self.client.broadcast("room:general", 1))
        await until(lambda: [frame for frame in self.server.sent if frame["type"] == "broadcast"])
        self.server.ends(4002)
        with self.assertRaises(t.Closed):
            await asking


if __name__ == "__main__":
    unittest.main()
