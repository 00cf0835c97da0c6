// FB1: a client that was written after Fluxbase's document works, unchanged but for the address.
import { readFile } from "node:fs/promises";
import type { Page } from "@playwright/test";

import { sqlite } from "./support/database";
import { watchSockets } from "./support/sockets";
import { expect, test as base } from "./support/test";

declare global {
  interface Window {
    quickStart(): void;
    subscribe(): void;
    unsubscribe(): void;
    productList(): void;
    unmount(): void;
  }
}

const INSERT = "INSERT INTO products (id, name, price) VALUES (123, 'Old Product', 99.99)";
const UPDATE = "UPDATE products SET name = 'Updated Product', price = 149.99 WHERE id = 123";
const DELETE = "DELETE FROM products WHERE id = 123";
const OLD = { id: 123, name: "Old Product", price: 99.99 };
const UPDATED = { id: 123, name: "Updated Product", price: 149.99 };

async function subscriptions(page: Page): Promise<number> {
  return (await (await page.request.get("/realtime/stats")).json()).subscriptions;
}

const test = base.extend<{ client: Page }>({
  // A page without any of Tidewire's code, from its address.
  client: async ({ page, server }, use) => {
    const code = await readFile(new URL("./support/fluxbase-client.js", import.meta.url), "utf8");
    await page.goto("/healthz");
    await page.addScriptTag({
      content: code.replaceAll("ws://localhost:8080", server.url.replace("http", "ws")),
    });
    await use(page);
  },
});

// The client is put into the page by the test, which the server's policy rightly forbids.
test.use({ bypassCSP: true });

test("spec_fb1_the_quick_start_works_as_it_is_written", async ({ client, server }) => {
  const said: unknown[][] = [];
  client.on("console", async (message) => {
    const line: unknown[] = [];
    said.push(line);
    for (const arg of message.args()) line.push(await arg.jsonValue());
  });
  const texts = () => said.map(([text]) => text);

  await client.evaluate(() => window.quickStart());
  await expect.poll(texts).toEqual(["Connected to Fluxbase realtime"]);
  await client.evaluate(() => window.subscribe());
  await expect.poll(texts).toContain("Subscription confirmed");

  for (const sql of [INSERT, UPDATE, DELETE]) await sqlite(server.database, sql);
  const payloads = () => said.filter(([text]) => text === "Database change:").map(([, payload]) => payload);
  await expect
    .poll(payloads)
    .toEqual([
      { type: "INSERT", schema: "public", table: "products", record: OLD },
      { type: "UPDATE", schema: "public", table: "products", record: UPDATED, old_record: OLD },
      { type: "DELETE", schema: "public", table: "products", old_record: UPDATED },
    ]);

  await client.evaluate(() => window.unsubscribe());
  await expect.poll(() => subscriptions(client)).toBe(0);
  // What a second client sees, the first no longer does.
  await client.evaluate(() => window.productList());
  await expect.poll(() => subscriptions(client)).toBe(1);
  await sqlite(server.database, INSERT);
  await expect(client.getByText("Old Product")).toBeVisible();
  expect(payloads()).toHaveLength(3);
});

test("spec_fb1_frames_have_the_documents_shape", async ({ client, server }) => {
  const sockets = watchSockets(client);
  await client.evaluate(() => window.productList());
  await expect(client.getByText("Status: Connected")).toBeVisible();
  await expect.poll(() => sockets[0].received.map((frame) => frame.type)).toContain("ack");
  await sqlite(server.database, UPDATE.replaceAll("123", "1"));
  await expect.poll(() => sockets[0].received.at(-1)?.type).toBe("broadcast");
  const { received, sent } = sockets[0];
  expect(sent).toEqual([{ type: "subscribe", channel: "table:public.products" }]);
  expect(received.find((frame) => frame.type === "ack")?.channel).toBe("table:public.products");
  // Fields may be added to the document's; these are there and mean what it says.
  expect(received.at(-1)).toMatchObject({
    type: "broadcast",
    channel: "table:public.products",
    payload: {
      type: "UPDATE",
      table: "products",
      schema: "public",
      record: { id: 1, name: "Updated Product", price: 149.99 },
      old_record: { id: 1, name: "Tide gauge", price: 249 },
    },
  });
});

test("spec_fb1_the_react_hook_follows_the_table", async ({ client, server }) => {
  await client.evaluate(() => window.productList());
  await expect(client.getByText("Status: Connected")).toBeVisible();
  const shown = () => client.locator("[key]").allTextContents();
  await expect.poll(() => subscriptions(client)).toBe(1);

  await sqlite(server.database, `${INSERT}; INSERT INTO products (name) VALUES ('Another');`);
  await expect.poll(shown).toEqual(["Old Product", "Another"]);
  await sqlite(server.database, UPDATE);
  await expect.poll(shown).toEqual(["Updated Product", "Another"]);
  await sqlite(server.database, DELETE);
  await expect.poll(shown).toEqual(["Another"]);

  await client.evaluate(() => window.unmount());
  await expect
    .poll(async () => (await (await client.request.get("/realtime/stats")).json()).connections)
    .toBe(0);
  await expect(client.getByText("Status: Disconnected")).toBeVisible();
});
