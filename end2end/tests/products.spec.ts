// FB6: whoever writes to the table, with whatever program, is seen by everybody who looks.
import { performance } from "node:perf_hooks";

import { productsIn, sqlite, sqlite3 } from "./support/database";
import { Products } from "./support/pages";
import { expect, test } from "./support/test";

test("spec_fb6_a_row_from_the_command_line_appears_on_an_open_page", async ({ page, server }, info) => {
  const products = await new Products(page).openLive();
  const delays: { fromStart: number; fromExit: number }[] = [];
  for (const n of [1, 2, 3, 4, 5]) {
    // The page notes when the row is in the document; both clocks count from 1970.
    const seen = page.evaluate(
      (name) =>
        new Promise<number>((resolve) => {
          const look = () => {
            if (!document.querySelector(`input[name=name][value="${name}"]`)) return;
            observer.disconnect();
            resolve(performance.timeOrigin + performance.now());
          };
          const observer = new MutationObserver(look);
          observer.observe(document.body, { subtree: true, childList: true, attributes: true });
        }),
      `From a shell ${n}`,
    );
    // An evaluation that came after it has been answered: the observer stands.
    await page.evaluate(() => document.readyState);
    const now = () => performance.timeOrigin + performance.now();
    const start = now();
    await sqlite3([
      server.database,
      `INSERT INTO products (name, price) VALUES ('From a shell ${n}', 9.99)`,
    ]);
    const exit = now();
    const at = await seen;
    delays.push({ fromStart: Math.round(at - start), fromExit: Math.round(at - exit) });
    expect(at - exit).toBeLessThan(5_000);
  }
  const list = (pick: "fromStart" | "fromExit") => delays.map((delay) => delay[pick]).join(", ");
  const description = `ms to the row on the page, from the command's start: ${list("fromStart")}; from its end: ${list("fromExit")}`;
  info.annotations.push({ type: "delay", description });
  console.log(`  FB6: ${description}`);
  await products.expectShown(await productsIn(server.database));
});

test("spec_fb6_updates_and_deletes_from_the_command_line_too", async ({ page, person, server }) => {
  const ann = await new Products(page).openLive();
  const bob = await new Products(await person()).openLive();
  const both = async () => {
    const truth = await productsIn(server.database);
    await ann.expectShown(truth);
    await bob.expectShown(truth);
    return truth;
  };

  await sqlite(server.database, "UPDATE products SET name = 'Storm lamp', price = 99.5 WHERE id = 2");
  expect((await both())[1]).toEqual({ id: 2, name: "Storm lamp", price: 99.5 });

  await sqlite(server.database, "UPDATE products SET price = round(price * 1.1, 2)");
  await both();

  await sqlite(server.database, "DELETE FROM products WHERE id = 1");
  expect(await both()).toHaveLength(2);

  // One transaction of many statements, and one that never was.
  const many = Array.from({ length: 50 }, (_, n) => `INSERT INTO products (name) VALUES ('Lot ${n}');`);
  await sqlite(server.database, `BEGIN; ${many.join("")} DELETE FROM products WHERE name LIKE 'Lot %5'; COMMIT;`);
  expect(await both()).toHaveLength(47);
  await sqlite(server.database, "BEGIN; DELETE FROM products; ROLLBACK;");
  await sqlite(server.database, "INSERT INTO products (name) VALUES ('Last')");
  expect(await both()).toHaveLength(48);
});

test("spec_fb6_a_row_that_holds_markup_is_text", async ({ page, server }) => {
  const products = await new Products(page).openLive();
  const name = `<img src=x onerror="document.title='pwned'">`;
  await sqlite(server.database, `INSERT INTO products (name, price) VALUES ('${name.replaceAll("'", "''")}', 1)`);
  await products.expectShown(await productsIn(server.database));
  await page.reload();
  await products.expectShown(await productsIn(server.database));
  await expect(page.locator("img")).toHaveCount(0);
  await expect(page).toHaveTitle(/Products/);
});
