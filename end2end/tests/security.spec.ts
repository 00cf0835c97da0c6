// SY8: what the browser itself enforces: the policy lets every page work and nothing else run.
import type { Page } from "@playwright/test";

import { insertTodo, quoted, sqlite } from "./support/database";
import { Products, Todos, waitLive } from "./support/pages";
import { expect, test } from "./support/test";

declare global {
  interface Window {
    violations: string[];
    ran?: boolean;
  }
}

/** Notes, from before the first script on, whatever the policy stops. */
async function watchPolicy(page: Page): Promise<() => Promise<string[]>> {
  await page.addInitScript(() => {
    window.violations = [];
    document.addEventListener("securitypolicyviolation", (event) => {
      window.violations.push(`${event.effectiveDirective}: ${event.blockedURI} ${event.sample}`);
    });
  });
  return () => page.evaluate(() => window.violations);
}

const HOSTILE = `</script><img src=x onerror="window.ran = true">`;

test("spec_sy8_no_page_breaks_its_content_security_policy", async ({ page, server, expectError }) => {
  expectError(/status of 404/);
  const violations = await watchPolicy(page);
  await sqlite(server.database, insertTodo("Open"));
  for (const path of ["/", "/todos", "/products", "/nowhere"]) {
    const answer = await page.goto(path);
    expect(answer?.headers()["content-security-policy"]).toContain("script-src 'self' 'nonce-");
    await waitLive(page);
    expect(await violations(), path).toEqual([]);
  }
  await page.context().grantPermissions(["clipboard-write"]);
  // What runs only when somebody does something: theme, copying, the drawer, the router, forms, the socket.
  await page.goto("/");
  await waitLive(page);
  await page.locator("[data-theme-toggle] input[value=dark]").check({ force: true });
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await page.locator("summary").click();
  await page.locator("[data-copy]").first().click();
  await page.getByRole("navigation", { name: "Primary" }).getByRole("link", { name: "Todos" }).click();
  const todos = new Todos(page);
  await todos.add("By the page's code");
  await todos.rename("By the page's code", "Renamed");
  await expect(todos.row("Renamed")).toBeVisible();
  await page.getByRole("navigation", { name: "Primary" }).getByRole("link", { name: "Products" }).click();
  await expect(new Products(page).rows).toHaveCount(3);
  expect(await violations()).toEqual([]);
});

test("spec_sy8_an_event_stream_is_within_the_policy", async ({ page }) => {
  const violations = await watchPolicy(page);
  await page.addInitScript(() => {
    // Nothing lets a WebSocket through.
    window.WebSocket = class {
      constructor() {
        throw new Error("no");
      }
    } as unknown as typeof WebSocket;
  });
  await page.goto("/todos");
  await expect(page.getByRole("banner").getByRole("status").locator(".badge")).toContainText("Live", { timeout: 30_000 });
  expect(await violations()).toEqual([]);
});

test("spec_sy8_what_somebody_wrote_does_not_run", async ({ page, server }) => {
  const violations = await watchPolicy(page);
  await sqlite(server.database, insertTodo(HOSTILE));
  await sqlite(server.database, `UPDATE products SET name = ${quoted(HOSTILE)} WHERE id = 2`);
  const todos = await new Todos(page).openLive();
  await expect(todos.rows).toHaveCount(1);
  expect((await todos.shown())[0].title).toBe(HOSTILE);
  await new Products(page).openLive();
  await expect(page.locator("main img")).toHaveCount(0);
  expect(await page.evaluate(() => window.ran)).toBeUndefined();
  expect(await violations()).toEqual([]);
});

test("spec_sy8_what_gets_into_a_page_all_the_same_is_stopped", async ({ page, expectError }) => {
  expectError(/Content Security Policy|status of 404/);
  const violations = await watchPolicy(page);
  await new Todos(page).openLive();
  await page.evaluate(() => {
    const box = document.createElement("div");
    box.innerHTML = `<img src="/none" onerror="window.ran = true"><p style="color: red">x</p>`;
    document.body.append(box);
    const script = document.createElement("script");
    script.textContent = "window.ran = true";
    document.body.append(script);
    const other = document.createElement("script");
    other.src = "https://evil.example/x.js";
    document.body.append(other);
  });
  const stopped = async () => (await violations()).map((text) => text.split(":")[0]);
  await expect.poll(stopped).toEqual(expect.arrayContaining(["script-src-attr", "script-src-elem", "style-src-attr"]));
  expect(await page.evaluate(() => window.ran)).toBeUndefined();
});

test.describe(() => {
  // No live list that would mend an old page.
  test.use({ javaScriptEnabled: false });

  test("spec_bq9_going_back_shows_no_page_that_was_kept", async ({ page, server }) => {
    await sqlite(server.database, insertTodo("Private"));
    const todos = await new Todos(page).open();
    await expect(todos.rows).toHaveCount(1);
    await new Products(page).open();
    await sqlite(server.database, "DELETE FROM todos");
    await page.goBack();
    await expect(page).toHaveURL(/\/todos$/);
    await expect(todos.rows).toHaveCount(0);
  });
});
