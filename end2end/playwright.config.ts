// How the browser tests run. `cargo xtask test --only browser` sets what they need:
// TIDEWIRE_SERVER (the binary each spec file starts), LEPTOS_SITE_ROOT and CHROMIUM.
import { defineConfig } from "@playwright/test";

export default defineConfig({
  testDir: "./tests",
  outputDir: "../target/browser-tests",
  // Two, because two cores have to run server, browser and test.
  workers: 2,
  // A test that passes at the second try is a test that fails.
  retries: 0,
  forbidOnly: !!process.env.CI,
  timeout: 60_000,
  reporter: "list",
  use: {
    browserName: "chromium",
    trace: "retain-on-failure",
    screenshot: "only-on-failure",
    launchOptions: {
      executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
      args: [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
});
