"""The event stream in the place of the WebSocket."""

from __future__ import annotations

import json
import unittest

import tidewire as t
from support import URL, Proxy, ServerTest, insert, until, write


class EventStreams(ServerTest):
    async def test_an_event_stream_carries_the_same_frames(self) -> None:
        by_stream, by_socket = await self.client(event_stream=True), await self.client()
        heard: list[t.Event] = []
        for channel in ("resource:product", self.room):
            await by_stream.subscribe(channel, self.take)
            await by_socket.subscribe(channel, heard.append)
        write(insert("a" + self.mark), insert("b" + self.mark))
        await until(lambda: len(self.events) >= 2 and len(heard) >= 2)
        self.assertEqual(await by_stream.broadcast(self.room, {"text": "hello"}), 2)
        await until(lambda: len(self.events) >= 3 and len(heard) >= 3)
        self.assertEqual(self.events, heard)
        self.assertIn((await by_stream.hello())["contract"], ("same", "compatible"))
        self.assertIsNotNone(await by_stream.heartbeat())
        with self.assertRaises(t.AuthenticationRequired):
            await by_stream.subscribe("resource:boat", self.take)

    async def test_a_cut_stream_is_followed_by_exactly_what_was_missed(self) -> None:
        async with Proxy() as proxy:
            client = await self.client(proxy.url, event_stream=True)
            await client.subscribe("resource:product", self.take)
            write(insert("a" + self.mark))
            await until(lambda: self.events)
            proxy.cut()
            write(insert("b" + self.mark), insert("c" + self.mark))
            proxy.up = True
            await until(lambda: len(self.events) >= 3)
            self.assertEqual(self.names(), [letter + self.mark for letter in "abc"])

    async def test_a_browser_goes_on_from_its_last_event_id(self) -> None:
        first = await self.stream("resource:product", self.room)
        await first.frame(type="ack", channel="resource:product")
        await first.frame(type="ack", channel=self.room)
        write(insert("a" + self.mark))
        await until(lambda: [frame for frame in first.frames if self.mark in json.dumps(frame)])
        await until(lambda: first.transport.last_event_id, "an id")
        seen = {frame["position"] for frame in first.frames if frame["type"] == "broadcast"}
        last = first.transport.last_event_id
        await first.close()
        write(insert("b" + self.mark))
        second = await self.stream("resource:product", self.room, last_event_id=last)
        frame = await second.frame(type="broadcast")
        while frame["position"] in seen:  # what came behind the last id may come twice
            frame = await second.frame(type="broadcast")
        self.assertEqual(frame["payload"]["record"]["name"], "b" + self.mark)

    async def test_a_stream_starts_from_the_position_of_its_address(self) -> None:
        position = (await (await self.client()).subscribe("resource:product", self.take)).position
        write(insert(self.mark))
        stream = await self.stream("resource:product", since=position)
        self.assertEqual((await stream.frame(type="ack"))["position"], position)
        await until(lambda: [frame for frame in stream.frames if self.mark in json.dumps(frame)])

    async def test_a_name_that_no_stream_has_is_not_found(self) -> None:
        with self.assertRaises(t.Refused) as caught:
            await t.request("POST", URL + "/realtime/sse?connection=boat", {"type": "heartbeat"})
        self.assertEqual(caught.exception.status, 404)


if __name__ == "__main__":
    unittest.main()
