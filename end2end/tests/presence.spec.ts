// Who is on the page and who is writing: two people, two tabs, a hidden tab, a closed one.
import type { Locator, Page } from "@playwright/test";

import { Todos } from "./support/pages";
import { expect, test } from "./support/test";

/** Grace and time to be told of it. */
const AFTER_GRACE = 12_000;

function people(page: Page): Locator {
  return page.getByRole("list", { name: "People here" }).getByRole("listitem");
}

function others(page: Page): Locator {
  return people(page).filter({ hasNotText: "(you)" });
}

function count(page: Page): Locator {
  return page.locator(".people-count");
}

function typing(page: Page): Locator {
  return page.getByRole("status", { name: "Who is writing" });
}

/** The name by which others see this page's visitor. */
async function nameOf(page: Page): Promise<string> {
  const title = await people(page).filter({ hasText: "(you)" }).getAttribute("title");
  return title!.replace(" (you)", "");
}

/** As if the tab were in the background: browsers under test never hide one by themselves. */
async function setHidden(page: Page, hidden: boolean): Promise<void> {
  await page.evaluate((hidden) => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event("visibilitychange"));
  }, hidden);
}

test("spec_bq3_two_people_see_each_other_and_one_leaves_after_the_grace_period", async ({ page, person }) => {
  const ann = await new Todos(page).openLive();
  await expect(count(page)).toHaveText("Only you here");
  const bob = await new Todos(await person()).openLive();
  for (const [who, other] of [
    [ann.page, bob.page],
    [bob.page, ann.page],
  ]) {
    await expect(count(who)).toHaveText("2 people here");
    await expect(others(who)).toHaveAttribute("title", await nameOf(other));
  }
  await bob.page.close();
  await expect(count(page)).toHaveText("Only you here", { timeout: AFTER_GRACE });
  await expect(others(page)).toHaveCount(0);
});

test("spec_bq3_a_page_that_is_loaded_again_was_never_away", async ({ page, person }) => {
  await new Todos(page).openLive();
  const bob = await new Todos(await person()).openLive();
  await expect(count(page)).toHaveText("2 people here");
  await page.evaluate(() => {
    const seen: string[] = ((window as unknown as { seen: string[] }).seen = []);
    const text = document.querySelector(".people-count")!;
    new MutationObserver(() => seen.push(text.textContent!)).observe(text, {
      characterData: true,
      childList: true,
      subtree: true,
    });
  });
  await bob.page.reload();
  await bob.openLive();
  await expect(count(bob.page)).toHaveText("2 people here");
  expect(await page.evaluate(() => (window as unknown as { seen: string[] }).seen)).toEqual([]);
});

test("spec_bq3_two_tabs_of_one_browser_are_one_person", async ({ page, person }) => {
  const ann = await new Todos(page).openLive();
  const bob = await new Todos(await person()).openLive();
  const second = await new Todos(await bob.page.context().newPage()).openLive();
  await expect(count(ann.page)).toHaveText("2 people here");
  await expect(others(ann.page)).toHaveCount(1);
  await expect(count(second.page)).toHaveText("2 people here");
  expect(await nameOf(second.page)).toBe(await nameOf(bob.page));
  await bob.page.close();
  // Longer than the grace period: the other tab holds him.
  await ann.page.waitForTimeout(6_500);
  await expect(count(ann.page)).toHaveText("2 people here");
});

test("spec_sy2_who_looks_elsewhere_is_shown_as_away", async ({ page, person }) => {
  await new Todos(page).openLive();
  const bob = await new Todos(await person()).openLive();
  await expect(others(page)).toHaveCount(1);
  await setHidden(bob.page, true);
  await expect(others(page)).toContainText("away");
  await setHidden(bob.page, false);
  await expect(others(page)).not.toContainText("away");
});

test("spec_ig4_spec_en7_typing_is_shown_and_ends_three_seconds_after_the_last_key", async ({ page, person }) => {
  await new Todos(page).openLive();
  const bob = await new Todos(await person()).openLive();
  await expect(count(page)).toHaveText("2 people here");
  const before = await page.getByRole("list", { name: "Todos" }).boundingBox();
  await bob.input.pressSequentially("Mend");
  await expect(typing(page)).toHaveText(`${await nameOf(bob.page)} is adding a todo…`);
  await expect(typing(bob.page)).toHaveText("");
  expect(await page.getByRole("list", { name: "Todos" }).boundingBox()).toEqual(before);
  await expect(typing(page)).toHaveText("", { timeout: 5_000 });
});

test("spec_ig4_typing_ends_with_what_was_written_and_with_the_typists_page", async ({ page, person }) => {
  const ann = await new Todos(page).openLive();
  const bob = await new Todos(await person()).openLive();
  await expect(count(page)).toHaveText("2 people here");
  await bob.input.pressSequentially("Mend the nets");
  await expect(typing(page)).not.toHaveText("");
  await bob.input.press("Enter");
  await ann.expectShown([{ title: "Mend the nets", done: false }]);
  await expect(typing(page)).toHaveText("", { timeout: 1_500 });

  await bob.input.pressSequentially("Never sent");
  await expect(typing(page)).not.toHaveText("");
  await bob.page.close();
  await expect(typing(page)).toHaveText("", { timeout: 5_000 });
});

test("spec_nx8_without_scripts_the_people_are_there_and_the_reader_does_not_join", async ({ page, person }) => {
  await new Todos(page).openLive();
  const name = await nameOf(page);
  const carl = await new Todos(await person({ javaScriptEnabled: false })).open();
  await expect(others(carl.page)).toHaveAttribute("title", name);
  await expect(count(page)).toHaveText("Only you here");
});

test("spec_ig5_nothing_flickers_when_the_page_comes_to_life", async ({ page, person }) => {
  await new Todos(await person()).openLive();
  await page.addInitScript(() => {
    const seen: string[] = ((window as unknown as { seen: string[] }).seen = []);
    new MutationObserver(() => {
      const text = document.querySelector(".people-count")?.textContent;
      if (text && seen.at(-1) !== text) seen.push(text);
    }).observe(document, { childList: true, characterData: true, subtree: true });
  });
  await new Todos(page).openLive();
  await expect(count(page)).toHaveText("2 people here");
  expect(await page.evaluate(() => (window as unknown as { seen: string[] }).seen)).toEqual(["2 people here"]);
});
