// NX8: where no script runs, every list is readable and every form posts and comes back.
import type { Page } from "@playwright/test";

import { insertTodo, productsIn, sqlite, todosIn } from "./support/database";
import { Products, Todos } from "./support/pages";
import { expect, test } from "./support/test";

test.use({ javaScriptEnabled: false });

/** Without scripts the state is what the HTML says. */
const refusal = (page: Page) => page.getByRole("main").getByRole("alert");

test("spec_nx8_todos_are_added_renamed_ticked_and_deleted", async ({ page, server }) => {
  const todos = await new Todos(page).open();
  await todos.add("By a plain form");
  await expect(page).toHaveURL(/\/todos\??$/);
  await expect(todos.row("By a plain form")).toBeVisible();
  await todos.add("Second");
  await expect(todos.rows).toHaveCount(2);

  await todos.rename("By a plain form", "Renamed");
  await expect(todos.row("Renamed")).toBeVisible();
  await expect(page).toHaveURL(/\/todos\??$/);

  await todos.tick(todos.row("Renamed")).click();
  await expect(todos.tick(todos.row("Renamed"))).toHaveAttribute("aria-checked", "true");

  // A filter is an address, and a form comes back to it.
  await todos.filter("Done").click();
  await expect(todos.rows).toHaveCount(1);
  await todos.tick(todos.row("Renamed")).click();
  await expect(page).toHaveURL(/show=done/);
  await expect(todos.rows).toHaveCount(0);
  await todos.filter("All").click();

  await todos.row("Second").hover();
  await todos.remove(todos.row("Second")).click();
  await expect(todos.rows).toHaveCount(1);
  await expect.poll(() => todosIn(server.database)).toMatchObject([{ title: "Renamed", done: false }]);
  const badge = page.locator("noscript .badge");
  await expect(badge).toBeVisible();
  await expect(badge).toHaveText("Not live: no JavaScript");
});

test("spec_nx8_a_refused_todo_says_why", async ({ page, server }) => {
  await sqlite(server.database, insertTodo("Contested"));
  const todos = await new Todos(page).open();
  await todos.add("   ");
  await expect(refusal(page)).toContainText("A todo needs a title.");
  await expect.poll(() => todosIn(server.database)).toHaveLength(1);

  // The next one that is good takes the message away.
  await todos.add("Good");
  await expect(todos.row("Good")).toBeVisible();
  await expect(refusal(page)).toHaveCount(0);

  // Somebody else was faster: the row as it is now is shown.
  await sqlite(server.database, "UPDATE todos SET title = 'Theirs', version = version + 1 WHERE title = 'Contested'");
  await todos.rename("Contested", "Mine");
  await expect(refusal(page)).toContainText("Somebody else changed this in the meantime.");
  await expect(refusal(page)).toContainText("Theirs");
  await expect(todos.row("Theirs")).toBeVisible();

  await sqlite(server.database, "DELETE FROM todos WHERE title = 'Theirs'");
  await todos.rename("Theirs", "Mine");
  await expect(refusal(page)).toContainText("This has been deleted in the meantime.");
});

test("spec_nx8_products_are_added_changed_and_deleted", async ({ page, server }) => {
  const products = await new Products(page).open();
  await expect(products.rows).toHaveCount(3);
  await expect.poll(() => productsIn(server.database)).toHaveLength(3);

  await products.add("Sextant", "310.40");
  await expect(page).toHaveURL(/\/products\??$/);
  await expect(products.row("Sextant")).toContainText("4");

  await products.name(products.row("Sextant")).fill("Old sextant");
  await products.price(products.row("Sextant")).fill("99.90");
  await products.row("Sextant").hover();
  await products.row("Sextant").getByRole("button", { name: "Save" }).click();
  await expect(products.row("Old sextant")).toBeVisible();
  expect((await productsIn(server.database))[3]).toEqual({ id: 4, name: "Old sextant", price: 99.9 });

  await products.row("Deck cleat").hover();
  await products.row("Deck cleat").getByRole("button", { name: "Delete" }).click();
  await expect(products.rows).toHaveCount(3);
  await expect(products.row("Deck cleat")).toHaveCount(0);
  await expect.poll(() => productsIn(server.database)).toHaveLength(3);
});

test("spec_nx8_a_refused_product_says_why_and_shows_the_current_row", async ({ page, server }) => {
  const products = await new Products(page).open();
  await sqlite(server.database, "UPDATE products SET price = 70 WHERE id = 2");
  await products.name(products.row("Signal lamp")).fill("My lamp");
  await products.name(products.row("Signal lamp")).press("Enter");
  await expect(refusal(page)).toContainText("Somebody else changed this in the meantime.");
  await expect(refusal(page)).toContainText("Signal lamp");
  await expect(refusal(page)).toContainText("70");
  expect((await productsIn(server.database))[1]).toMatchObject({ name: "Signal lamp", price: 70 });

  await products.add("   ", "1");
  await expect(refusal(page)).toContainText("A product needs a name");
  await products.add("Too dear", "1000001");
  await expect(refusal(page)).toContainText("A price lies between 0 and 1,000,000.");
  await products.add("Dear", "1000000");
  await expect(products.row("Dear")).toBeVisible();
  await expect(refusal(page)).toHaveCount(0);
});

for (const [scripts, javaScriptEnabled] of [
  ["with", true],
  ["without", false],
] as const) {
  for (const width of [360, 390, 1280]) {
    test.describe(() => {
      test.use({ viewport: { width, height: 800 }, javaScriptEnabled });

      test(`spec_nx8_nothing_is_wider_than_${width}_px_${scripts}_scripts`, async ({ page, server, expectError }) => {
        expectError(/status of 404/);
        const long = "Averylongwordwithoutasinglespaceinitsothatnothingcanbreakit".repeat(2);
        await sqlite(
          server.database,
          `${insertTodo(long)} ${insertTodo("A title of many words ".repeat(8).trim())}
           INSERT INTO products (name, price) VALUES ('${long}', 1000000);`,
        );
        await sqlite(
          server.database,
          `INSERT INTO notes VALUES ('0197f0a0-0000-7000-8000-000000000001', 'x', '${long.slice(0, 40)}', '${long}', 1)`,
        );
        const pages = ["/", "/todos", "/products", "/notes", "/sign-in", "/sign-up", "/account", "/nowhere"];
        for (const path of pages) {
          await page.goto(path);
          const widest = await page.evaluate(() => document.documentElement.scrollWidth);
          expect(widest, path).toBeLessThanOrEqual(width);
          // The frame clips what sticks out, so look at the boxes themselves as well.
          const outside = await page.getByRole("main").evaluate((main, width) => {
            const scrolls = (element: Element): boolean =>
              element !== main &&
              (getComputedStyle(element).overflowX !== "visible" ||
                (element.parentElement ? scrolls(element.parentElement) : false));
            return [...main.querySelectorAll("*")]
              .filter((element) => element.getBoundingClientRect().right > width + 1)
              .filter((element) => !(element.parentElement && scrolls(element.parentElement)))
              .map((element) => element.outerHTML.slice(0, 120));
          }, width);
          expect(outside, path).toEqual([]);
        }
      });
    });
  }
}
