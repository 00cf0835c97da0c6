// What every spec file starts from: a server of its own, and pages whose errors are the test's errors.
import { type BrowserContextOptions, type Page, expect, test as base } from "@playwright/test";

import { Server } from "./server";

export { expect };

type Fixtures = {
  /** A server with a fresh database; it is stopped in the end and must have stopped well. */
  server: Server;
  /** Names errors that this test provokes: a console error that matches is no failure. */
  expectError: (pattern: RegExp) => void;
  /** Opens a page as another person: in a context of its own. */
  person: (options?: BrowserContextOptions) => Promise<Page>;
};

type Internal = { trouble: { watch: (page: Page) => void; expected: RegExp[] } };

export const test = base.extend<Fixtures & Internal>({
  server: async ({}, use) => {
    const server = await Server.start();
    await use(server);
    await server.dispose();
  },
  baseURL: async ({ server }, use) => use(server.url),
  trouble: async ({}, use) => {
    const found: string[] = [];
    const expected: RegExp[] = [];
    const watch = (page: Page) => {
      page.on("pageerror", (error) => found.push(`${page.url()}: ${error.stack ?? error.message}`));
      page.on("console", (message) => {
        const { url } = message.location();
        const bad = message.type() === "error" || /hydration|panicked/i.test(message.text());
        if (bad) found.push(`${page.url()}: ${message.text()} (${url})`);
      });
    };
    await use({ watch, expected });
    const unexpected = found.filter((text) => !expected.some((pattern) => pattern.test(text)));
    expect(unexpected, "the browser's console has errors").toEqual([]);
  },
  expectError: async ({ trouble }, use) => use((pattern) => void trouble.expected.push(pattern)),
  page: async ({ page, trouble }, use) => {
    trouble.watch(page);
    await use(page);
  },
  person: async ({ browser, baseURL, trouble }, use) => {
    const contexts: Awaited<ReturnType<typeof browser.newContext>>[] = [];
    await use(async (options = {}) => {
      const context = await browser.newContext({ baseURL, ...options });
      contexts.push(context);
      const page = await context.newPage();
      trouble.watch(page);
      return page;
    });
    await Promise.all(contexts.map((context) => context.close()));
  },
});
