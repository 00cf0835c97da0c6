"""Live queries."""

from __future__ import annotations

import json
import os
import unittest
import uuid
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

    @unittest.skipUnless(QUERY, "set TIDEWIRE_QUERY to the name of a query that lists the todos")
    async def test_a_query_is_answered_and_answered_again(self) -> None:
        client = await self.client()
        results: list[Any] = []
        await client.query(QUERY, {}, results.append)
        await until(lambda: results)
        todo = uuid.uuid4().hex
        write(("INSERT INTO todos (id, title) VALUES (?, ?)", (todo, self.mark)))
        await until(lambda: self.mark in json.dumps(results[-1]))
        write(("DELETE FROM todos WHERE id = ?", (todo,)))
        await until(lambda: self.mark not in json.dumps(results[-1]))

    async def test_nobody_else_answers_a_query(self) -> None:
        client = await self.client()
        for channel in (t.query_channel("open_todos"), "revalidate:todos.list"):
            with self.subTest(channel), self.assertRaises(t.PermissionDenied):
                await client.broadcast(channel, 1)


if __name__ == "__main__":
    unittest.main()
