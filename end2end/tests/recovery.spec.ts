// NX4, EN5: whatever breaks between page and server, the page comes back to the truth by itself.
import { insertTodo, productsIn, sqlite, todosIn } from "./support/database";
import { Products, SNAPSHOTS, Todos, badge, countRequests, waitLive } from "./support/pages";
import { Proxy } from "./support/proxy";
import { type Frame, type Socket, offset, watchSockets } from "./support/sockets";
import { expect, test as base } from "./support/test";

const test = base.extend<{ wire: Proxy }>({
  wire: async ({ server }, use) => {
    const wire = await Proxy.start(() => server.port);
    await use(wire);
    await wire.cut();
  },
  // Pages go through the wire that can be cut.
  baseURL: async ({ wire }, use) => use(wire.url),
});

// What the browser itself says about a socket that cannot be opened.
const NO_CONNECTION = /WebSocket connection to .* failed/;

/** 100 changes: 40 new rows, 40 changed ones, 20 that go. */
function hundredChanges(): string {
  const numbers = Array.from({ length: 40 }, (_, n) => n);
  return [
    ...numbers.map((n) => `INSERT INTO products (name, price) VALUES ('Lot ${n}', ${n});`),
    ...numbers.map((n) => `UPDATE products SET price = price + 0.5 WHERE name = 'Lot ${n}';`),
    ...numbers.slice(0, 20).map((n) => `DELETE FROM products WHERE name = 'Lot ${2 * n}';`),
  ].join("\n");
}

function changes(sockets: Socket[]): Frame[] {
  return sockets.flatMap((socket) => socket.received.filter((frame) => frame.type === "broadcast"));
}

test("spec_nx4_a_cut_of_100_changes_is_replayed_in_order", async ({ page, wire, server, expectError }) => {
  expectError(NO_CONNECTION);
  const sockets = watchSockets(page);
  const snapshots = countRequests(page, SNAPSHOTS);
  const products = await new Products(page).openLive();

  await wire.cut();
  await expect(badge(page)).toHaveText("Reconnecting");
  await sqlite(server.database, hundredChanges());
  const retry = page.getByRole("button", { name: "Retry now" });
  await expect(retry).toBeVisible({ timeout: 15_000 });
  await expect(page.getByText("The connection is lost. What you see may be old")).toBeVisible();
  await expect(products.rows).toHaveCount(3);

  await wire.resume();
  // The page's own next try may be faster than a finger.
  await retry.click({ timeout: 2_000 }).catch(() => {});
  await waitLive(page, 10_000);
  await expect(retry).toBeHidden();
  const truth = await productsIn(server.database);
  expect(truth).toHaveLength(23);
  await products.expectShown(truth);
  const offsets = changes(sockets).map(offset);
  expect(offsets, "each change once, in the log's order").toEqual(
    Array.from({ length: 100 }, (_, n) => offsets[0] + n),
  );
  expect(sockets.filter((socket) => !socket.closed)).toHaveLength(1);
  expect(snapshots.urls).toEqual([]);

  // It is as live as before.
  await sqlite(server.database, "DELETE FROM products WHERE name LIKE 'Lot %'");
  await products.expectShown(await productsIn(server.database));
});

test("spec_en5_without_a_click_it_comes_back_by_itself", async ({ page, wire, server, expectError }) => {
  expectError(NO_CONNECTION);
  const snapshots = countRequests(page, SNAPSHOTS);
  const todos = await new Todos(page).openLive();
  for (const round of [1, 2, 3]) {
    await wire.cut();
    await expect(badge(page)).toHaveText("Reconnecting");
    await sqlite(server.database, insertTodo(`While away, ${round}`));
    await wire.resume();
    await waitLive(page);
    await todos.expectShown(await todosIn(server.database));
  }
  expect(snapshots.urls).toEqual([]);
});

test("spec_nx3_kill_9_loses_nothing", async ({ page, server, expectError }) => {
  expectError(NO_CONNECTION);
  const snapshots = countRequests(page, SNAPSHOTS);
  const todos = await new Todos(page).openLive();
  await todos.add("Before the crash");
  await expect.poll(() => todosIn(server.database)).toHaveLength(1);
  await sqlite(server.database, insertTodo("In the very moment"));
  await server.kill();
  await expect(badge(page)).toHaveText("Reconnecting");
  // Other programs go on writing while there is no server.
  await sqlite(
    server.database,
    `${insertTodo("While it was down")} UPDATE todos SET done = TRUE WHERE title = 'Before the crash'`,
  );
  await server.restart();
  await waitLive(page);
  const truth = await todosIn(server.database);
  expect(truth).toHaveLength(3);
  await todos.expectShown(truth);
  expect(snapshots.urls, "positions stay valid over a restart").toEqual([]);
  await todos.add("And on");
  await todos.expectShown(await todosIn(server.database).then((rows) => [...rows.slice(0, 3), { title: "And on", done: false }]));
});

test("spec_nx4_a_page_older_than_the_log_loads_once", async ({ page, server, expectError }) => {
  expectError(NO_CONNECTION);
  const sockets = watchSockets(page);
  const snapshots = countRequests(page, SNAPSHOTS);
  const products = await new Products(page).openLive();
  await server.kill();
  await expect(badge(page)).toHaveText("Reconnecting");
  await sqlite(
    server.database,
    `${hundredChanges()}
     DELETE FROM tidewire_log WHERE id < (SELECT max(id) FROM tidewire_log);`,
  );
  await server.restart();
  await waitLive(page);
  await products.expectShown(await productsIn(server.database));
  expect(snapshots.urls.map((url) => url.split("/").at(-1))).toEqual(["list_products"]);
  const resyncs = sockets.flatMap((socket) => socket.received).filter((frame) => frame.type === "resync");
  // Who is there has no rows to load; the one snapshot is the list's.
  expect(resyncs.filter((frame) => frame.channel !== "page:products")).toMatchObject([
    { channel: "table:public.products", reason: expect.any(String) },
  ]);
  expect(changes(sockets), "a resync is no partial replay").toEqual([]);

  await sqlite(server.database, "UPDATE products SET price = 7 WHERE id = 3");
  await products.expectShown(await productsIn(server.database));
  expect(snapshots.count()).toBe(1);
});

test("spec_sy11_a_deploy_drains_and_pages_come_back", async ({ page, person, server, expectError }) => {
  expectError(NO_CONNECTION);
  const sockets = watchSockets(page);
  const snapshots = countRequests(page, SNAPSHOTS);
  const ann = await new Todos(page).openLive();
  const bob = await new Todos(await person()).openLive();
  await ann.add("Before the deploy");
  await bob.expectShown([{ title: "Before the deploy", done: false }]);

  await server.stop();
  // The browser reports frames in its own time: the server's end may be known here before its last frame.
  await expect.poll(() => sockets[0].received.at(-1)).toMatchObject({ type: "drain", within_ms: expect.any(Number) });
  for (const who of [ann, bob]) await expect(badge(who.page)).toHaveText("Reconnecting");
  await sqlite(server.database, insertTodo("During the deploy"));
  await server.restart();

  const truth = await todosIn(server.database);
  for (const who of [ann, bob]) {
    await waitLive(who.page);
    await who.expectShown(truth);
  }
  expect(snapshots.urls).toEqual([]);
});
