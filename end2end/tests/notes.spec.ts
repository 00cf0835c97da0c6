// Notes: rows that are somebody's, on two screens, with scripts and without.
import type { Locator, Page } from "@playwright/test";

import { Account } from "./support/accounts";
import { waitLive } from "./support/pages";
import { expect, test } from "./support/test";

class Notes {
  readonly mine: Locator;
  readonly theirs: Locator;

  constructor(readonly page: Page) {
    this.mine = page.getByRole("list", { name: "Your notes" }).getByRole("listitem");
    this.theirs = page.getByRole("list", { name: "Shared notes" }).getByRole("listitem");
  }

  async open(): Promise<this> {
    await this.page.goto("/notes");
    return this;
  }

  async openLive(): Promise<this> {
    await this.open();
    await waitLive(this.page);
    return this;
  }

  async add(text: string): Promise<void> {
    await this.page.getByLabel("New note").fill(text);
    await this.page.getByLabel("New note").press("Enter");
    await expect(this.row(text)).toBeVisible();
  }

  row(text: string): Locator {
    return this.mine.filter({ has: this.page.locator(`input.in-place[value=${JSON.stringify(text)}]`) });
  }

  share(text: string): Locator {
    return this.row(text).getByRole("checkbox");
  }
}

test("spec_fb9_a_note_that_is_no_longer_shared_vanishes_from_every_other_screen", async ({ page, person }) => {
  await new Account(page).signUp("Ann", "ann");
  const ann = await new Notes(page).openLive();
  const bob = await new Notes(await person()).openLive();
  await ann.add("Only mine");
  await ann.add("For all");
  await expect(bob.theirs).toHaveCount(0);
  await expect(bob.page.getByText("Nobody shares anything")).toBeVisible();

  await ann.share("For all").click();
  await expect(bob.theirs).toHaveCount(1);
  await expect(bob.theirs).toContainText("For all");
  await expect(bob.theirs).toContainText("Ann");
  await expect(ann.share("For all")).toHaveAttribute("aria-checked", "true");
  // It is read there, and written here alone.
  await expect(bob.theirs.getByRole("textbox")).toHaveCount(0);
  await ann.row("For all").getByRole("textbox").fill("For all of you");
  await ann.row("For all").getByRole("textbox").press("Enter");
  await expect(bob.theirs).toContainText("For all of you");

  await ann.share("For all of you").click();
  await expect(bob.theirs).toHaveCount(0);
  await expect(ann.mine).toHaveCount(2);
  // Nothing of the other note was ever on that page's socket.
  await bob.page.locator("summary").click();
  await expect(bob.page.locator(".frames")).not.toContainText("Only mine");
});

test("spec_fb4_a_guests_notes_come_along_and_stay_behind_a_sign_out", async ({ page, person }) => {
  const notes = await new Notes(page).openLive();
  await notes.add("As a guest");
  const account = new Account(page);
  await account.signUp("Ann", "ann", undefined, "/notes");
  await expect(notes.row("As a guest")).toBeVisible();
  await account.signOut();
  await notes.openLive();
  await expect(notes.mine).toHaveCount(0);
  const elsewhere = new Notes(await person());
  await new Account(elsewhere.page).signIn("ann");
  await elsewhere.openLive();
  await expect(elsewhere.row("As a guest")).toBeVisible();
});

test("spec_fb4_another_tab_of_a_guest_becomes_the_users_when_the_guest_signs_in", async ({ page }) => {
  const notes = await new Notes(page).openLive();
  await notes.add("As a guest");
  const other = await new Notes(await page.context().newPage()).openLive();
  await expect(other.row("As a guest")).toBeVisible();
  await new Account(page).signUp("Ann", "ann", undefined, "/notes");
  await notes.add("As Ann");
  await other.openLive();
  await expect(other.row("As Ann")).toBeVisible();
});

test("spec_nx8_an_offline_page_shows_its_notes_and_says_why_nothing_is_saved", async ({ page, expectError }) => {
  expectError(/ERR_INTERNET_DISCONNECTED|WebSocket|Failed to load/);
  const notes = await new Notes(page).openLive();
  await notes.add("Here already");
  await page.context().setOffline(true);
  await notes.share("Here already").click();
  await expect(notes.row("Here already").getByRole("alert")).toContainText("could not be reached");
  await expect(notes.share("Here already")).toHaveAttribute("aria-checked", "false");
  await page.context().setOffline(false);
  await notes.share("Here already").click();
  await expect(notes.share("Here already")).toHaveAttribute("aria-checked", "true");
});

test.describe(() => {
  test.use({ javaScriptEnabled: false });

  test("spec_nx8_notes_are_added_shared_changed_and_deleted_without_scripts", async ({ page, person }) => {
    const ann = await new Notes(page).open();
    const bob = new Notes(await person({ javaScriptEnabled: false }));
    await ann.add("By a plain form");
    await bob.open();
    await expect(bob.theirs).toHaveCount(0);
    await ann.share("By a plain form").click();
    await expect(ann.share("By a plain form")).toHaveAttribute("aria-checked", "true");
    await bob.open();
    await expect(bob.theirs).toContainText("By a plain form");
    await ann.row("By a plain form").getByRole("textbox").fill("Changed");
    await ann.row("By a plain form").getByRole("textbox").press("Enter");
    await expect(ann.row("Changed")).toBeVisible();
    await ann.share("Changed").click();
    await bob.open();
    await expect(bob.theirs).toHaveCount(0);
    await ann.row("Changed").hover();
    await ann.row("Changed").getByRole("button", { name: "Delete" }).click();
    await expect(ann.mine).toHaveCount(0);
  });
});
