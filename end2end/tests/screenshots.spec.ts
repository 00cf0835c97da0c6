// Pictures of every page and state, for a person to look at: SHOTS=<folder> npx playwright test screenshots
import { join } from "node:path";
import type { Page } from "@playwright/test";

import { insertTodo, sqlite } from "./support/database";
import { Products, Todos, badge, waitLive } from "./support/pages";
import { Proxy } from "./support/proxy";
import { expect, test } from "./support/test";

const folder = process.env.SHOTS ?? "";

test.skip(!folder, "only with SHOTS=<folder>");

for (const colorScheme of ["light", "dark"] as const) {
  for (const width of [390, 1280]) {
    test.describe(() => {
      test.use({ colorScheme, viewport: { width, height: 800 } });

      const shoot = (page: Page, name: string) =>
        page.screenshot({
          path: join(folder, `${name}-${width}-${colorScheme}.png`),
          fullPage: true,
          animations: "disabled",
        });

      test(`pages ${colorScheme} ${width}`, async ({ page, server, expectError }) => {
        expectError(/status of 4\d\d/);
        const todos = await new Todos(page).openLive();
        await shoot(page, "todos-empty");
        await sqlite(
          server.database,
          `${insertTodo("Buy rope")} ${insertTodo("Paint the hull", true)}
           ${insertTodo("A todo whose title is long enough to need more than the one line that a phone has for it")}`,
        );
        await expect(todos.rows).toHaveCount(3);
        for (const [name, path] of [
          ["home", "/"],
          ["todos", "/todos"],
          ["products", "/products"],
          ["notes", "/notes"],
          ["sign-in", "/sign-in"],
          ["sign-up", "/sign-up"],
          ["account", "/account"],
          ["not-found", "/nowhere"],
        ]) {
          await page.goto(path);
          await waitLive(page);
          await shoot(page, name);
        }
        await page.goto("/todos");
        await waitLive(page);
        await sqlite(server.database, "UPDATE todos SET done = TRUE WHERE title = 'Buy rope'");
        await page.locator("summary").click();
        await expect(page.locator(".frame").first()).toContainText("update");
        await shoot(page, "strip");
      });

      test(`states ${colorScheme} ${width}`, async ({ page, server, expectError }) => {
        expectError(/./);
        const proxy = await Proxy.start(() => server.port);
        await page.route("**/list_products", (route) => route.abort());
        await page.goto(`${proxy.url}/todos`);
        await waitLive(page);
        const todos = new Todos(page);
        await todos.input.evaluate((input) => input.removeAttribute("required"));
        await todos.add("  ");
        await expect(todos.input).toHaveAttribute("aria-invalid", "true");
        await shoot(page, "todo-refused");

        await page.getByRole("link", { name: "Products", exact: true }).click();
        await expect(page.getByText("This list is not up to date")).toBeVisible();
        await shoot(page, "products-failed");
        await page.unroute("**/list_products");
        await page.route("**/list_products", () => {});
        await page.getByRole("link", { name: "Todos", exact: true }).click();
        await page.getByRole("link", { name: "Products", exact: true }).click();
        await expect(page.locator(".skeleton").first()).toBeVisible();
        await shoot(page, "products-loading");

        await page.unroute("**/list_products");
        await page.goto(`${proxy.url}/products`);
        await waitLive(page);
        const products = new Products(page);
        await products.name(products.rows.nth(1)).fill("My lamp");
        await sqlite(server.database, "UPDATE products SET price = 70 WHERE id = 2");
        await expect(products.rows.nth(1).locator('[value="70"]')).toHaveCount(1);
        await products.name(products.rows.nth(1)).press("Enter");
        await expect(products.rows.getByRole("alert")).toBeVisible();
        await shoot(page, "product-conflict");

        await page.goto(`${proxy.url}/todos`);
        await waitLive(page);
        await sqlite(server.database, insertTodo("Waits"));
        await expect(todos.row("Waits")).toBeVisible();
        await page.route("**/add_todo", () => {});
        await todos.add("On its way");
        await expect(todos.row("On its way")).toHaveClass(/pending/);
        await shoot(page, "todo-pending");
        await todos.title(todos.row("Waits")).fill("Being typed");
        await sqlite(server.database, "UPDATE todos SET title = 'Theirs' WHERE title = 'Waits'");
        await expect(page.getByText("Now: “Theirs”")).toBeVisible();
        await shoot(page, "todo-changed-meanwhile");
        await page.keyboard.press("Escape");

        await proxy.cut();
        await expect(badge(page)).toHaveText("Reconnecting");
        await expect(page.getByRole("button", { name: "Retry now" })).toBeVisible({ timeout: 15_000 });
        await shoot(page, "reconnecting");
      });

      test(`without scripts ${colorScheme} ${width}`, async ({ person, server }) => {
        const page = await person({ javaScriptEnabled: false, colorScheme, viewport: { width, height: 800 } });
        await sqlite(server.database, insertTodo("Contested"));
        const todos = await new Todos(page).open();
        await sqlite(server.database, "UPDATE todos SET title = 'Theirs', version = 2");
        await todos.rename("Contested", "Mine");
        await shoot(page, "no-scripts-conflict");
      });
    });
  }
}
