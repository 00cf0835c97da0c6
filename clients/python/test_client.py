"""Runs the client against a server: its address is in TIDEWIRE_URL, its SQLite file in TIDEWIRE_DATABASE.

The tests write with `sqlite3`, as another program that knows nothing of the server would.
"""

from __future__ import annotations

import json
import unittest

import tidewire as t
from support import URL, Proxy, ServerTest, insert, until, write
from tidewire_transport import WebSocket


class Changes(ServerTest):
    async def test_changes_of_another_program_arrive_in_order_with_their_payloads(self) -> None:
        client = await self.client()
        subscription = await client.subscribe("resource:product", self.take)
        started = subscription.position
        [row, *_] = write(insert("a" + self.mark, 89.5))
        write(("UPDATE products SET price = 79 WHERE id = ?", (row,)), ("DELETE FROM products WHERE id = ?", (row,)))
        await until(lambda: len(self.events) >= 3)
        was = {"id": row, "name": "a" + self.mark, "price": 89.5}
        now = {**was, "price": 79.0}
        common = {"schema": "public", "table": "products"}
        self.assertEqual([event.payload for event in self.events], [
            {"type": "INSERT", **common, "record": was},
            {"type": "UPDATE", **common, "record": now, "old_record": was},
            {"type": "DELETE", **common, "old_record": now}])
        positions = [event.position for event in self.events]
        self.assertEqual(len({started, *positions}), 4, "each change has a position of its own")
        self.assertEqual(subscription.position, positions[-1])

    async def test_a_change_comes_on_each_of_its_channels_under_one_position(self) -> None:
        client = await self.client()
        [row] = write(insert("before"))
        for channel in ("resource:product", "table:public.products", "table:main.products", f"product:{row}", f"product:{row + 1000}"):
            await client.subscribe(channel, self.take)
        write(("UPDATE products SET name = ? WHERE id = ?", (self.mark, row)))
        await until(lambda: len(self.events) >= 4)
        await client.heartbeat()
        self.assertEqual(sorted(event.channel for event in self.events),
                         [f"product:{row}", "resource:product", "table:main.products", "table:public.products"])
        self.assertEqual(len({event.position for event in self.events}), 1)
        self.assertEqual({event.payload["schema"] for event in self.events}, {"public"})

    async def test_a_new_primary_key_is_a_delete_and_an_insert(self) -> None:
        client = await self.client()
        await client.subscribe("resource:product", self.take)
        [row] = write(insert(self.mark))
        write(("UPDATE products SET id = ? WHERE id = ?", (row + 5000, row)), ("DELETE FROM products WHERE id = ?", (row + 5000,)))
        await until(lambda: len(self.events) >= 4)
        self.assertEqual([event.payload["type"] for event in self.events], ["INSERT", "DELETE", "INSERT", "DELETE"])
        self.assertEqual(len({event.position for event in self.events}), 4, "on one channel no two events share a position")

    async def test_an_infinite_number_is_null(self) -> None:
        client = await self.client()
        await client.subscribe("resource:product", self.take)
        self.addCleanup(write, ("DELETE FROM products WHERE name = ?", (self.mark,)))
        write(insert(self.mark, float("inf")))
        await until(lambda: self.events)
        self.assertIsNone(self.events[0].payload["record"]["price"])

    async def test_a_cut_is_followed_by_exactly_what_was_missed(self) -> None:
        async with Proxy() as proxy:
            client = await self.client(proxy.url)
            await client.subscribe("resource:product", self.take)
            names = [f"{i}{self.mark}" for i in range(40)]
            write(*[insert(name) for name in names[:10]])
            await until(lambda: len(self.events) >= 10)
            for cut in range(3):
                proxy.cut()
                write(*[insert(name) for name in names[10 + cut * 10:20 + cut * 10]])
                proxy.up = True
                await until(lambda: client.connections == cut + 2 and len(self.events) >= 20 + cut * 10)
            self.assertEqual(self.names(), names)
            self.assertEqual(self.refusals, [])

    async def test_a_position_is_enough_to_go_on_from(self) -> None:
        first = await self.client()
        subscription = await first.subscribe("resource:product", self.take)
        write(insert("a" + self.mark), insert("b" + self.mark), insert("c" + self.mark))
        await until(lambda: len(self.events) >= 3)
        since, self.events = self.events[0].position, []
        raw = await self.raw()
        await raw.send({"type": "subscribe", "channel": "resource:product", "since": since, "ref": 1})
        answer = await raw.frame(type="ack", ref=1)
        self.assertEqual((answer["replay"], answer["position"]), (2, since))
        second = await self.client()
        await second.subscribe("resource:product", self.take, since=since)
        await until(lambda: len(self.events) >= 2)
        self.assertEqual(self.names(), ["b" + self.mark, "c" + self.mark])
        self.assertIsNotNone(subscription.position)

    async def test_a_position_of_another_log_calls_for_a_reload(self) -> None:
        client, told = await self.client(), []

        async def reload(resync: t.Resync) -> str:
            told.append(resync)
            write(insert("meanwhile" + self.mark))
            return resync.position
        subscription = await client.subscribe("resource:product", self.take, since="0123456789abcdef-7", reload=reload)
        await until(lambda: self.events)
        self.assertEqual([(resync.channel, resync.reason) for resync in told], [("resource:product", "epoch")])
        self.assertEqual(self.names(), ["meanwhile" + self.mark], "the reload's position is gone on from")
        self.assertEqual(subscription.position, self.events[-1].position)

    async def test_a_reload_that_fails_is_tried_again(self) -> None:
        client, tries = await self.client(), []

        async def reload(resync: t.Resync) -> None:
            tries.append(resync)
            if len(tries) < 3:
                raise OSError("the rows can not be had")
        with self.assertLogs("tidewire", "ERROR"):
            await client.subscribe("resource:product", self.take, since="0123456789abcdef-7", reload=reload)
            await until(lambda: len(tries) == 3)
        await client.heartbeat()
        write(insert(self.mark))
        await until(lambda: self.events)

    async def test_a_handler_that_fails_is_not_given_the_same_change_again(self) -> None:
        async with Proxy() as proxy:
            client = await self.client(proxy.url)

            def fail(event: t.Event) -> None:
                self.events.append(event)
                raise ValueError("a bug")
            await client.subscribe("resource:product", fail)
            with self.assertLogs("tidewire", "ERROR"):
                write(insert("a" + self.mark))
                await until(lambda: self.events)
                proxy.cut()
                proxy.up = True
                await until(lambda: client.connections == 2)
                write(insert("b" + self.mark))
                await until(lambda: len(self.events) >= 2)
            self.assertEqual(self.names(), ["a" + self.mark, "b" + self.mark])

    async def test_garbage_for_a_position_is_refused_by_name(self) -> None:
        client = await self.client()
        for garbage in ("garbage", "", "0123456789abcdef-", "-1", "zz-1"):
            with self.subTest(garbage), self.assertRaises(t.InvalidPosition):
                await client.subscribe("resource:product", self.take, since=garbage)

    async def test_a_heartbeat_moves_the_position(self) -> None:
        client = await self.client()
        products = await client.subscribe("resource:product", self.take)
        quiet = await client.subscribe(self.room, lambda _: None)
        write(insert(self.mark))
        await until(lambda: self.events)
        for _ in range(50):
            position = await client.heartbeat(rtt_ms=12, applied_ms=3)
            if position is not None:  # otherwise it says nothing of positions
                self.assertEqual([position] * 2, [products.position, quiet.position])
            if position == self.events[-1].position:
                return
        self.fail("no heartbeat named the newest position")


class Subscriptions(ServerTest):
    async def test_the_welcome_tells_the_limits_and_judges_the_contract(self) -> None:
        judged: list[str] = []
        client = await self.client(on_contract=judged.append)
        welcome = await client.hello()
        self.assertIn(welcome["contract"], ("same", "compatible"))
        self.assertGreaterEqual(client.limits["max_message_bytes"], 1024)
        self.assertEqual({"max_message_bytes", "max_subscriptions", "heartbeat_ms"} - client.limits.keys(), set())
        self.assertEqual((await client.hello("Product=0000000000000000"))["contract"], "reload")
        self.assertEqual(judged[-1], "reload")

    async def test_a_second_subscription_replaces_the_first(self) -> None:
        client = await self.client()
        older: list[t.Event] = []
        await client.subscribe(self.room, older.append)
        await client.subscribe(self.room, self.take)
        self.assertEqual(await client.broadcast(self.room, 1), 1)
        self.assertEqual(([event.payload for event in self.events], older), ([1], []))

    async def test_on_the_wire_too_one_event_comes_once_for_a_channel_asked_twice(self) -> None:
        raw = await self.raw()
        for ref in (1, 2):
            await raw.send({"type": "subscribe", "channel": "resource:product", "ref": ref})
        await raw.frame(type="ack", ref=2)
        write(insert(self.mark), insert("last" + self.mark))
        await until(lambda: [frame for frame in raw.frames if "last" + self.mark in json.dumps(frame)])
        positions = [frame["position"] for frame in raw.frames if frame["type"] == "broadcast"]
        self.assertEqual(len(positions), len(set(positions)))

    async def test_nothing_comes_after_unsubscribing(self) -> None:
        client, other = await self.client(), await self.client()
        subscription = await client.subscribe(self.room, self.take)
        self.assertEqual(await other.broadcast(self.room, 1), 1)
        await until(lambda: self.events)
        await client.unsubscribe(subscription)
        await client.hello()  # answered in order: the server knows
        self.assertEqual(await other.broadcast(self.room, 2), 0)
        self.assertEqual([event.payload for event in self.events], [1])
        await client.unsubscribe(subscription)
        await until(lambda: self.refusals)
        self.assertIsInstance(self.refusals[0], t.NotSubscribed)


class Messages(ServerTest):
    async def test_a_broadcast_reaches_everybody_and_says_how_many(self) -> None:
        clients = [await self.client() for _ in range(3)]
        heard: list[list[t.Event]] = [[], []]
        self.assertEqual(await clients[0].broadcast(self.room, 0), 0)
        for client, events in zip(clients, heard):
            await client.subscribe(self.room, events.append)
        payloads = [{"text": "Grüße 🌊"}, [1, 2.5, None], "text", None, True]
        for payload in payloads:
            self.assertEqual(await clients[0].broadcast(self.room, payload), 2)
        self.assertEqual(await clients[2].broadcast(self.room, "not subscribed"), 2)
        for events in heard:
            await until(lambda: len(events) >= 6)
            self.assertEqual([event.payload for event in events], [*payloads, "not subscribed"])
            self.assertEqual({event.position for event in events}, {None})

    async def test_large_messages_pass_and_larger_ones_are_refused_by_name(self) -> None:
        client = await self.client()
        await client.hello()
        await client.subscribe(self.room, self.take)
        large = "ä" * (client.limits["max_message_bytes"] // 2 - 200)
        self.assertEqual(await client.broadcast(self.room, large), 1)
        await until(lambda: self.events)
        self.assertEqual(self.events[0].payload, large)
        with self.assertRaises(t.MessageTooLarge):
            await client.broadcast(self.room, large * 2)
        raw = await self.raw()
        await raw.send({"type": "broadcast", "channel": self.room, "payload": large * 2})
        await raw.frame(type="error", code="message_too_large")


class Errors(ServerTest):
    async def test_bad_channels_are_refused_by_name(self) -> None:
        client = await self.client()
        for channel, kind in (("no spaces", t.InvalidChannelName), ("a::b", t.InvalidChannelName), ("a:..", t.InvalidChannelName),
                              ("", t.InvalidChannelName), ("x" * 201, t.InvalidChannelName),
                              # A guest is not told whether there is such a thing.
                              ("resource:boat", t.AuthenticationRequired), ("table:public.boats", t.AuthenticationRequired),
                              ("table:products", t.UnknownChannel), ("table:other.products", t.AuthenticationRequired)):
            with self.subTest(channel=channel[:20]), self.assertRaises(kind) as caught:
                await client.subscribe(channel, self.take)
            self.assertEqual(caught.exception.channel, channel)
        self.assertEqual(await client.broadcast(self.room, 1), 0, "the connection goes on")

    async def test_nobody_else_sends_on_the_databases_channels(self) -> None:
        client = await self.client()
        for channel in ("resource:product", "table:public.products", "product:1"):
            with self.subTest(channel), self.assertRaises(t.PermissionDenied):
                await client.broadcast(channel, 1)

    async def test_bad_frames_are_refused_by_name_and_the_connection_goes_on(self) -> None:
        raw = await self.raw()
        for text, code in (("nope", "malformed_message"), ("[]", "malformed_message"), ("{}", "malformed_message"),
                           ('{"type":"subscribe","ref":1}', "malformed_message"), ('{"type":"boat"}', "unknown_type"),
                           ('{"type":"subscribe","channel":null}', "malformed_message"),
                           ('{"type":"subscribe","channel":"resource:product","ref":-1}', "malformed_message")):
            with self.subTest(text):
                await raw.transport.send_raw(WebSocket.TEXT, text.encode())
                self.assertEqual((await raw.frame(type="error"))["code"], code)
        await raw.transport.send_raw(WebSocket.BINARY, b"{}")
        self.assertEqual((await raw.frame(type="error"))["code"], "malformed_message")
        await raw.send({"type": "hello", "a_field_of_a_newer_version": 1})
        await raw.frame(type="welcome")

    async def test_there_is_a_limit_of_subscriptions(self) -> None:
        client = await self.client()
        await client.hello()
        for number in range(client.limits["max_subscriptions"]):
            await client.subscribe(f"{self.room}:{number}", self.take)
        with self.assertRaises(t.TooManySubscriptions):
            await client.subscribe(f"{self.room}:more", self.take)

    async def test_pings_are_answered_and_the_largest_ref_comes_back(self) -> None:
        raw = await self.raw()
        await raw.transport.send_raw(WebSocket.PING, b"are you there")
        await raw.send({"type": "subscribe", "channel": self.room, "ref": 2 ** 64 - 1})
        await raw.frame(type="ack", ref=2 ** 64 - 1)


class Endpoints(ServerTest):
    async def test_the_numbers_count_connections_and_subscriptions(self) -> None:
        client = await self.client()
        await client.subscribe(self.room, self.take)
        stats = await client.stats()
        self.assertEqual(stats.keys() >= {"connections", "connected", "channels", "subscriptions", "dropped"}, True)
        self.assertGreaterEqual(stats["connections"], 1)
        self.assertEqual(stats["connections"], stats["connected"])
        self.assertGreaterEqual(min(stats["subscriptions"], stats["channels"]), 1)
        older = json.loads(await t.request("GET", URL + "/api/realtime/stats"))
        self.assertEqual(older.keys(), stats.keys())

    async def test_the_server_says_that_it_is_well(self) -> None:
        self.assertEqual(await t.request("GET", URL + "/healthz"), b"ok")


class Names(unittest.TestCase):
    def test_a_querys_channel_is_made_of_its_name_and_parameters(self) -> None:
        self.assertEqual(t.query_channel("open_todos"), "query:open_todos:pe30")
        self.assertEqual(t.query_channel("todos", {"of": "ü?>"}), "query:todos:peyJvZiI6IsO8Pz4ifQ")

    def test_a_user_nobody_knows_may_leave_or_be_updated(self) -> None:
        presence = t.Presence()
        presence.fold({"type": "presence_update", "action": "leave", "userId": "7", "data": {}, "joinedAt": 1})
        self.assertEqual(presence.users, {})
        presence.fold({"type": "presence_update", "action": "update", "userId": "7", "data": {"a": 1}, "joinedAt": 1, "idle": True})
        self.assertEqual(presence.users, {"7": t.User("7", {"a": 1}, 1, True)})
        presence.fold({"type": "presence_state", "users": [{"userId": "9", "data": {}, "joinedAt": 2}]})
        self.assertEqual(list(presence.users), ["9"])


if __name__ == "__main__":
    unittest.main()
