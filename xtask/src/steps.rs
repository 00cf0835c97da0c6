//! What continuous integration runs, one step after the other.

use std::process::Command;

use clap::ValueEnum;

use crate::command::{Failure, run};
use crate::project::Project;
use crate::{site, size, tidy, tools};

/// In the order in which they run: what fails fastest comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Step {
    /// Install what is missing.
    Tools,
    /// Formatting.
    Fmt,
    /// House rules.
    Tidy,
    /// Lints of everything that runs on the server.
    Clippy,
    /// Lints of everything that runs in the browser.
    ClippyWasm,
    /// All Rust tests.
    Test,
    /// Licences, advisories, sources.
    Deny,
    /// Dependencies that nothing uses.
    Machete,
    /// The release of server and site.
    Build,
    /// Playwright against that release.
    Browser,
    /// The weight of the first load.
    Size,
}

pub(crate) enum Outcome {
    Passed,
    Skipped(&'static str),
}

impl Step {
    pub(crate) const CHECK: [Self; 4] = [Self::Fmt, Self::Tidy, Self::Clippy, Self::ClippyWasm];

    pub(crate) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// What `--quick` leaves out: the browser and the release it needs.
    pub(crate) fn is_slow(self) -> bool {
        matches!(self, Self::Build | Self::Browser | Self::Size)
    }

    /// `quick` spares the tools that only the slow steps use.
    pub(crate) fn run(
        self,
        project: &Project,
        quick: bool,
        playwright: &[String],
    ) -> Result<Outcome, Failure> {
        match self {
            Self::Tools if quick => tools::ensure_toolchain(project)?,
            Self::Tools => tools::ensure_all(project)?,
            Self::Fmt => run(&mut project.command("cargo", &["fmt", "--all", "--check"]))
                .map_err(|_| Failure::new("not formatted").or_remedy("cargo fmt --all"))?,
            Self::Tidy => tidy::check(project)?,
            Self::Clippy => run(&mut clippy(project, &["--workspace", "--all-targets"]))?,
            Self::ClippyWasm => run(&mut clippy_wasm(project))?,
            // Plain `cargo test`: no further tool to install. Clippy only checked, so this is the
            // one time that the server's dependencies are compiled for debug.
            Self::Test => run(&mut project.command("cargo", &["test", "--workspace"]))?,
            // Not the advisories: their database comes over the network, and a new one must not
            // stop a change that has nothing to do with it.
            Self::Deny => {
                let checks = ["deny", "check", "bans", "licenses", "sources"];
                return optional(project, "cargo-deny", &checks);
            }
            Self::Machete => return optional(project, "cargo-machete", &["machete"]),
            // The size budget needs the browser's release anyway. The server's release costs some
            // three minutes of two cores more than driving the debug server would, and buys that
            // the tested pair of binary and site is the one that ships: same profile, same flags,
            // same compressed files. `cargo leptos end-to-end` is not used because it succeeds
            // without running a test when the frontend does not build.
            Self::Build => run(&mut site::release(project))?,
            Self::Browser => site::browser_tests(project, playwright)?,
            Self::Size => size::check(project)?,
        }
        Ok(Outcome::Passed)
    }
}

fn clippy(project: &Project, scope: &[&str]) -> Command {
    let mut clippy = project.command("cargo", &["clippy"]);
    clippy.args(scope).args(["--", "-D", "warnings"]);
    clippy
}

/// cargo-leptos builds for the browser in a target folder of its own; sharing it keeps the host's
/// build from being thrown away by other features of the same crates.
fn clippy_wasm(project: &Project) -> Command {
    let folder = project.target().join("front");
    let folder = folder.strip_prefix(&project.root).unwrap_or(&folder).display().to_string();
    let packages = ["-p", "frontend", "-p", "app", "-p", "tidewire"];
    let target = ["--target", tools::WASM, "--target-dir", &folder];
    clippy(project, &[&packages[..], &target].concat())
}

/// Tools that take minutes to install are used where they are, and never installed here.
fn optional(project: &Project, tool: &str, arguments: &[&str]) -> Result<Outcome, Failure> {
    if project.find(tool).is_none() {
        println!("skipped: {tool} is not installed (cargo install {tool} --locked)");
        return Ok(Outcome::Skipped("not installed"));
    }
    run(&mut project.command("cargo", arguments)).map(|()| Outcome::Passed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::shown;

    #[test]
    fn spec_steps_are_named_as_the_only_option_takes_them() {
        assert_eq!(Step::ClippyWasm.name(), "clippy-wasm");
        assert_eq!(Step::from_str("clippy-wasm", false), Ok(Step::ClippyWasm));
    }

    #[test]
    fn spec_both_sides_are_linted_with_warnings_as_errors() {
        let project = Project::open().expect("the repository opens");
        let wasm = shown(&clippy_wasm(&project));
        assert!(wasm.contains("--target wasm32-unknown-unknown"), "{wasm}");
        assert!(wasm.ends_with("-- -D warnings"), "{wasm}");
    }
}
