// A Tidewire server of a test's own: a free port, a fresh database, a log that must stay clean.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** How long a start or a stop may take before something is wrong. */
const PATIENCE_MS = 15_000;

export class Server {
  /** The database's file. */
  readonly database: string;
  /** Where it listens; the port stays the same over restarts. */
  url = "";
  /** All that it has written to standard error, over all restarts. */
  log = "";
  private process?: ChildProcess;

  private constructor(
    private readonly folder: string,
    private readonly environment: Record<string, string>,
  ) {
    this.database = join(folder, "tidewire.db");
  }

  static async start(environment: Record<string, string> = {}): Promise<Server> {
    const server = new Server(await mkdtemp(join(tmpdir(), "tidewire-")), environment);
    try {
      await server.run(0);
    } catch (error) {
      await rm(server.folder, { recursive: true, force: true });
      throw error;
    }
    return server;
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  get running(): boolean {
    return this.process !== undefined;
  }

  /** Starts again on the same port and database, after `stop` or `kill`. */
  async restart(): Promise<void> {
    await this.run(this.port);
  }

  /** Asks the server to stop, as a deploy does, and insists that it ends well. */
  async stop(): Promise<void> {
    const [code, signal] = await this.end("SIGTERM");
    if (code !== 0) {
      throw new Error(`the server ended with ${signal ?? code} instead of 0:\n${this.log}`);
    }
  }

  /** kill -9: no goodbye to anybody. */
  async kill(): Promise<void> {
    await this.end("SIGKILL");
  }

  /** Stops the server if it runs, removes its files, and throws when its log tells of an error. */
  async dispose(): Promise<void> {
    try {
      if (this.running) await this.stop();
    } finally {
      await rm(this.folder, { recursive: true, force: true });
    }
    const bad = this.log.split("\n").filter((line) => /\bERROR\b|panicked at/.test(line));
    if (bad.length > 0) throw new Error(`the server's log tells of errors:\n${bad.join("\n")}`);
  }

  private async run(port: number): Promise<void> {
    const child = spawn(setting("TIDEWIRE_SERVER"), [], {
      env: {
        ...process.env,
        NO_COLOR: "1",
        LEPTOS_SITE_ROOT: setting("LEPTOS_SITE_ROOT"),
        LEPTOS_SITE_ADDR: `127.0.0.1:${port}`,
        DATABASE_URL: `sqlite://${this.database}`,
        ...this.environment,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stderr.on("data", (text) => (this.log += text));
    this.url = await new Promise<string>((resolve, reject) => {
      const fail = (why: string) => reject(new Error(`the server ${why}:\n${this.log}`));
      const timer = setTimeout(() => {
        child.kill("SIGKILL");
        fail(`said no address within ${PATIENCE_MS} ms`);
      }, PATIENCE_MS);
      let said = "";
      child.stdout.on("data", (text) => {
        const address = /listening on (http:\/\/\S+)/.exec((said += text));
        if (address) {
          clearTimeout(timer);
          resolve(address[1]);
        }
      });
      child.once("error", (error) => fail(`did not start (${error.message})`));
      child.once("exit", (code, signal) => fail(`ended at once with ${signal ?? code}`));
    });
    this.process = child;
  }

  private async end(how: NodeJS.Signals): Promise<[number | null, NodeJS.Signals | null]> {
    const child = this.process;
    if (!child) throw new Error("the server is not running");
    this.process = undefined;
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error(`the server ended by itself with ${child.signalCode ?? child.exitCode}:\n${this.log}`);
    }
    const exit = once(child, "exit", { signal: AbortSignal.timeout(PATIENCE_MS) });
    child.kill(how);
    try {
      return (await exit) as [number | null, NodeJS.Signals | null];
    } catch {
      child.kill("SIGKILL");
      throw new Error(`the server did not end within ${PATIENCE_MS} ms of ${how}:\n${this.log}`);
    }
  }
}

function setting(name: string): string {
  const value = process.env[name];
  if (!value) {
    throw new Error(`${name} is not set: run the browser tests by \`cargo xtask test --only browser\``);
  }
  return value;
}
