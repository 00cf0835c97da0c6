"""Who is present in a channel, seen by two clients."""

from __future__ import annotations

import unittest
import uuid

import tidewire as t
from support import Proxy, ServerTest, until


class PresenceOfUsers(ServerTest):
    async def test_two_clients_see_each_other_come_change_and_go(self) -> None:
        ann, bob = await self.client(), await self.client()
        hers = await ann.subscribe(self.room, self.take, presence={"name": "Ann"})
        his = await bob.subscribe(self.room, self.take, presence=True)
        await until(lambda: his.presence.count == 1)
        [seen] = his.presence.users.values()
        self.assertEqual((seen.data, seen.idle), ({"name": "Ann"}, False))
        self.assertGreater(seen.joined_at, 1_600_000_000_000)
        await his.join({"name": "Bob"})
        await until(lambda: hers.presence.count == 2 and his.presence.count == 2)
        await his.update({"name": "Bob", "status": "writing"})
        await until(lambda: {"name": "Bob", "status": "writing"} in [user.data for user in hers.presence.users.values()])
        await his.idle(True)
        await until(lambda: [user.data["name"] for user in hers.presence.users.values() if user.idle] == ["Bob"])
        await his.idle(False)
        await until(lambda: not [user for user in hers.presence.users.values() if user.idle])
        await his.leave()
        await until(lambda: hers.presence.count == 1)
        await ann.unsubscribe(hers)
        await until(lambda: his.presence.count == 0)
        self.assertEqual(self.refusals, [])

    async def test_somebody_who_comes_back_in_time_is_not_missed(self) -> None:
        async with Proxy() as proxy:
            ann, bob = await self.client(proxy.url), await self.client()
            await ann.subscribe(self.room, self.take, presence={"name": "Ann"})
            his = await bob.subscribe(self.room, self.take, presence=True)
            await until(lambda: his.presence.count == 1)
            proxy.cut()
            proxy.up = True
            await until(lambda: ann.connections == 2)
            await ann.heartbeat()
            await until(lambda: "Ann" in [user.data["name"] for user in his.presence.users.values()])
            proxy.cut()
            await until(lambda: his.presence.count == 0, "the end of the grace period")

    async def test_all_connections_with_one_cookie_are_one_user(self) -> None:
        cookie = {"Cookie": f"tidewire_guest={uuid.uuid4().hex}"}
        desk, phone, bob = await self.client(headers=cookie), await self.client(headers=cookie), await self.client()
        his = await bob.subscribe(self.room, self.take, presence={"name": "Bob"})
        hers = await desk.subscribe(self.room, self.take, presence={"name": "Ann"})
        await phone.subscribe(self.room, self.take, presence={"name": "Ann, on the phone"})
        await until(lambda: [user.data["name"] for user in his.presence.users.values()] == ["Bob", "Ann, on the phone"])
        await desk.unsubscribe(hers)
        await desk.hello()
        self.assertEqual((await bob.users(self.room)).count, 2)

    async def test_the_number_alone_can_be_asked_for(self) -> None:
        ann, bob = await self.client(), await self.client()
        his = await bob.subscribe(self.room, self.take, presence="count")
        await ann.subscribe(self.room, self.take, presence={"name": "Ann"})
        await until(lambda: his.presence.count == 1)
        self.assertEqual(his.presence.users, {})

    async def test_the_users_of_a_channel_can_be_asked_for_by_http(self) -> None:
        ann = await self.client()
        self.assertEqual((await ann.users(self.room)).count, 0)
        await ann.subscribe(self.room, self.take, presence={"name": "Ann"})
        told = await ann.users(self.room)
        self.assertEqual((told.count, [user.data for user in told.users.values()]), (1, [{"name": "Ann"}]))

    async def test_what_is_not_data_is_refused_by_name(self) -> None:
        client = await self.client()
        subscription = await client.subscribe(self.room, self.take)
        await subscription.join({"text": "x" * 5000})
        await until(lambda: self.refusals)
        self.assertIsInstance(self.refusals[0], t.InvalidPayload)
        await client.unsubscribe(subscription)
        await subscription.join({"name": "Ann"})
        await until(lambda: len(self.refusals) >= 2)
        self.assertIsInstance(self.refusals[1], t.NotSubscribed)


if __name__ == "__main__":
    unittest.main()
