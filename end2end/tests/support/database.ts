// Writes and reads a server's database from outside, through the command line that anybody would use.
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";

/** Runs SQL by the `sqlite3` command and returns the rows of its last query. */
export async function sqlite<Row = Record<string, unknown>>(file: string, sql: string): Promise<Row[]> {
  const out = await sqlite3(["-cmd", ".timeout 10000", "-json", file, sql]);
  return out.trim() === "" ? [] : (JSON.parse(out) as Row[]);
}

/** `sqlite3` with these arguments; resolves with what it wrote once it has ended. */
export function sqlite3(args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile("sqlite3", args, { maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      if (error && (error as NodeJS.ErrnoException).code === "ENOENT") {
        reject(new Error("these tests write through the sqlite3 command: sudo apt-get install sqlite3"));
      } else if (error) {
        reject(new Error(`sqlite3 ${args.at(-1)}: ${stderr || error.message}`));
      } else {
        resolve(stdout);
      }
    });
  });
}

export type TodoRow = { id: string; title: string; done: boolean };
export type ProductRow = { id: number; name: string; price: number };

/** The todos as the database has them, in the order that pages show. */
export async function todosIn(file: string): Promise<TodoRow[]> {
  const rows = await sqlite<{ id: string; title: string; done: number }>(
    file,
    "SELECT id, title, done FROM todos ORDER BY id",
  );
  return rows.map((row) => ({ ...row, done: row.done === 1 }));
}

/** The products as the database has them, in the order that pages show. */
export function productsIn(file: string): Promise<ProductRow[]> {
  return sqlite<ProductRow>(file, "SELECT id, name, price FROM products ORDER BY id");
}

/** SQL that adds a todo, with an id that sorts after all earlier ones. */
export function insertTodo(title: string, done = false): string {
  return `INSERT INTO todos (id, title, done) VALUES ('${uuidV7()}', ${quoted(title)}, ${done});`;
}

/** Text as SQL. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

let lastMs = 0;

/** A UUID of version 7; later ones sort after earlier ones, also within a millisecond. */
export function uuidV7(): string {
  lastMs = Math.max(lastMs + 1, Date.now());
  const time = lastMs.toString(16).padStart(12, "0");
  const random = randomBytes(10).toString("hex");
  return [
    time.slice(0, 8),
    time.slice(8),
    `7${random.slice(1, 4)}`,
    `8${random.slice(5, 8)}`,
    random.slice(8),
  ].join("-");
}
