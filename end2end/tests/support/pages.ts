// The pages as a person reads them.
import { type Locator, type Page, expect } from "@playwright/test";

import type { ProductRow, TodoRow } from "./database";

/** The badge in the header says that the page is live. */
export async function waitLive(page: Page, timeout = 20_000): Promise<void> {
  await expect(badge(page)).toHaveText("Live", { timeout });
}

/** The connection in a word: Connecting, Live, Reconnecting, Paused, Not live. */
export function badge(page: Page): Locator {
  return page.getByRole("banner").getByRole("status").locator(".badge");
}

/** Counts the requests whose address matches, from now on. */
export function countRequests(page: Page, pattern: RegExp): { count: () => number; urls: string[] } {
  const urls: string[] = [];
  page.on("request", (request) => {
    if (pattern.test(new URL(request.url()).pathname)) urls.push(request.url());
  });
  return { count: () => urls.length, urls };
}

/** The server functions that load a live list. */
export const SNAPSHOTS = /^\/api\/.*\/list_\w+$/;

export class Todos {
  readonly rows: Locator;
  readonly input: Locator;

  constructor(readonly page: Page) {
    this.rows = page.getByRole("list", { name: "Todos" }).getByRole("listitem");
    this.input = page.getByLabel("New todo");
  }

  async open(show = ""): Promise<this> {
    await this.page.goto(`/todos${show && `?show=${show}`}`);
    return this;
  }

  async openLive(show = ""): Promise<this> {
    await this.open(show);
    await waitLive(this.page);
    return this;
  }

  /** The row whose title is this one at the moment. */
  row(title: string): Locator {
    return this.rows.filter({ has: this.page.locator(`input.in-place[value=${JSON.stringify(title)}]`) });
  }

  title(row: Locator): Locator {
    return row.getByRole("textbox", { name: "Title" });
  }

  tick(row: Locator): Locator {
    return row.getByRole("checkbox");
  }

  remove(row: Locator): Locator {
    return row.getByRole("button", { name: "Delete" });
  }

  /** A link of the filter: its text ends with a count. */
  filter(name: string): Locator {
    return this.page.getByRole("navigation", { name: "Filter" }).getByRole("link", { name });
  }

  async add(title: string): Promise<void> {
    await this.input.fill(title);
    await this.input.press("Enter");
  }

  async rename(from: string, to: string): Promise<void> {
    const input = this.title(this.row(from));
    await input.fill(to);
    await input.press("Enter");
  }

  /** What the page shows, in one look. */
  shown(): Promise<Omit<TodoRow, "id">[]> {
    return this.rows.evaluateAll((rows) =>
      rows.map((row) => ({
        title: row.querySelector<HTMLInputElement>("input.in-place")!.value,
        done: row.querySelector("[role=checkbox]")!.getAttribute("aria-checked") === "true",
      })),
    );
  }

  async expectShown(expected: Omit<TodoRow, "id">[], timeout = 10_000): Promise<void> {
    const plain = expected.map(({ title, done }) => ({ title, done }));
    await expect.poll(() => this.shown(), { timeout }).toEqual(plain);
  }
}

export class Products {
  readonly rows: Locator;

  constructor(readonly page: Page) {
    this.rows = page.getByRole("table", { name: "Products" }).locator("tbody").getByRole("row");
  }

  async open(): Promise<this> {
    await this.page.goto("/products");
    return this;
  }

  async openLive(): Promise<this> {
    await this.open();
    await waitLive(this.page);
    return this;
  }

  row(name: string): Locator {
    return this.rows.filter({ has: this.page.locator(`input[name=name][value=${JSON.stringify(name)}]`) });
  }

  name(row: Locator): Locator {
    return row.getByRole("textbox", { name: "Name" });
  }

  price(row: Locator): Locator {
    return row.getByRole("spinbutton", { name: "Price" });
  }

  async add(name: string, price: string): Promise<void> {
    await this.page.locator("input#name").fill(name);
    await this.page.locator("input#price").fill(price);
    await this.page.locator("input#price").press("Enter");
  }

  shown(): Promise<ProductRow[]> {
    return this.rows.evaluateAll((rows) =>
      rows.map((row) => ({
        id: Number(row.querySelector("[data-label=Number]")!.textContent),
        name: row.querySelector<HTMLInputElement>("input[name=name]")!.value,
        price: Number(row.querySelector<HTMLInputElement>("input[name=price]")!.value),
      })),
    );
  }

  async expectShown(expected: ProductRow[], timeout = 10_000): Promise<void> {
    await expect.poll(() => this.shown(), { timeout }).toEqual(expected);
  }
}
