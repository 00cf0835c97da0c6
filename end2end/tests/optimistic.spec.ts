// IG11: a write is shown at once, kept without a flicker, or taken back with its reason.
import type { Page, Route } from "@playwright/test";

import { productsIn, sqlite, todosIn } from "./support/database";
import { Products, Todos } from "./support/pages";
import { expect, test } from "./support/test";

// What the browser itself says about an answer that is not 2xx.
const REFUSED = /the server responded with a status of 4\d\d/;

/** Holds the calls of a server function, before they reach it or before their answers reach the page. */
async function hold(page: Page, name: string, what: "request" | "answer"): Promise<() => void> {
  let release = () => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  await page.route(`**/${name}`, async (route: Route) => {
    if (what === "request") {
      await released;
      return route.continue();
    }
    const response = await route.fetch();
    await released;
    return route.fulfill({ response });
  });
  return release;
}

/** Notes how many rows with this value there are, after every change of the document from now on. */
async function watchRows(page: Page, value: string): Promise<() => Promise<number[]>> {
  await page.evaluate((value) => {
    const counts: number[] = [];
    const look = () => {
      const rows = [...document.querySelectorAll<HTMLInputElement>("input.in-place")];
      const count = rows.filter((input) => input.value === value).length;
      if (counts.at(-1) !== count) counts.push(count);
    };
    look();
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true });
    (window as unknown as { rowCounts: number[] }).rowCounts = counts;
  }, value);
  return () => page.evaluate(() => (window as unknown as { rowCounts: number[] }).rowCounts);
}

for (const what of ["request", "answer"] as const) {
  test(`spec_ig11_a_new_todo_is_there_while_its_${what}_is_held`, async ({ page, person, server }) => {
    const ann = await new Todos(page).openLive();
    const bob = await new Todos(await person()).openLive();
    const release = await hold(page, "add_todo", what);
    const counts = await watchRows(page, "Shown at once");
    await ann.add("Shown at once");
    await expect(ann.row("Shown at once")).toHaveClass(/pending/);
    await expect(ann.input).toHaveValue("");
    if (what === "answer") await expect(bob.row("Shown at once")).toBeVisible();
    else expect(await todosIn(server.database)).toEqual([]);
    await expect(ann.row("Shown at once")).toHaveClass(/pending/);
    release();
    await expect(ann.row("Shown at once")).not.toHaveClass(/pending/);
    await bob.expectShown([{ title: "Shown at once", done: false }]);
    expect(await counts(), "it came once and stayed").toEqual([0, 1]);
  });
}

test("spec_ig11_a_new_product_keeps_its_place_when_it_gets_its_number", async ({ page, server }) => {
  const products = await new Products(page).openLive();
  const release = await hold(page, "add_product", "request");
  const counts = await watchRows(page, "Anchor");
  await products.add("Anchor", "45.50");
  await expect(products.row("Anchor")).toHaveClass(/pending/);
  release();
  await expect.poll(() => productsIn(server.database)).toHaveLength(4);
  await products.expectShown(await productsIn(server.database));
  const seen = await counts();
  expect(seen.slice(1), `never gone once it was there: ${seen}`).not.toContain(0);
});

// The database makes the number, and the socket is faster than the answer that says which row is ours.
test("spec_ig11_a_new_product_is_not_shown_twice_while_its_answer_is_held", async ({ page, server }) => {
  const products = await new Products(page).openLive();
  const release = await hold(page, "add_product", "answer");
  const counts = await watchRows(page, "Anchor");
  await products.add("Anchor", "45.50");
  await expect(products.row("Anchor").first()).toHaveClass(/pending/);
  // A later change that is seen says that the row itself has come as well.
  await sqlite(server.database, "INSERT INTO products (name) VALUES ('After it')");
  await expect(products.row("After it")).toBeVisible();
  release();
  await products.expectShown(await productsIn(server.database));
  expect(await counts()).toEqual([0, 1]);
});

// A row that leaves a filtered list takes its reason along.
test("spec_ig11_a_refused_tick_says_why_also_in_a_filtered_list", async ({ page, expectError }) => {
  expectError(/net::ERR_FAILED|Failed to load resource/);
  const todos = await new Todos(page).openLive("open");
  await todos.add("Stays open");
  await expect(todos.row("Stays open")).not.toHaveClass(/pending/);
  await page.route("**/tick_todo", (route) => route.abort());
  await todos.tick(todos.rows).click();
  await expect(todos.rows.getByRole("alert")).toContainText("could not be reached");
  await todos.expectShown([{ title: "Stays open", done: false }]);
});

test("spec_ig11_a_refused_todo_goes_and_its_text_comes_back", async ({ page, server, expectError }) => {
  expectError(REFUSED);
  const todos = await new Todos(page).openLive();
  await todos.add("Good");
  await todos.expectShown([{ title: "Good", done: false }]);
  // The browser would not let these through; a page of an older version might.
  await todos.input.evaluate((input) => {
    input.removeAttribute("required");
    input.removeAttribute("maxlength");
  });
  const note = page.locator("#title-note");
  for (const [bad, reason] of [
    ["x".repeat(201), "A title may have 200 characters."],
    ["   ", "A todo needs a title."],
  ]) {
    const answer = page.waitForResponse("**/add_todo");
    await todos.add(bad);
    expect((await answer).status()).toBe(422);
    await expect(note).toHaveText(reason);
    await expect(todos.input).toHaveAttribute("aria-invalid", "true");
    await expect(todos.input).toHaveValue(bad);
    await todos.expectShown([{ title: "Good", done: false }]);
  }
  await todos.add("Better");
  await todos.expectShown([
    { title: "Good", done: false },
    { title: "Better", done: false },
  ]);
  await expect(note).toHaveText("");
  await expect.poll(() => todosIn(server.database)).toHaveLength(2);
});

test("spec_ig11_without_a_network_nothing_is_saved_and_the_page_says_so", async ({ page, server, expectError }) => {
  expectError(/net::ERR_FAILED|Failed to load resource/);
  const todos = await new Todos(page).openLive();
  await todos.add("Stays");
  await expect(todos.row("Stays")).not.toHaveClass(/pending/);
  await page.route("**/api/**", (route) => route.abort());

  await todos.add("Goes");
  await expect(page.locator("#title-note")).toHaveText("The server could not be reached. This may not be saved.");
  await expect(todos.input).toHaveValue("Goes");
  await todos.expectShown([{ title: "Stays", done: false }]);

  await todos.tick(todos.row("Stays")).click();
  await expect(todos.row("Stays").getByRole("alert")).toContainText("could not be reached");
  await expect(todos.tick(todos.row("Stays"))).toHaveAttribute("aria-checked", "false");
  await todos.row("Stays").getByRole("button", { name: "Dismiss" }).click();

  await todos.row("Stays").hover();
  await todos.remove(todos.row("Stays")).click();
  // The row was gone for a moment; it is back, with the reason beside it.
  await expect(todos.row("Stays").getByRole("alert")).toContainText("could not be reached");
  await todos.expectShown([{ title: "Stays", done: false }]);

  await todos.row("Stays").getByRole("button", { name: "Dismiss" }).click();
  await expect(todos.row("Stays").getByRole("alert")).toHaveCount(0);

  await page.unroute("**/api/**");
  await todos.tick(todos.row("Stays")).click();
  await todos.expectShown([{ title: "Stays", done: true }]);
  await expect.poll(() => todosIn(server.database)).toMatchObject([{ title: "Stays", done: true }]);
});
