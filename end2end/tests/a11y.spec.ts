// The quality floor: axe finds nothing on any page, light or dark, wide or narrow, live or refused.
import AxeBuilder from "@axe-core/playwright";
import type { Page } from "@playwright/test";

import { Account, PASSWORD } from "./support/accounts";
import { insertTodo, sqlite } from "./support/database";
import { Products, Todos, waitLive } from "./support/pages";
import { expect, test } from "./support/test";

async function expectNoViolations(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const found = violations.flatMap(({ id, nodes }) =>
    nodes.map((node) => `${id}: ${node.target.join(" ")}: ${node.failureSummary?.replaceAll(/\s+/g, " ")}`),
  );
  expect(found, page.url()).toEqual([]);
}

for (const colorScheme of ["light", "dark"] as const) {
  for (const width of [390, 1280]) {
    test.describe(() => {
      test.use({ colorScheme, viewport: { width, height: 900 }, contextOptions: { reducedMotion: "reduce" } });

      test(`spec_nx8_axe_finds_nothing_${colorScheme}_${width}`, async ({ page, server, expectError }) => {
        expectError(/status of 4\d\d/);
        await page.goto("/todos");
        await waitLive(page);
        await expectNoViolations(page);
        await sqlite(server.database, `${insertTodo("Open")} ${insertTodo("Done", true)}`);
        for (const path of ["/", "/todos", "/products", "/notes", "/sign-in", "/sign-up", "/account"]) {
          await page.goto(path);
          await waitLive(page);
          await expectNoViolations(page);
        }
        await page.locator("summary").click();
        await expectNoViolations(page);
        await page.goto("/nowhere");
        await expect(page.getByRole("heading", { level: 1 })).toHaveText("There is no such page");
        await expectNoViolations(page);
      });
    });
  }

  test.describe(() => {
    test.use({ colorScheme, viewport: { width: 360, height: 800 }, contextOptions: { reducedMotion: "reduce" } });

    test(`spec_nx8_axe_finds_nothing_in_accounts_${colorScheme}`, async ({ page, person }) => {
      const ann = new Account(page);
      await new Account(await person()).signUp("Bob", "bob");
      await ann.signUp("Ann", "bob");
      await waitLive(page);
      await expectNoViolations(page);
      await ann.signUp("A name that is as long as a name may be", "ann");
      await waitLive(page);
      await page.goto("/notes");
      await waitLive(page);
      for (const text of ["Mine", "Also mine"]) {
        await page.getByLabel("New note").fill(text);
        await page.getByLabel("New note").press("Enter");
      }
      await page.getByRole("checkbox").first().click();
      await expect(page.getByRole("checkbox").first()).toHaveAttribute("aria-checked", "true");
      await expectNoViolations(page);
      await new Account(await person()).signIn("ann");
      await ann.changePassword("not her password", PASSWORD);
      await waitLive(page);
      await expect(ann.sessions).toHaveCount(2);
      await expectNoViolations(page);
    });
  });

  test.describe(() => {
    test.use({ colorScheme, contextOptions: { reducedMotion: "reduce" } });

    test(`spec_nx8_axe_finds_nothing_in_refusals_${colorScheme}`, async ({ page, server, expectError }) => {
      expectError(/status of 4\d\d/);
      const products = await new Products(page).openLive();
      await products.name(products.rows.nth(1)).fill("Mine");
      await sqlite(server.database, "UPDATE products SET name = 'Theirs' WHERE id = 2");
      await expect(products.row("Theirs")).toBeVisible();
      await products.name(products.rows.nth(1)).press("Enter");
      await expect(products.rows.getByRole("alert")).toBeVisible();
      await expectNoViolations(page);

      const todos = await new Todos(page).openLive();
      await todos.input.evaluate((input) => input.removeAttribute("required"));
      await todos.add("  ");
      await expect(todos.input).toHaveAttribute("aria-invalid", "true");
      await page.route("**/add_todo", () => {});
      await todos.add("Pending");
      await expect(todos.row("Pending")).toHaveClass(/pending/);
      await expectNoViolations(page);
    });
  });
}

test("spec_nx8_every_page_has_a_title_of_its_own", async ({ page }) => {
  const titles = [];
  for (const path of ["/", "/todos", "/products", "/notes", "/sign-in", "/sign-up", "/account"]) {
    const html = await (await page.request.get(path)).text();
    const written = /<title>([^<]*)<\/title>/.exec(html)?.[1];
    await page.goto(path);
    await waitLive(page);
    await expect(page).toHaveTitle(written ?? "a title in the HTML");
    titles.push(written);
  }
  expect(titles).toEqual(["Tidewire", ...["Todos", "Products", "Notes", "Sign in", "Make an account", "Account"].map((name) => `${name} · Tidewire`)]);
  // Also when the router changes the page.
  await page.getByRole("navigation", { name: "Primary" }).getByRole("link", { name: "Todos" }).click();
  await expect(page).toHaveTitle("Todos · Tidewire");
});
