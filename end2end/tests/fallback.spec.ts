// EN1, EN4: where no WebSocket gets through the page is live over an event stream and says so; where
// realtime is off, pages work and say that.
import type { Page } from "@playwright/test";

import { insertTodo, sqlite, todosIn } from "./support/database";
import { SNAPSHOTS, Todos, badge, countRequests, waitLive } from "./support/pages";
import { Proxy } from "./support/proxy";
import { Server } from "./support/server";
import { watchSockets } from "./support/sockets";
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

// What the browser itself says about connections that cannot be opened.
const NO_CONNECTION = /net::ERR_|WebSocket connection to .* failed|Failed to load resource/;

/** From now on no WebSocket of this page opens, as behind some proxies. */
async function blockWebSockets(page: Page, how: "closes" | "throws"): Promise<void> {
  await page.addInitScript((how) => {
    class Blocked extends EventTarget {
      readyState = 0;
      onopen: ((event: Event) => void) | null = null;
      onmessage: ((event: MessageEvent) => void) | null = null;
      onclose: ((event: CloseEvent) => void) | null = null;
      constructor() {
        super();
        if (how === "throws") throw new DOMException("blocked", "SecurityError");
        setTimeout(() => {
          this.readyState = 3;
          this.onclose?.(new CloseEvent("close", { code: 1006 }));
        }, 20);
      }
      send() {
        throw new DOMException("not open", "InvalidStateError");
      }
      close() {}
    }
    Object.defineProperty(window, "WebSocket", { value: Blocked });
  }, how);
}

async function waitLiveByStream(page: Page): Promise<void> {
  await expect(badge(page)).toHaveText("Live (event stream)", { timeout: 20_000 });
}

/** The addresses that the page's frames are posted to, and what they carry. */
function watchPosts(page: Page): { url: URL; frame: { type: string; channel?: string } }[] {
  const posts: { url: URL; frame: { type: string } }[] = [];
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.pathname === "/realtime/sse" && request.method() === "POST") {
      posts.push({ url, frame: request.postDataJSON() });
    }
  });
  return posts;
}

for (const how of ["closes", "throws"] as const) {
  test(`spec_en1_a_page_whose_websocket_${how}_is_live_over_an_event_stream`, async ({ page, person, server }) => {
    await blockWebSockets(page, how);
    const posts = watchPosts(page);
    const snapshots = countRequests(page, SNAPSHOTS);
    const ann = await new Todos(page).open();
    await waitLiveByStream(page);
    const other = await person();
    const sockets = watchSockets(other);
    const bob = await new Todos(other).openLive();
    expect(sockets).toHaveLength(1);

    await ann.add("From the stream");
    await bob.expectShown([{ title: "From the stream", done: false }]);
    await bob.add("From the socket");
    await bob.rename("From the stream", "Changed by the socket");
    const both = [
      { title: "Changed by the socket", done: false },
      { title: "From the socket", done: false },
    ];
    for (const who of [ann, bob]) await who.expectShown(both);
    await ann.tick(ann.row("From the socket")).click();
    await expect.poll(async () => (await todosIn(server.database)).filter((todo) => todo.done)).toHaveLength(1);
    await bob.expectShown(await todosIn(server.database));
    await sqlite(server.database, insertTodo("By another program"));
    const truth = await todosIn(server.database);
    for (const who of [ann, bob]) await who.expectShown(truth);

    expect(posts.map(({ frame }) => frame.type)).toContain("subscribe");
    expect(new Set(posts.map(({ url }) => url.searchParams.get("connection"))).size, "one stream").toBe(1);
    expect(snapshots.urls, "nothing is loaded twice").toEqual([]);
  });
}

test("spec_en1_the_badge_tells_why_and_keeps_its_size", async ({ page }) => {
  await blockWebSockets(page, "closes");
  await page.goto("/todos");
  const width = async () => (await badge(page).boundingBox())?.width;
  const before = await width();
  await waitLiveByStream(page);
  expect(await width()).toBe(before);
  const about = page.locator("#about-connection");
  await expect(about).toBeHidden();
  await page.getByRole("banner").getByRole("button", { name: "Live (event stream)" }).click();
  await expect(about).toBeVisible();
  await expect(about).toContainText("lets no WebSocket through");
  await page.keyboard.press("Escape");
  await expect(about).toBeHidden();
});

test("spec_en1_an_event_stream_survives_cuts", async ({ page, wire, server, expectError }) => {
  expectError(NO_CONNECTION);
  await blockWebSockets(page, "closes");
  const snapshots = countRequests(page, SNAPSHOTS);
  const todos = await new Todos(page).open();
  await waitLiveByStream(page);
  for (const round of [1, 2, 3]) {
    await wire.cut();
    await expect(badge(page)).toHaveText("Reconnecting");
    await sqlite(server.database, insertTodo(`While away, ${round}`));
    await wire.resume();
    // As the browser says it when its network is back; the waits between the tries grow with each round.
    await expect(async () => {
      await page.evaluate(() => window.dispatchEvent(new Event("online")));
      await expect(badge(page)).toHaveText("Live (event stream)", { timeout: 1_000 });
    }).toPass({ timeout: 20_000 });
    await todos.expectShown(await todosIn(server.database));
  }
  expect(snapshots.urls).toEqual([]);
});

test("spec_en1_lists_share_the_stream_and_leave_it", async ({ page, server }) => {
  await blockWebSockets(page, "closes");
  const posts = watchPosts(page);
  await page.goto("/todos");
  await waitLiveByStream(page);
  await page.getByRole("navigation", { name: "Primary" }).getByRole("link", { name: "Products" }).click();
  await expect
    .poll(() => posts.flatMap(({ frame }) => (frame.type === "unsubscribe" ? [frame.channel] : [])).toSorted())
    .toEqual(["page:todos", "resource:todo", "typing:todos"]);
  const stats = async () => (await page.request.get(`${server.url}/realtime/stats`)).json();
  await expect.poll(stats).toMatchObject({ connections: 1, subscriptions: 2 });
  await page.close();
  await expect
    .poll(async () => (await (await fetch(`${server.url}/realtime/stats`)).json()).connections)
    .toBe(0);
});

const off = base.extend({
  server: async ({}, use) => {
    const server = await Server.start({ TIDEWIRE_REALTIME: "off" });
    await use(server);
    await server.dispose();
  },
});

off("spec_en4_switched_off_pages_work_and_say_so", async ({ page, server }) => {
  const sockets = watchSockets(page);
  const streams = countRequests(page, /^\/realtime/);
  const snapshots = countRequests(page, SNAPSHOTS);
  await sqlite(server.database, insertTodo("There before"));
  const todos = await new Todos(page).open();
  await expect(badge(page)).toHaveText("Not live");
  const notice = page.getByRole("main").getByText("Live updates are switched off on this server.");
  await expect(notice).toBeVisible();
  await todos.expectShown([{ title: "There before", done: false }]);

  // One's own writes show by their own answer.
  await todos.add("Written");
  await expect(todos.row("Written")).not.toHaveClass(/pending/);
  await todos.tick(todos.row("There before")).click();
  await todos.expectShown([
    { title: "There before", done: true },
    { title: "Written", done: false },
  ]);
  await expect.poll(() => todosIn(server.database)).toMatchObject([{ done: true }, { done: false }]);

  // Other people's show when the page is loaded again, or a list is.
  await sqlite(server.database, insertTodo("By another program"));
  await page.getByRole("navigation", { name: "Primary" }).getByRole("link", { name: "Home" }).click();
  await page.getByRole("navigation", { name: "Primary" }).getByRole("link", { name: "Todos" }).click();
  await todos.expectShown(await todosIn(server.database));
  expect(snapshots.urls.length).toBeGreaterThan(0);
  await page.getByRole("button", { name: "Load again" }).click();
  await todos.expectShown(await todosIn(server.database));
  await expect(badge(page)).toHaveText("Not live");
  await expect(notice).toBeVisible();
  expect(sockets).toEqual([]);
  expect(streams.urls).toEqual([]);
});

off("spec_en4_the_notice_is_in_the_document", async ({ browser, baseURL }) => {
  const bare = await browser.newContext({ baseURL, javaScriptEnabled: false });
  const document = await bare.newPage();
  await document.goto("/todos");
  const notice = document.getByRole("main").getByText("Live updates are switched off on this server.");
  await expect(notice).toBeVisible();
  await bare.close();
});

test("spec_en1_a_websocket_is_taken_where_one_can_be_had", async ({ page }) => {
  const streams = countRequests(page, /^\/realtime\/sse$/);
  await page.goto("/todos");
  await waitLive(page);
  expect(streams.urls).toEqual([]);
});
