// IG12: a write against an old row is merged where it can be, and refused with the current row where a
// person has to decide.
import { productsIn, quoted, sqlite, todosIn } from "./support/database";
import { Products, Todos } from "./support/pages";
import { expect, test } from "./support/test";

// What the browser itself says about an answer that is not 2xx.
const REFUSED = /the server responded with a status of 4\d\d/;

test("spec_ig12_a_product_that_changed_meanwhile_is_a_conflict", async ({ page, server, expectError }) => {
  expectError(REFUSED);
  const products = await new Products(page).openLive();
  const row = () => products.rows.nth(1);
  const current = async () => (await productsIn(server.database))[1];
  const someoneElse = (set: string) => sqlite(server.database, `UPDATE products SET ${set} WHERE id = 2`);

  // Mine, over theirs.
  await products.name(row()).fill("My lamp");
  await someoneElse("price = 70");
  await expect(row().locator('input[name=price][value="70"]')).toHaveCount(1);
  await products.name(row()).press("Enter");
  await expect(row().getByRole("alert")).toContainText("Somebody else changed this in the meantime.");
  await expect(row().getByText("Now: “Signal lamp” for 70")).toBeVisible();
  await expect(products.name(row())).toHaveValue("My lamp");
  expect(await current()).toMatchObject({ name: "Signal lamp", price: 70 });
  await row().getByRole("button", { name: "Save" }).click();
  await expect(row().getByRole("alert")).toBeHidden();
  await expect.poll(current).toMatchObject({ name: "My lamp", price: 89.5 });
  await products.expectShown(await productsIn(server.database));

  // Theirs, by Escape.
  await products.price(row()).fill("1");
  await someoneElse("name = 'Their lamp', price = 60");
  await expect(products.row("Their lamp")).toBeVisible();
  await products.price(row()).press("Enter");
  await expect(row().getByRole("alert")).toBeVisible();
  await expect(products.price(row())).toHaveValue("1");
  await products.price(row()).press("Escape");
  await expect(row().getByRole("alert")).toBeHidden();
  await products.expectShown(await productsIn(server.database));
  expect(await current()).toMatchObject({ name: "Their lamp", price: 60 });

  // Gone.
  await products.price(row()).fill("2");
  const gone = page.waitForResponse("**/change_product");
  await page.route("**/change_product", async (route) => {
    await sqlite(server.database, "DELETE FROM products WHERE id = 2");
    await route.continue();
  });
  await products.price(row()).press("Enter");
  expect((await gone).status()).toBe(404);
  await products.expectShown(await productsIn(server.database));
});

test("spec_ig12_a_title_and_a_tick_are_merged", async ({ page, person, server }) => {
  const ann = await new Todos(page).openLive();
  const bob = await new Todos(await person()).openLive();
  await ann.add("Coil the ropes");
  await expect(bob.row("Coil the ropes")).toBeVisible();
  const title = ann.title(ann.rows);
  await title.fill("Coil all the ropes");
  await bob.tick(bob.rows).click();
  await expect(ann.tick(ann.rows)).toHaveAttribute("aria-checked", "true");
  await title.press("Enter");
  const merged = [{ title: "Coil all the ropes", done: true }];
  await ann.expectShown(merged);
  await bob.expectShown(merged);
  await expect.poll(() => todosIn(server.database)).toMatchObject(merged);
  await expect(ann.rows.getByRole("alert")).toBeHidden();
});

test("spec_ig12_two_titles_need_a_person", async ({ page, person, server, expectError }) => {
  expectError(REFUSED);
  const ann = await new Todos(page).openLive();
  const bob = await new Todos(await person()).openLive();
  await ann.add("First");
  await expect(bob.row("First")).toBeVisible();
  const title = ann.title(ann.rows);
  const inDatabase = async () => (await todosIn(server.database))[0].title;

  await title.fill("Ann's");
  await bob.rename("First", "Bob's");
  await expect(ann.rows.getByText("Now: “Bob's”")).toBeVisible();
  await title.press("Enter");
  await expect(ann.rows.getByRole("alert")).toContainText("Somebody else changed this in the meantime.");
  await expect(title).toHaveValue("Ann's");
  expect(await inDatabase()).toBe("Bob's");
  // Saying it again decides for mine.
  await title.press("Enter");
  await expect.poll(inDatabase).toBe("Ann's");
  await bob.expectShown([{ title: "Ann's", done: false }]);
  await expect(ann.rows.getByRole("alert")).toBeHidden();

  // To close the message is not to decide: what stands in the database stays.
  await title.fill("Ann's again");
  await bob.rename("Ann's", "Bob's again");
  await expect(ann.rows.getByText("Now: “Bob's again”")).toBeVisible();
  await title.press("Enter");
  await ann.rows.getByRole("alert").getByRole("button", { name: "Dismiss" }).click();
  await expect(ann.rows.getByRole("alert")).toBeHidden();
  await expect(title).toHaveValue("Bob's again");
  expect(await inDatabase()).toBe("Bob's again");

  // A change that was made by a shell, without a thought of versions.
  await title.fill("Ann's third");
  await sqlite(server.database, `UPDATE todos SET title = ${quoted("Theirs")}`);
  await expect(ann.rows.getByText("Now: “Theirs”")).toBeVisible();
  await title.press("Escape");
  await ann.expectShown([{ title: "Theirs", done: false }]);
});
