// NX1: the page goes on from the very read that it was rendered from, however late it starts.
import { type Page } from "@playwright/test";

import { insertTodo, productsIn, quoted, sqlite, todosIn } from "./support/database";
import { Products, SNAPSHOTS, Todos, countRequests, waitLive } from "./support/pages";
import { watchSockets } from "./support/sockets";
import { expect, test } from "./support/test";

const HELD_MS = 2_000;

/** Holds WebAssembly back for two seconds, and until `release` is called. */
async function holdWasm(page: Page): Promise<() => void> {
  let release = () => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  await page.route("**/*.wasm", async (route) => {
    await Promise.all([released, new Promise((resolve) => setTimeout(resolve, HELD_MS))]);
    await route.continue();
  });
  return release;
}

test("spec_nx1_changes_before_hydration_are_neither_lost_nor_fetched", async ({ page, person, server }) => {
  await sqlite(
    server.database,
    ["Kept", "To be changed", "To be ticked", "To be deleted"].map((title) => insertTodo(title)).join(""),
  );
  const bob = await new Todos(await person()).openLive();
  const ann = new Todos(page);
  const snapshots = countRequests(page, SNAPSHOTS);
  const release = await holdWasm(page);
  const sockets = watchSockets(page);
  await page.goto("/todos", { waitUntil: "commit" });
  await ann.expectShown(await todosIn(server.database));
  const before = await ann.shown();

  await sqlite(
    server.database,
    `${insertTodo("From a shell")}
     UPDATE todos SET title = 'Changed by a shell', version = version + 1 WHERE title = 'To be changed';
     DELETE FROM todos WHERE title = 'To be deleted';
     ${insertTodo("Added and deleted")}
     DELETE FROM todos WHERE title = 'Added and deleted';`,
  );
  await bob.add("From another page");
  await bob.tick(bob.row("To be ticked")).click();
  await expect(bob.tick(bob.row("To be ticked"))).toHaveAttribute("aria-checked", "true");
  await expect(bob.row("To be ticked")).not.toHaveClass(/pending/);
  expect(await ann.shown(), "nothing moves before hydration").toEqual(before);
  expect(sockets).toHaveLength(0);

  release();
  await waitLive(page);
  const truth = await todosIn(server.database);
  await ann.expectShown(truth);
  expect(truth).toHaveLength(5);
  const [socket] = sockets;
  expect(socket.sent.find((frame) => frame.type === "subscribe")).toMatchObject({
    channel: "resource:todo",
    since: expect.stringMatching(/^[0-9a-f]{16}-\d+$/),
  });
  // Each change came once: the five statements of the shell, the two writes of the other page.
  expect(socket.received.filter((frame) => frame.type === "broadcast" && frame.position)).toHaveLength(7);
  expect(snapshots.urls).toEqual([]);
});

test("spec_nx1_two_lists_of_one_page_go_on_from_one_position_each", async ({ page, server }) => {
  const snapshots = countRequests(page, SNAPSHOTS);
  const release = await holdWasm(page);
  await page.goto("/", { waitUntil: "commit" });
  const figure = (name: string) => page.getByRole("link", { name }).locator(".figure-number");
  await expect(figure("todos open")).toHaveText("0");
  await expect(figure("worth of products")).toHaveText("351.25");
  await sqlite(
    server.database,
    `${insertTodo("Open")} ${insertTodo("Done", true)}
     UPDATE products SET price = price + 100 WHERE name = 'Deck cleat';
     INSERT INTO products (name, price) VALUES (${quoted("Buoy")}, 48.75);`,
  );
  release();
  await waitLive(page);
  await expect(figure("todos open")).toHaveText("1");
  await expect(figure("todos done")).toHaveText("1");
  await expect(figure("worth of products")).toHaveText("500.00");
  expect(snapshots.urls).toEqual([]);
});

for (const path of ["/", "/todos", "/todos?show=done", "/products"]) {
  test(`spec_nx1_a_normal_load_of_${path}_fetches_nothing_twice`, async ({ page, server }) => {
    await sqlite(server.database, insertTodo("Here before", true));
    const snapshots = countRequests(page, SNAPSHOTS);
    const all = countRequests(page, /./);
    await page.goto(path);
    await waitLive(page);
    // Live rows arrive, so whatever the page wanted to fetch at its start, it would have fetched.
    await sqlite(server.database, `${insertTodo("New", true)} INSERT INTO products (name) VALUES ('New');`);
    if (path === "/") await expect(page.getByText("todos done").locator("..")).toContainText("2");
    else await expect(page.locator('input.in-place[value="New"]')).toBeVisible();
    expect(snapshots.urls).toEqual([]);
    expect(new Set(all.urls).size, `every address once: ${all.urls.join(" ")}`).toBe(all.count());
  });
}

for (const path of ["/", "/todos", "/todos?show=open", "/products"]) {
  test(`spec_nx1_${path}_says_the_same_before_and_after_it_is_live`, async ({ page, person, server }) => {
    await sqlite(server.database, `${insertTodo("One")} ${insertTodo("Two")} ${insertTodo("Three", true)}`);
    const plain = await person({ javaScriptEnabled: false });
    await plain.goto(path);
    await page.goto(path);
    await waitLive(page);
    const words = async (who: Page) => {
      const text = await who.getByRole("main").innerText();
      // What only scripts can do has no place where there are none.
      const alike = text.replaceAll(/This page is (live|not live yet)\.|\bCopy\b|Copied/g, "");
      // Each of the two is a guest of their own.
      return alike.replaceAll(/\b\w\w\s+Guest \w{4}/g, "Guest").split(/\s+/).join(" ");
    };
    expect(await words(page)).toBe(await words(plain));
    const values = (who: Page) =>
      who.locator("main input").evaluateAll((inputs) => (inputs as HTMLInputElement[]).map((input) => input.value));
    // The id of the next todo is another in every page.
    const shown = (all: string[]) => all.filter((value) => !/^[0-9a-f]{8}-/.test(value));
    expect(shown(await values(page))).toEqual(shown(await values(plain)));
  });
}

test("spec_nx1_a_page_kept_by_the_back_button_is_true_again", async ({ page, server }) => {
  const products = await new Products(page).openLive();
  // Away from the application, and back.
  await page.route("**/elsewhere", (route) => route.fulfill({ contentType: "text/html", body: "Elsewhere" }));
  await page.goto("/elsewhere");
  await sqlite(server.database, "UPDATE products SET price = 1 WHERE id = 1; DELETE FROM products WHERE id = 2;");
  await page.goBack();
  await waitLive(page);
  await products.expectShown(await productsIn(server.database));
});
