//! The size budget file: one number, the most that a first load may weigh.

use std::fs;
use std::path::PathBuf;

use crate::command::Failure;
use crate::project::{Project, read};

pub(crate) const FILE: &str = "end2end/size-budget.json";
const KEY: &str = "\"first_load_brotli_bytes\"";

pub(crate) fn load(project: &Project) -> Result<u64, Failure> {
    let remedy = "cargo xtask size --record";
    let text = read(&path(project)).map_err(|failure| failure.or_remedy(remedy))?;
    parse(&text).ok_or_else(|| Failure::new(format!("{FILE} has no {KEY}")).or_remedy(remedy))
}

pub(crate) fn store(project: &Project, bytes: u64) -> Result<(), Failure> {
    fs::write(path(project), render(bytes))
        .map_err(|error| Failure::new(format!("cannot write {FILE}: {error}")))
}

/// One percent above the present size, so that noise between compilers does not fail a build.
pub(crate) fn with_headroom(bytes: u64) -> u64 {
    bytes + bytes.div_ceil(100)
}

fn path(project: &Project) -> PathBuf {
    project.root.join(FILE)
}

fn parse(text: &str) -> Option<u64> {
    let (_, rest) = text.split_once(KEY)?;
    let number = rest.trim_start().strip_prefix(':')?.trim_start();
    let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
    number[..end].parse().ok()
}

fn render(bytes: u64) -> String {
    format!("{{\n  {KEY}: {bytes}\n}}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spec_what_is_written_can_be_read() {
        assert_eq!(parse(&render(98_765)), Some(98_765));
    }

    #[test]
    fn spec_spaces_and_other_keys_do_not_matter() {
        let text = r#"{"note": "x", "first_load_brotli_bytes" : 100000, "z": 1}"#;
        assert_eq!(parse(text), Some(100_000));
    }

    #[test]
    fn spec_a_file_without_the_number_is_refused() {
        assert_eq!(parse("{}"), None);
        assert_eq!(parse(r#"{"first_load_brotli_bytes": "many"}"#), None);
    }

    #[test]
    fn spec_the_headroom_is_one_percent_rounded_up() {
        assert_eq!(with_headroom(100_000), 101_000);
        assert_eq!(with_headroom(101), 103);
    }
}
