"""What other servers and their operators ask by plain HTTP."""

from __future__ import annotations

import os
import unittest

import tidewire as t
from support import URL, ServerTest, until


class Readiness(ServerTest):
    async def test_the_server_says_that_it_can_serve(self) -> None:
        self.assertEqual(await t.request("GET", URL + "/readyz"), b"ok")


class Metrics(ServerTest):
    async def test_there_are_numbers_for_prometheus(self) -> None:
        lines = (await t.request("GET", URL + "/metrics")).decode().splitlines()
        self.assertTrue([line for line in lines if line and not line.startswith("#")])


class PlainBroadcast(ServerTest):
    key = os.environ.get("TIDEWIRE_BROADCAST_KEY")

    async def test_a_server_sends_a_message_by_http(self) -> None:
        client = await self.client()
        await client.subscribe(self.room, self.take)
        self.assertEqual(await client.post_broadcast(self.room, {"text": "hello"}, self.key), 1)
        await until(lambda: self.events)
        self.assertEqual(self.events[0].payload, {"text": "hello"})

    async def test_refusals_by_http_have_names_too(self) -> None:
        client = await self.client()
        with self.assertRaises(t.InvalidChannelName) as caught:
            await client.post_broadcast("no spaces", 1, self.key)
        self.assertTrue(400 <= (caught.exception.status or 0) < 500)
        with self.assertRaises(t.PermissionDenied):
            await client.post_broadcast("resource:product", 1, self.key)

    async def test_who_is_no_server_is_refused(self) -> None:
        client = await self.client()
        with self.assertRaises(t.AuthenticationRequired):
            await client.post_broadcast(self.room, 1, "not the key")


if __name__ == "__main__":
    unittest.main()
