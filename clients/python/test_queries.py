"""Live queries."""

from __future__ import annotations

import os
import unittest
from typing import Any

import tidewire as t
from support import ServerTest, until, write

QUERY = os.environ.get("TIDEWIRE_QUERY", "")


class LiveQueries(ServerTest):
    async def test_a_query_that_does_not_exist_is_refused(self) -> None:
        client, refused = await self.client(), []
        try:
            await client.query("boats" + self.mark, {}, lambda _: None, refused.append)
        except t.Refused:
            return
        await until(lambda: refused)

    @unittest.skipUnless(QUERY, "set TIDEWIRE_QUERY to the name of a query whose answer a dearer product changes")
    async def test_a_query_is_answered_and_answered_again(self) -> None:
        client = await self.client()
        results: list[Any] = []
        await client.query(QUERY, {}, results.append)
        await until(lambda: results)
        before = results[0]
        write(("INSERT INTO products (name, price) VALUES (?, ?)", (self.mark, 1000.0)))
        await until(lambda: results[-1] != before)
        write(("DELETE FROM products WHERE name = ?", (self.mark,)))
        await until(lambda: results[-1] == before)

    async def test_nobody_else_answers_a_query(self) -> None:
        client = await self.client()
        for channel in (t.query_channel("open_todos"), "revalidate:todos.list"):
            with self.subTest(channel), self.assertRaises(t.PermissionDenied):
                await client.broadcast(channel, 1)


if __name__ == "__main__":
    unittest.main()
