// Accounts: every form, with scripts and without, and what the other browsers of the same person see of it.
import type { Page } from "@playwright/test";

import { Account, PASSWORD } from "./support/accounts";
import { waitLive } from "./support/pages";
import { expect, test } from "./support/test";

const NEW = "staple battery horse";

/** The field that is wrong says so, is described by the reason, and has the focus. */
async function expectWrong(page: Page, label: string, reason: string): Promise<void> {
  const field = page.getByLabel(label, { exact: true });
  await expect(field).toHaveAttribute("aria-invalid", "true");
  await expect(field).toHaveAccessibleDescription(reason);
  await expect(field).toBeFocused();
}

for (const [scripts, javaScriptEnabled] of [
  ["with", true],
  ["without", false],
] as const) {
  test.describe(() => {
    test.use({ javaScriptEnabled });

    test(`spec_nx8_an_account_is_made_left_and_entered_again_${scripts}_scripts`, async ({ page }) => {
      const ann = new Account(page);
      await page.goto("/notes");
      await ann.menu.getByRole("link", { name: "Sign in" }).click();
      await expect(page.getByRole("heading", { level: 1 })).toHaveText("Sign in");
      await page.getByRole("link", { name: "Make an account" }).click();
      await expect(page.getByLabel("Your name")).toBeVisible();
      await page.getByLabel("Your name").fill("Ann");
      await page.getByLabel("Name or e-mail address to sign in with").fill("ann@example.org");
      await page.getByLabel("Password").fill(PASSWORD);
      await page.getByRole("button", { name: "Make the account" }).click();
      // Back to where it began.
      await expect(page).toHaveURL(/\/notes$/);
      await ann.expectUser("Ann");
      if (javaScriptEnabled) await waitLive(page);

      await ann.menu.getByRole("link").click();
      await expect(page.getByText("ann@example.org").first()).toBeVisible();
      await expect(ann.sessions).toHaveCount(1);
      await expect(ann.sessions).toContainText("This browser");
      await ann.signOut();
      await expect(page).toHaveURL(/\/$/);
      await ann.expectGuest();
      await page.goto("/account");
      await expect(page.getByRole("heading", { name: "You are a guest" })).toBeVisible();

      await ann.signIn("ANN@example.org");
      await ann.expectUser("Ann");
    });

    test(`spec_nx8_refused_forms_say_why_and_keep_what_was_typed_${scripts}_scripts`, async ({ page, person }) => {
      await new Account(await person({ javaScriptEnabled })).signUp("Bob", "bob");
      const ann = new Account(page);
      await ann.signUp("Ann", "bob", PASSWORD, "/notes");
      const login = "Name or e-mail address to sign in with";
      await expectWrong(page, login, "Somebody has this name already. Choose another.");
      await expect(page.getByLabel("Your name")).toHaveValue("Ann");
      await expect(page.getByLabel("Password")).toHaveValue("");
      await page.getByLabel(login).fill("ann");
      await page.getByLabel("Password").fill(PASSWORD);
      await page.getByRole("button", { name: "Make the account" }).click();
      await expect(page).toHaveURL(/\/notes$/);
      await ann.signOut();

      for (const [name, password] of [
        ["ann", "not her password"],
        ["nobody", PASSWORD],
      ]) {
        await ann.signIn(name, password);
        await expectWrong(page, "Password", "The name or the password is wrong.");
        await expect(page.getByLabel("Name or e-mail address")).toHaveValue(name);
      }
      await ann.expectGuest();
      await ann.signIn("ann");
      await ann.expectUser("Ann");
      await ann.changePassword("not her password", NEW);
      await expectWrong(page, "Current password", "This is not your password.");
      await ann.changePassword(PASSWORD, NEW);
      await expect(page.getByRole("status").filter({ hasText: "The password is changed." })).toBeVisible();
      await ann.signOut();
      await ann.signIn("ann", NEW);
      await ann.expectUser("Ann");
    });

    test(`spec_sy5_sessions_are_ended_from_another_browser_${scripts}_scripts`, async ({ page, person }) => {
      const here = new Account(page);
      await here.signUp("Ann", "ann");
      const there = new Account(await person({ javaScriptEnabled }));
      const third = new Account(await person({ javaScriptEnabled }));
      for (const browser of [there, third]) {
        await browser.signIn("ann");
        await browser.expectUser("Ann");
      }
      await page.goto("/account");
      await expect(here.sessions).toHaveCount(3);
      await here.sessions.filter({ hasNotText: "This browser" }).first().getByRole("button").click();
      await expect(page.getByText("The session has ended.")).toBeVisible();
      await expect(here.sessions).toHaveCount(2);
      await page.getByRole("button", { name: "Sign out everywhere else" }).click();
      await expect(here.sessions).toHaveCount(1);
      await expect(page.getByRole("button", { name: "Sign out everywhere else" })).toHaveCount(0);
      for (const browser of [there, third]) {
        await browser.page.goto("/account");
        await browser.expectGuest();
      }
      await here.expectUser("Ann");
    });
  });
}

test("spec_sy5_the_list_of_sessions_is_live", async ({ page, person }) => {
  const here = new Account(page);
  await here.signUp("Ann", "ann");
  await page.goto("/account");
  await waitLive(page);
  await page.getByLabel("New password").fill("half a new pass");
  const there = new Account(await person());
  await there.signIn("ann");
  await expect(here.sessions).toHaveCount(2);
  await there.signOut();
  await expect(here.sessions).toHaveCount(1);
  // What is being typed stays.
  await expect(page.getByLabel("New password")).toHaveValue("half a new pass");
});

test("spec_bq3_others_see_the_name_of_the_account", async ({ page, person }) => {
  await new Account(page).signUp("Ann Smith", "ann");
  await page.goto("/todos");
  await waitLive(page);
  const bob = await person();
  await bob.goto("/todos");
  await waitLive(bob);
  const people = (page: Page) => page.getByRole("list", { name: "People here" });
  await expect(people(bob)).toContainText("Ann Smith");
  await expect(people(page)).toContainText("Ann Smith (you)");
  await page.getByLabel("New todo").pressSequentially("Me");
  await expect(bob.getByRole("status", { name: "Who is writing" })).toHaveText("Ann Smith is adding a todo…");
});
