"""Whose connection it is: tokens in a header, in a subprotocol, and as a ticket in the address."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import time
import unittest

import tidewire as t
from support import URL, ServerTest, until
from tidewire_proof import ticket

SECRET = os.environ.get("TIDEWIRE_TOKEN_SECRET", "")


def token(user: str, *permissions: str, seconds: float = 60, **more: object) -> str:
    """A JWT, made by hand."""
    def part(data: bytes) -> bytes:
        return base64.urlsafe_b64encode(data).rstrip(b"=")
    claims = {"sub": user, "permissions": permissions, "exp": int(time.time() + seconds), **more}
    text = part(b'{"alg":"HS256"}') + b"." + part(json.dumps(claims).encode())
    return (text + b"." + part(hmac.digest(SECRET.encode(), text, hashlib.sha256))).decode()


class Tokens(ServerTest):
    def setUp(self) -> None:
        super().setUp()
        if not SECRET:
            self.fail("set TIDEWIRE_TOKEN_SECRET to what the server verifies tokens with")

    def mine(self, **more: object) -> str:
        return token("ann", f"read:{self.room}", f"write:{self.room}", **more)

    async def test_each_way_proves_the_same(self) -> None:
        ways = [{"prove_by": by} for by in ("header", "subprotocol", "ticket")]
        for way in ways + [{"event_stream": True, "prove_by": by} for by in ("header", "ticket")]:
            client = await self.client(token=self.mine, **way)
            joined = await client.subscribe(self.room, self.take, presence={"by": str(way)})
            await until(lambda: "ann" in joined.presence.users, str(way))
            with self.assertRaises(t.PermissionDenied):
                await client.subscribe("resource:product", self.take)
            self.assertIn("ann", (await client.users(self.room)).users)
            await client.close()

    async def test_who_may_read_everything_is_told_what_there_is_not(self) -> None:
        client = await self.client(token=token("ann", "read:*"))
        for channel in ("resource:boat", "table:public.boats", "table:products", "table:other.products"):
            with self.subTest(channel=channel), self.assertRaises(t.UnknownChannel) as caught:
                await client.subscribe(channel, self.take)
            self.assertEqual(caught.exception.channel, channel)

    async def test_a_fresh_token_goes_with_each_connection(self) -> None:
        given: list[str] = []

        async def fresh() -> str:
            given.append(self.mine(jti=str(len(given))))
            return given[-1]
        for by in ("header", "ticket"):
            await self.client(token=fresh, prove_by=by)
        self.assertEqual(len(set(given)), 2)

    async def test_a_token_sends_without_a_connection(self) -> None:
        listener = await self.client(token=self.mine)
        await listener.subscribe(self.room, self.take)
        self.assertEqual(await t.Client(URL, token=self.mine).post_broadcast(self.room, 7), 1)
        await until(lambda: self.events)
        with self.assertRaises(t.PermissionDenied):
            await t.Client(URL, token=self.mine).post_broadcast("room:other", 7)

    async def test_what_does_not_hold_is_refused_by_name(self) -> None:
        for wrong in (self.mine(seconds=-1), self.mine()[:-2], "nonsense", "tw_" + "0" * 64):
            for by in ("header", "subprotocol", "ticket"):
                with self.assertRaises(t.AuthenticationRequired) as caught:
                    await self.client(token=wrong, prove_by=by)
                self.assertEqual(caught.exception.status, 401)

    async def test_a_ticket_is_good_once_and_a_token_is_none(self) -> None:
        once = await ticket(URL, {"Authorization": f"Bearer {self.mine()}"})
        for text, opens in ((once, True), (once, False), (self.mine(), False)):
            opening = t.WebSocket.open(URL, {}, "?token=" + text)
            if opens:
                await (await opening).close()
            else:
                with self.assertRaises(t.AuthenticationRequired):
                    await opening


if __name__ == "__main__":
    unittest.main()
