// SY3, IG1: a figure that the server computes, on every page that shows it.
import { type Page } from "@playwright/test";

import { quoted, sqlite } from "./support/database";
import { Products, SNAPSHOTS, countRequests, waitLive } from "./support/pages";
import { watchSockets } from "./support/sockets";
import { expect, test } from "./support/test";

const worth = (page: Page) => page.getByRole("link", { name: "worth of products" }).locator(".figure-number");

/** SQL that adds a product of this price. */
const insert = (price: number) => `INSERT INTO products (name, price) VALUES (${quoted("Buoy")}, ${price});`;

test("spec_sy3_a_figure_follows_a_shell_and_another_page", async ({ page, person, server }) => {
  const ann = page;
  const bob = await person();
  for (const who of [ann, bob]) {
    await who.goto("/");
    await waitLive(who);
    await expect(worth(who)).toHaveText("351.25");
  }
  await sqlite(server.database, insert(48.75));
  for (const who of [ann, bob]) await expect(worth(who)).toHaveText("400.00");

  const products = await new Products(await person()).openLive();
  await products.add("Sextant", "1000");
  for (const who of [ann, bob]) await expect(worth(who)).toHaveText("1,400.00");
});

test("spec_nx1_the_answer_of_the_page_is_not_asked_for_again", async ({ page, server }) => {
  const snapshots = countRequests(page, SNAPSHOTS);
  const sockets = watchSockets(page);
  // Another row first: at the very beginning of the log nobody has seen anything.
  await sqlite(server.database, insert(48.75));
  await page.goto("/");
  await waitLive(page);
  await expect(worth(page)).toHaveText("400.00");
  const asked = () => sockets[0].sent.filter((frame) => String(frame.channel).startsWith("query:worth:"));
  await expect.poll(asked).toMatchObject([
    { type: "subscribe", since: expect.stringMatching(/^[0-9a-f]{16}-[1-9]\d*$/) },
  ]);
  const answers = () =>
    sockets[0].received.filter(
      (frame) => frame.type === "broadcast" && String(frame.channel).startsWith("query:worth:"),
    );
  await sqlite(server.database, insert(100));
  await expect(worth(page)).toHaveText("500.00");
  // The change came, and nothing before it.
  expect(answers()).toHaveLength(1);
  expect(snapshots.urls).toEqual([]);
});

test("spec_sy3_a_navigation_asks_for_the_answer", async ({ page, server }) => {
  await page.goto("/todos");
  await waitLive(page);
  await sqlite(server.database, insert(48.75));
  await page.getByRole("link", { name: "Tidewire" }).first().click();
  await expect(worth(page)).toHaveText("400.00");
  await sqlite(server.database, insert(100));
  await expect(worth(page)).toHaveText("500.00");
});

test.describe(() => {
  test.use({ javaScriptEnabled: false });

  test("spec_nx8_the_answer_is_in_the_page", async ({ page, server }) => {
    await sqlite(server.database, insert(48.75));
    await page.goto("/");
    await expect(worth(page)).toHaveText("400.00");
  });
});
