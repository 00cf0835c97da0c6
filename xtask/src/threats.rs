//! Every test that docs/security.md names must exist: a defence without one is a hope.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::project::Project;
use crate::tidy::{FOLDERS, files_of};

const DOCUMENT: &str = "docs/security.md";
const BEGIN: &str = "<!-- threats:begin -->";
const END: &str = "<!-- threats:end -->";

/// One line for each test that is named and not there, and for each row without a word on tests.
pub(crate) fn tests_exist(project: &Project) -> Vec<String> {
    let Ok(document) = fs::read_to_string(project.root.join(DOCUMENT)) else {
        return vec![format!("{DOCUMENT} is missing")];
    };
    let Some(rows) = rows(&document) else {
        return vec![format!("{DOCUMENT} has no {BEGIN} … {END} around its table")];
    };
    complaints(&rows, &tests(&project.root))
}

fn complaints(rows: &[Vec<&str>], tests: &BTreeSet<String>) -> Vec<String> {
    let mut found = Vec::new();
    for row in rows {
        let [threat, _, named] = row[..] else {
            found.push(format!("{DOCUMENT}: a row has other than three cells: {row:?}"));
            continue;
        };
        if named == "—" {
            continue;
        }
        let names: Vec<_> = named.split(',').map(|name| name.trim().trim_matches('`')).collect();
        let missing = names.iter().filter(|name| !tests.contains(**name));
        found
            .extend(missing.map(|name| format!("{DOCUMENT}: {threat}: there is no test `{name}`")));
    }
    found
}

/// The cells of the rows between the marks, without the table's head.
fn rows(document: &str) -> Option<Vec<Vec<&str>>> {
    let (_, rest) = document.split_once(BEGIN)?;
    let (table, _) = rest.split_once(END)?;
    let rows = table.lines().filter_map(|line| line.strip_prefix('|')?.strip_suffix('|'));
    Some(rows.skip(2).map(|row| row.split('|').map(str::trim).collect()).collect())
}

/// The names of all functions of Rust files, and of all tests of the browser's.
fn tests(root: &Path) -> BTreeSet<String> {
    let text = |file: &Path| fs::read_to_string(file).unwrap_or_default();
    let mut names = BTreeSet::new();
    for folder in FOLDERS {
        for file in files_of(&root.join(folder), "rs") {
            names.extend(names_after(&text(&file), "fn ", '('));
        }
    }
    for file in files_of(&root.join("end2end/tests"), "ts") {
        names.extend(names_after(&text(&file), "test(\"", '"'));
    }
    names
}

fn names_after(text: &str, mark: &str, end: char) -> Vec<String> {
    let found = text.split(mark).skip(1).filter_map(|rest| rest.split(end).next());
    found.filter(|name| name.starts_with("spec_")).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "x\n<!-- threats:begin -->\n| threat | defence | test |\n|---|---|---|\n\
        | one | wall | `spec_a_holds`, `spec_b_holds` |\n| two | | — |\n<!-- threats:end -->\n| not | in | it |\n";

    #[test]
    fn spec_a_test_that_is_named_and_not_there_is_found() {
        let rows = rows(TABLE).expect("both marks are there");
        let tests = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        assert!(complaints(&rows, &tests(&["spec_a_holds", "spec_b_holds"])).is_empty());
        let found = complaints(&rows, &tests(&["spec_a_holds"]));
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("`spec_b_holds`") && found[0].contains("one"), "{}", found[0]);
    }

    #[test]
    fn spec_a_row_that_lost_a_cell_is_found() {
        let table = TABLE.replace("| two | | — |", "| two | — |");
        let rows = rows(&table).expect("both marks are there");
        assert!(complaints(&rows, &BTreeSet::new())[2].contains("three cells"));
    }

    #[test]
    fn spec_tests_are_functions_in_rust_and_strings_in_the_browsers() {
        let rust = "#[test]\nfn spec_a_holds() {}\nasync fn spec_b() {}\nfn other() {}";
        assert_eq!(names_after(rust, "fn ", '('), ["spec_a_holds", "spec_b"]);
        let script = "test(\"spec_c_holds\", async () => {});";
        assert_eq!(names_after(script, "test(\"", '"'), ["spec_c_holds"]);
    }
}
