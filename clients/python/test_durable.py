"""Durable messages. Which channels carry them is the application's to say: TIDEWIRE_DURABLE names one, and a payload that suits it."""

from __future__ import annotations

import json
import os
import unittest

from support import Proxy, ServerTest, until

CHANNEL, _, PAYLOAD = os.environ.get("TIDEWIRE_DURABLE", "").partition(" ")


@unittest.skipUnless(CHANNEL, "set TIDEWIRE_DURABLE to a channel and a payload, such as 'order:1 {\"state\":\"shipped\"}'")
class DurableMessages(ServerTest):
    async def test_messages_that_were_missed_are_replayed(self) -> None:
        payload = json.loads(PAYLOAD)
        async with Proxy() as proxy:
            away, sender = await self.client(proxy.url), await self.client()
            subscription = await away.subscribe(CHANNEL, self.events.append)
            await sender.broadcast(CHANNEL, payload)
            await until(lambda: len(self.events) == 1)
            proxy.cut()
            for _ in range(3):
                await sender.broadcast(CHANNEL, payload)
            proxy.up = True
            await until(lambda: len(self.events) >= 4)
            await away.heartbeat()
            self.assertEqual([event.payload for event in self.events], [payload] * 4)
            positions = [event.position for event in self.events]
            self.assertNotIn(None, positions)
            self.assertEqual((len(set(positions)), subscription.position), (4, positions[-1]))


if __name__ == "__main__":
    unittest.main()
