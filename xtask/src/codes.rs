//! The error codes in docs/protocol.md and in the source must be the same list.

use std::collections::BTreeSet;
use std::fs;

use crate::project::Project;

const DOCUMENT: &str = "docs/protocol.md";
const SOURCE: &str = "src/contract/error.rs";
const BEGIN: &str = "<!-- error-codes:begin -->";
const END: &str = "<!-- error-codes:end -->";

/// One line for each disagreement.
pub(crate) fn protocol_matches_code(project: &Project) -> Vec<String> {
    let text = |name| fs::read_to_string(project.root.join(name));
    let (Ok(document), Ok(source)) = (text(DOCUMENT), text(SOURCE)) else {
        println!("note: error codes are not compared, {DOCUMENT} or {SOURCE} is missing");
        return Vec::new();
    };
    match documented_codes(&document) {
        Some(documented) => differences(&documented, &codes_in_source(&source)),
        None => vec![format!("{DOCUMENT} has no {BEGIN} … {END} around its error codes")],
    }
}

fn differences(documented: &BTreeSet<&str>, coded: &BTreeSet<&str>) -> Vec<String> {
    let undocumented = coded.difference(documented);
    let unknown = documented.difference(coded);
    undocumented
        .map(|code| format!("error code `{code}` of {SOURCE} is not in {DOCUMENT}"))
        .chain(unknown.map(|code| format!("error code `{code}` of {DOCUMENT} is not in {SOURCE}")))
        .collect()
}

/// The first cell, in backticks, of each table row between the two marks.
fn documented_codes(document: &str) -> Option<BTreeSet<&str>> {
    let (_, rest) = document.split_once(BEGIN)?;
    let (rows, _) = rest.split_once(END)?;
    Some(rows.lines().filter_map(first_cell).collect())
}

fn first_cell(row: &str) -> Option<&str> {
    let cell = row.trim().strip_prefix('|')?.split('|').next()?;
    cell.trim().strip_prefix('`')?.strip_suffix('`')
}

/// The strings of the match arms `ErrorCode::RateLimited => "rate_limited",`.
fn codes_in_source(source: &str) -> BTreeSet<&str> {
    source.lines().filter_map(code_of_arm).collect()
}

fn code_of_arm(line: &str) -> Option<&str> {
    let (pattern, value) = line.split_once("=>")?;
    let pattern = pattern.trim();
    if !pattern.starts_with("ErrorCode::") && !pattern.starts_with("Self::") {
        return None;
    }
    let code = value.trim().strip_prefix('"')?.split('"').next()?;
    // Sentences for people may stand in such arms too.
    let is_code = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    code.chars().all(is_code).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "x\n<!-- error-codes:begin -->\n| code | meaning |\n|---|---|\n\
        | `rate_limited` | wait |\n|`not_found`| gone |\n<!-- error-codes:end -->\n| `other` | x |\n";

    #[test]
    fn spec_codes_are_the_first_cells_between_the_marks() {
        let codes = documented_codes(TABLE).expect("both marks are there");
        assert_eq!(codes, BTreeSet::from(["not_found", "rate_limited"]));
        assert_eq!(documented_codes("no marks"), None);
    }

    #[test]
    fn spec_codes_in_the_source_are_match_arms_with_code_strings() {
        let source = "ErrorCode::RateLimited => \"rate_limited\",\n Self::Gone => \"not_found\",\n\
            ErrorCode::Gone => \"This is gone.\",\n other => \"other\",\n ErrorCode::X => 4000,\n";
        assert_eq!(codes_in_source(source), BTreeSet::from(["not_found", "rate_limited"]));
    }

    #[test]
    fn spec_both_directions_of_disagreement_are_named() {
        let found = differences(&BTreeSet::from(["a", "b"]), &BTreeSet::from(["b", "c"]));
        assert_eq!(found.len(), 2);
        assert!(found[0].starts_with("error code `c` of src/"), "{}", found[0]);
        assert!(found[1].starts_with("error code `a` of docs/"), "{}", found[1]);
        assert!(differences(&BTreeSet::from(["a"]), &BTreeSet::from(["a"])).is_empty());
    }
}
