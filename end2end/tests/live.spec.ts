// Two people, and one without scripts, on one list.
import { quoted, sqlite, todosIn } from "./support/database";
import { Todos } from "./support/pages";
import { expect, test } from "./support/test";

test("spec_ig1_two_people_see_each_other_add_edit_tick_and_delete", async ({ page, person, server }) => {
  const ann = await new Todos(page).openLive();
  const bob = await new Todos(await person()).openLive();
  const both = async (expected: { title: string; done: boolean }[]) => {
    await ann.expectShown(expected);
    await bob.expectShown(expected);
  };

  await ann.add("Buy rope");
  await both([{ title: "Buy rope", done: false }]);
  await expect(ann.input).toHaveValue("");

  await bob.add("Paint the hull");
  await both([
    { title: "Buy rope", done: false },
    { title: "Paint the hull", done: false },
  ]);

  await bob.rename("Buy rope", "Buy more rope");
  await ann.tick(ann.row("Paint the hull")).click();
  await both([
    { title: "Buy more rope", done: false },
    { title: "Paint the hull", done: true },
  ]);

  await ann.row("Buy more rope").hover();
  await ann.remove(ann.row("Buy more rope")).click();
  await both([{ title: "Paint the hull", done: true }]);
  await both(await todosIn(server.database));
});

test("spec_bq1_a_filter_and_its_counts_follow_what_others_do", async ({ page, person }) => {
  const ann = await new Todos(page).openLive("open");
  const bob = await new Todos(await person()).openLive();
  const counts = async (all: number, open: number, done: number) => {
    for (const who of [ann, bob]) {
      await expect(who.filter("All")).toHaveText(`All ${all}`);
      await expect(who.filter("Open")).toHaveText(`Open ${open}`);
      await expect(who.filter("Done")).toHaveText(`Done ${done}`);
    }
  };
  await counts(0, 0, 0);
  await expect(ann.page.getByText("Nothing to do here")).toBeVisible();

  await bob.add("One");
  await bob.add("Two");
  await counts(2, 2, 0);
  await expect(ann.page.getByText("Nothing to do here")).toBeHidden();

  await bob.tick(bob.row("One")).click();
  await counts(2, 1, 1);
  await ann.expectShown([{ title: "Two", done: false }]);

  await ann.filter("Done").click();
  await expect(ann.page).toHaveURL(/show=done/);
  await expect(ann.filter("Done")).toHaveAttribute("aria-current", "true");
  await ann.expectShown([{ title: "One", done: true }]);
  await bob.tick(bob.row("One")).click();
  await ann.expectShown([]);
  await counts(2, 2, 0);
});

test("spec_nx8_a_third_person_without_scripts_sees_it_after_a_reload", async ({ page, person }) => {
  const ann = await new Todos(page).openLive();
  const carl = await new Todos(await person({ javaScriptEnabled: false })).open();
  await expect(carl.page.getByText("Nothing to do here")).toBeVisible();
  await ann.add("Seen by everybody");
  await expect(ann.row("Seen by everybody")).not.toHaveClass(/pending/);
  await carl.page.reload();
  await expect(carl.title(carl.rows)).toHaveValue("Seen by everybody");
});

test("spec_bq1_the_keyboard_is_enough", async ({ page, server }) => {
  const todos = await new Todos(page).openLive();
  const key = (name: string) => page.keyboard.press(name);

  // Tab from the top of the page reaches the skip link, and by it the content.
  await key("Tab");
  await expect(page.getByRole("link", { name: "Skip to content" })).toBeFocused();
  await key("Enter");
  await expect(page.getByRole("main")).toBeFocused();
  for (const name of ["All", "Open", "Done"]) {
    await key("Tab");
    await expect(todos.filter(name)).toBeFocused();
  }
  await key("Tab");
  await expect(todos.input).toBeFocused();

  await page.keyboard.type("Reef the sail");
  await key("Enter");
  await todos.expectShown([{ title: "Reef the sail", done: false }]);
  await expect(todos.input).toBeFocused();

  await key("Tab");
  await key("Tab");
  await expect(todos.tick(todos.rows)).toBeFocused();
  await key("Space");
  await todos.expectShown([{ title: "Reef the sail", done: true }]);
  await expect(todos.tick(todos.rows)).toBeFocused();

  await key("Tab");
  await expect(todos.title(todos.rows)).toBeFocused();
  await key("End");
  await page.keyboard.type(" twice");
  await key("Enter");
  await expect(todos.row("Reef the sail twice")).toBeVisible();
  await expect(todos.title(todos.rows)).toBeFocused();

  await page.keyboard.type(" or not");
  await expect(todos.title(todos.rows)).toHaveValue("Reef the sail twice or not");
  await key("Escape");
  await expect(todos.title(todos.rows)).toHaveValue("Reef the sail twice");
  await expect(todos.title(todos.rows)).toBeFocused();
  await expect(todos.rows).not.toHaveClass(/pending/);
  await expect.poll(() => todosIn(server.database)).toMatchObject([{ title: "Reef the sail twice", done: true }]);

  await key("Tab");
  await expect(todos.remove(todos.rows)).toBeFocused();
  await expect(todos.remove(todos.rows)).toBeVisible();
  await key("Enter");
  await todos.expectShown([]);
  await expect.poll(() => todosIn(server.database)).toEqual([]);
});

test("spec_bq1_what_others_do_takes_neither_focus_nor_text", async ({ page, person, server }) => {
  const ann = await new Todos(page).openLive();
  const bob = await new Todos(await person()).openLive();
  await bob.add("Mine to edit");
  await bob.add("Theirs");

  // In the field for new todos.
  await ann.input.pressSequentially("Half a tit");
  await bob.add("Arrives meanwhile");
  await expect(ann.row("Arrives meanwhile")).toBeVisible();
  await expect(ann.input).toBeFocused();
  await ann.page.keyboard.type("le");
  await expect(ann.input).toHaveValue("Half a title");

  // In a row, with the caret in the middle of the text.
  const title = ann.title(ann.row("Mine to edit"));
  await title.focus();
  await ann.page.keyboard.press("Home");
  await ann.page.keyboard.type("Still ");
  await bob.tick(bob.row("Mine to edit")).click();
  await bob.rename("Theirs", "Theirs, renamed");
  await expect(ann.tick(ann.row("Mine to edit"))).toHaveAttribute("aria-checked", "true");
  await expect(ann.row("Theirs, renamed")).toBeVisible();
  await expect(title).toBeFocused();
  await expect(title).toHaveValue("Still Mine to edit");
  expect(await title.evaluate((input: HTMLInputElement) => input.selectionStart)).toBe("Still ".length);

  // Also when the very title is changed by another program: the page says so and keeps what is typed.
  await sqlite(
    server.database,
    `UPDATE todos SET title = ${quoted("Changed by a shell")}, version = version + 1 WHERE title = 'Mine to edit'`,
  );
  const edited = ann.row("Changed by a shell");
  await expect(edited.getByText("Now: “Changed by a shell”")).toBeVisible();
  await expect(ann.title(edited)).toHaveValue("Still Mine to edit");
  await expect(ann.title(edited)).toBeFocused();
  await ann.page.keyboard.press("Escape");
  await expect(ann.title(edited)).toHaveValue("Changed by a shell");
});
