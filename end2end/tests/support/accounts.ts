// Accounts as a person uses them.
import { type Locator, type Page, expect } from "@playwright/test";

export const PASSWORD = "correct horse battery";

export class Account {
  readonly menu: Locator;

  constructor(readonly page: Page) {
    this.menu = page.getByRole("banner").locator(".user");
  }

  async signUp(name: string, login: string, password = PASSWORD, next = ""): Promise<void> {
    await this.page.goto(`/sign-up${next && `?next=${next}`}`);
    await this.page.getByLabel("Your name").fill(name);
    await this.page.getByLabel("Name or e-mail address to sign in with").fill(login);
    await this.page.getByLabel("Password").fill(password);
    await this.page.getByRole("button", { name: "Make the account" }).click();
  }

  async signIn(login: string, password = PASSWORD): Promise<void> {
    await this.page.goto("/sign-in");
    await this.page.getByLabel("Name or e-mail address").fill(login);
    await this.page.getByLabel("Password").fill(password);
    await this.page.getByRole("main").getByRole("button", { name: "Sign in" }).click();
  }

  async signOut(): Promise<void> {
    await this.menu.getByRole("button", { name: "Sign out" }).click();
  }

  async changePassword(current: string, next: string): Promise<void> {
    await this.page.goto("/account");
    await this.page.getByLabel("Current password").fill(current);
    await this.page.getByLabel("New password").fill(next);
    await this.page.getByRole("button", { name: "Change the password" }).click();
  }

  get sessions(): Locator {
    return this.page.getByRole("list", { name: "Sessions" }).getByRole("listitem");
  }

  async expectUser(name: string): Promise<void> {
    await expect(this.menu.getByRole("link")).toHaveText(name);
  }

  async expectGuest(): Promise<void> {
    await expect(this.menu.getByRole("link", { name: "Sign in" })).toBeVisible();
  }
}
