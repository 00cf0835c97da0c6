//! Running a child process: shown before it runs, and shown again with its remedy when it fails.

use std::ffi::OsStr;
use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};

/// What went wrong and the exact command that repairs or repeats it.
#[derive(Debug)]
pub(crate) struct Failure {
    problem: String,
    remedy: Option<String>,
}

impl Failure {
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        Self { problem: problem.into(), remedy: None }
    }

    /// Keeps the remedy that was given first: it stood closest to the problem.
    pub(crate) fn or_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy.get_or_insert(remedy.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.problem)?;
        match &self.remedy {
            Some(remedy) => write!(f, "\n  run: {remedy}"),
            None => Ok(()),
        }
    }
}

/// Runs to the end with the terminal's own output; a bad exit is a [`Failure`].
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    let line = shown(command);
    println!("$ {line}");
    let status = command
        .status()
        .map_err(|error| Failure::new(format!("`{line}` did not start: {error}")))?;
    if status.success() {
        return Ok(());
    }
    let program = command.get_program().to_string_lossy();
    Err(Failure::new(format!("`{program}` ended with {status}")).or_remedy(line))
}

/// What a quiet question to a tool answers on its standard output, if it succeeds.
pub(crate) fn answer(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(text)
}

/// The line to paste into a shell at the project's root.
pub(crate) fn shown(command: &Command) -> String {
    let mut words: Vec<String> = command
        .get_envs()
        .filter(|(name, _)| !matches!(name.to_str(), Some("PATH" | "RUSTUP_TOOLCHAIN")))
        .filter_map(|(name, value)| Some(format!("{}={}", name.to_string_lossy(), quoted(value?))))
        .collect();
    words.push(quoted(command.get_program()));
    words.extend(command.get_args().map(quoted));
    let line = words.join(" ");
    match command.get_current_dir().and_then(Path::file_name).and_then(OsStr::to_str) {
        Some("end2end") => format!("(cd end2end && {line})"),
        _ => line,
    }
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spec_the_line_shown_can_be_pasted() {
        let mut command = Command::new("npx");
        command.args(["playwright", "test", "it's"]).env("CHROMIUM", "/usr/bin/chromium");
        command.env("PATH", "/hidden").env_remove("GONE").current_dir("/a/end2end");
        assert_eq!(
            shown(&command),
            r"(cd end2end && CHROMIUM=/usr/bin/chromium npx playwright test 'it'\''s')"
        );
    }

    #[test]
    fn spec_the_remedy_nearest_to_the_problem_is_kept() {
        let failure = Failure::new("x").or_remedy("first").or_remedy("second");
        assert_eq!(failure.to_string(), "error: x\n  run: first");
    }

    #[test]
    fn spec_a_failing_child_names_the_command_that_repeats_it() {
        let failure = run(Command::new("false").arg("really")).expect_err("false fails");
        assert!(failure.to_string().ends_with("run: false really"), "{failure}");
    }
}
