//! House rules that no other tool checks: short files that say in their first line what they are for.

use std::fs;
use std::path::{Path, PathBuf};

use crate::codes::protocol_matches_code;
use crate::command::Failure;
use crate::project::{Project, read};
use crate::threats;

pub(crate) const FOLDERS: [&str; 10] = [
    "src",
    "app",
    "server",
    "frontend",
    "xtask",
    "contract-hash",
    "tests",
    "bench",
    "fuzz",
    "clients",
];
/// The endings of files that are looked at, and what their first line begins with.
const LANGUAGES: [(&str, &str); 2] = [("rs", "//!"), ("py", "\"\"\"")];
const MOST_LINES: usize = 400;

pub(crate) fn check(project: &Project) -> Result<(), Failure> {
    let mut complaints = Vec::new();
    let mut files = 0;
    for (extension, mark) in LANGUAGES {
        let found = FOLDERS.iter().map(|folder| files_of(&project.root.join(folder), extension));
        for file in found.flatten() {
            let name = file.strip_prefix(&project.root).unwrap_or(&file).display().to_string();
            let faults = judge(&read(&file)?, mark).into_iter();
            complaints.extend(faults.map(|fault| format!("{name}: {fault}")));
            files += 1;
        }
    }
    complaints.extend(protocol_matches_code(project));
    complaints.extend(threats::tests_exist(project));
    if complaints.is_empty() {
        println!("{files} files are tidy");
        return Ok(());
    }
    Err(Failure::new(format!("not tidy:\n  {}", complaints.join("\n  ")))
        .or_remedy("cargo xtask tidy   (after the edits)"))
}

/// All Rust files below a folder, sorted; none if the folder is missing.
pub(crate) fn rust_files(folder: &Path) -> Vec<PathBuf> {
    files_of(folder, "rs")
}

/// All files below a folder with this ending, sorted.
pub(crate) fn files_of(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        let hidden = |name: &str| name == "target" || name.starts_with('.');
        if path.file_name().is_some_and(|name| hidden(&name.to_string_lossy())) {
            continue;
        }
        if path.is_dir() {
            found.extend(files_of(&path, extension));
        } else if path.extension().is_some_and(|ending| ending == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn judge(text: &str, mark: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let lines = text.lines().count();
    if lines > MOST_LINES {
        faults.push(format!("{lines} lines, {MOST_LINES} at most: cut it by nouns"));
    }
    let first = text.lines().next().unwrap_or_default();
    let purpose = first.strip_prefix(mark).map(str::trim).unwrap_or_default();
    if purpose.is_empty() {
        faults.push(format!("the first line must be `{mark} what this file is for`"));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spec_a_short_file_with_a_purpose_is_tidy() {
        assert!(judge("//! What it is for.\nfn main() {}\n", "//!").is_empty());
    }

    #[test]
    fn spec_a_file_without_a_purpose_is_not() {
        for text in ["", "//!\nfn x() {}", "// comment", "\n//! too late", "#![cfg(x)]\n//! late"] {
            assert_eq!(judge(text, "//!").len(), 1, "{text:?}");
        }
    }

    #[test]
    fn spec_400_lines_are_allowed_and_401_are_not() {
        let lines = |count: usize| format!("//! Long.\n{}", "x\n".repeat(count - 1));
        assert!(judge(&lines(400), "//!").is_empty());
        assert!(judge(&lines(401), "//!")[0].starts_with("401 lines"));
    }

    #[test]
    fn spec_every_folder_of_the_list_is_there() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository");
        let found = |folder: &&str| {
            LANGUAGES.iter().any(|(ending, _)| !files_of(&root.join(folder), ending).is_empty())
        };
        let missing: Vec<_> = FOLDERS.iter().filter(|folder| !found(folder)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn spec_files_are_found_in_depth_but_not_in_build_folders() {
        let root = std::env::temp_dir().join(format!("xtask-tidy-{}", std::process::id()));
        for file in ["b.rs", "a/deep/c.rs", "target/d.rs", ".x/e.rs", "f.txt"] {
            let file = root.join(file);
            fs::create_dir_all(file.parent().expect("has a parent")).expect("a folder");
            fs::write(file, "").expect("a file");
        }
        assert_eq!(rust_files(&root), [root.join("a/deep/c.rs"), root.join("b.rs")]);
        fs::remove_dir_all(&root).expect("the fixture is removed");
        assert!(rust_files(&root).is_empty());
    }
}
