// EN2, EN6, BQ5, BQ6: one socket a page, shared by its lists, kept while the router changes pages.
import type { Page } from "@playwright/test";

import { insertTodo, productsIn, sqlite, todosIn } from "./support/database";
import { Products, SNAPSHOTS, Todos, badge, countRequests, waitLive } from "./support/pages";
import { channels, watchSockets } from "./support/sockets";
import { expect, test } from "./support/test";

const TODO = "resource:todo";
const PRODUCTS = "table:public.products";
const WORTH = "query:worth:pe30";

/** Without the channels of who is there and who is writing. */
function lists(names: string[]): string[] {
  return names.filter((name) => name === TODO || name === PRODUCTS);
}

function follow(page: Page, name: string) {
  return page.getByRole("navigation", { name: "Primary" }).getByRole("link", { name }).click();
}

test("spec_en6_one_socket_for_all_lists_of_a_page", async ({ page }) => {
  const sockets = watchSockets(page);
  await page.goto("/");
  await waitLive(page);
  const [socket] = sockets;
  await expect.poll(() => channels(socket.received, "ack").toSorted()).toEqual([WORTH, TODO]);
  expect(channels(socket.sent, "subscribe").toSorted()).toEqual([WORTH, TODO]);
  expect(sockets).toHaveLength(1);
  expect(socket.url).toMatch(/^ws:\/\/127\.0\.0\.1:\d+\/realtime$/);
});

test("spec_en6_the_router_keeps_the_socket_and_leaves_what_is_not_shown", async ({ page, server }) => {
  const sockets = watchSockets(page);
  const snapshots = countRequests(page, SNAPSHOTS);
  const loaded = () => snapshots.urls.map((url) => url.split("/").at(-1));
  const todos = await new Todos(page).openLive();
  await todos.add("Still here");
  const [socket] = sockets;

  await follow(page, "Products");
  const products = new Products(page);
  await products.expectShown(await productsIn(server.database));
  await expect.poll(() => lists(channels(socket.sent, "unsubscribe"))).toEqual([TODO]);
  expect(lists(channels(socket.sent, "subscribe"))).toEqual([TODO, PRODUCTS]);
  expect(loaded()).toEqual(["list_products"]);
  await sqlite(server.database, "UPDATE products SET name = 'Live after a click' WHERE id = 1");
  await products.expectShown(await productsIn(server.database));

  // Nobody listens to todos now; what happens to them meanwhile is there on the way back.
  await sqlite(server.database, `UPDATE todos SET done = TRUE; ${insertTodo("Added while away")}`);
  await page.goBack();
  await todos.expectShown(await todosIn(server.database));
  await expect.poll(() => lists(channels(socket.sent, "unsubscribe"))).toEqual([TODO, PRODUCTS]);
  await sqlite(server.database, insertTodo("And live"));
  await todos.expectShown(await todosIn(server.database));

  await follow(page, "Home");
  await expect(page.getByText("todos open").locator("..")).toContainText("2");
  await follow(page, "Todos");
  await todos.expectShown(await todosIn(server.database));
  await todos.add("Written after it all");
  await expect(todos.row("Written after it all")).not.toHaveClass(/pending/);
  await todos.expectShown(await todosIn(server.database));

  expect(sockets, "one socket all the way").toHaveLength(1);
  expect(socket.closed).toBe(false);
  await expect
    .poll(async () => (await (await page.request.get("/realtime/stats")).json()).subscriptions)
    .toBe(3); // The list, who is on the page, and who is writing.
});

test("spec_nx4_a_list_that_could_not_be_loaded_says_so_and_is_tried_again", async ({ page, server, expectError }) => {
  expectError(/net::ERR_FAILED|Failed to load resource/);
  await new Todos(page).openLive();
  await page.route("**/list_products", (route) => route.abort());
  await follow(page, "Products");
  const notice = page.getByRole("main").getByRole("alert");
  await expect(notice).toContainText("This list is not up to date");
  await expect(notice).toContainText("The server could not be reached.");
  await page.unroute("**/list_products");
  await notice.getByRole("button", { name: "Try again" }).click();
  const products = new Products(page);
  await products.expectShown(await productsIn(server.database));
  await expect(notice).toBeHidden();
  await sqlite(server.database, "UPDATE products SET price = 3");
  await products.expectShown(await productsIn(server.database));
});

// Every click begins another row of tries, and those before it go on.
test("spec_nx4_once_a_list_is_loaded_no_older_try_loads_it_again", async ({ page, server, expectError }) => {
  expectError(/net::ERR_FAILED|Failed to load resource/);
  await page.clock.install();
  await new Todos(page).openLive();
  const snapshots = countRequests(page, SNAPSHOTS);
  await page.route("**/list_products", (route) => route.abort());
  await follow(page, "Products");
  const again = page.getByRole("main").getByRole("button", { name: "Try again" });
  await again.click();
  await expect.poll(snapshots.count).toBeGreaterThan(1);
  await page.unroute("**/list_products");
  await again.click();
  const products = new Products(page);
  await products.expectShown(await productsIn(server.database));
  const loaded = snapshots.count();
  await page.clock.fastForward("01:00");
  await sqlite(server.database, "UPDATE products SET price = 3");
  await products.expectShown(await productsIn(server.database));
  expect(snapshots.count()).toBe(loaded);
});

test("spec_bq6_the_strip_shows_the_frames_as_they_come", async ({ page, server }) => {
  await page.goto("/todos");
  await waitLive(page);
  const strip = page.getByRole("complementary", { name: "Activity" });
  await strip.locator("summary").click();
  const frames = strip.getByRole("listitem");
  await expect(frames.filter({ hasText: "welcome" })).toHaveCount(1);
  await expect(frames.filter({ hasText: "subscribe" }).filter({ hasText: TODO })).toHaveCount(1);
  await sqlite(server.database, insertTodo("On the wire"));
  const newest = frames.first();
  await expect(newest).toContainText("insert");
  await expect(newest).toContainText(TODO);
  await expect(newest).toContainText("On the wire");
  await sqlite(server.database, "DELETE FROM todos");
  await expect(newest).toContainText("delete");
});

test("spec_en2_the_badge_is_a_word_that_is_read_out", async ({ page }) => {
  await page.goto("/");
  await waitLive(page);
  await expect(badge(page).locator("xpath=ancestor::*[@role='status']")).toBeVisible();
  await expect(page.getByText("This page is live.")).toBeVisible();
});

test("spec_bq5_stats_count_pages_and_channels", async ({ page, person }) => {
  const stats = async () => (await page.request.get("/api/realtime/stats")).json();
  expect(await stats()).toMatchObject({ connections: 0, channels: 0 });
  await page.goto("/");
  await waitLive(page);
  const other = await person();
  await new Todos(other).openLive();
  // The list and the figure of the one; the same list, who is there and who is typing of the other.
  await expect.poll(stats).toMatchObject({ connections: 2, channels: 4 });
  await other.close();
  await expect.poll(stats).toMatchObject({ connections: 1, channels: 2 });
});

test("spec_nx8_a_chosen_theme_is_there_before_the_first_paint", async ({ page, context }) => {
  await page.goto("/");
  await waitLive(page);
  const root = page.locator("html");
  await expect(root).not.toHaveAttribute("data-theme");
  await page.getByTitle("Dark theme").click();
  await expect(root).toHaveAttribute("data-theme", "dark");
  const dark = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);

  await context.addInitScript(() => {
    const seen = window as unknown as { themeAtBody?: string | null };
    new MutationObserver((_, observer) => {
      if (!document.body) return;
      // Nothing can be painted before there is a body.
      seen.themeAtBody = document.documentElement.getAttribute("data-theme");
      observer.disconnect();
    }).observe(document, { childList: true, subtree: true });
  });
  for (const path of ["/", "/todos"]) {
    await page.goto(path);
    expect(await page.evaluate(() => (window as unknown as { themeAtBody: string }).themeAtBody)).toBe("dark");
    await waitLive(page);
    await expect(root).toHaveAttribute("data-theme", "dark");
    await expect(page.getByRole("radio", { name: "Dark theme" })).toBeChecked();
    expect(await page.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe(dark);
  }
  // By keyboard, and back to what the system says.
  await page.getByRole("radio", { name: "Dark theme" }).focus();
  await page.keyboard.press("ArrowRight");
  await expect(root).not.toHaveAttribute("data-theme");
  await page.reload();
  await expect(root).not.toHaveAttribute("data-theme");
});
