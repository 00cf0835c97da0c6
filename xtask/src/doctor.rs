//! `cargo xtask doctor`: what is installed, what is wanted, and the command that closes the gap.

use crate::command::{Failure, answer, shown};
use crate::project::Project;
use crate::table::table;
use crate::version::Version;
use crate::{chromium, packages, tools};

/// What runs the tests of `clients/python`.
const PYTHON: Version = Version::new(3, 9, 0);

struct Finding {
    tool: String,
    found: Option<String>,
    wanted: String,
    fits: bool,
    optional: bool,
    remedy: String,
}

/// Prints the findings; fails if something that is needed is missing.
pub(crate) fn examine(project: &Project) -> Result<(), Failure> {
    let mut findings = rust(project);
    findings.extend(web(project));
    findings.extend(extras(project));
    let rows: Vec<[String; 4]> = findings.iter().map(Finding::row).collect();
    println!("{}", table(["tool", "found", "wanted", "ok, or what to run"], &rows));
    match findings.iter().filter(|finding| finding.is_trouble()).count() {
        0 => Ok(()),
        count => Err(Failure::new(format!("{count} of the needed tools are missing or unfit"))
            .or_remedy("the commands above, or `cargo xtask dev`, which installs what it can")),
    }
}

impl Finding {
    /// A tool whose presence is enough.
    fn present(tool: &str, found: Option<String>, remedy: impl Into<String>) -> Self {
        let fits = found.is_some();
        Self {
            tool: tool.to_owned(),
            found,
            wanted: "any".to_owned(),
            fits,
            optional: false,
            remedy: remedy.into(),
        }
    }

    fn version(
        tool: &str,
        found: Option<Version>,
        wanted: &str,
        fits: bool,
        remedy: String,
    ) -> Self {
        let found = found.map(|version| version.to_string());
        Self { wanted: wanted.to_owned(), fits, ..Self::present(tool, found, remedy) }
    }

    fn optional(self) -> Self {
        Self { wanted: "optional".to_owned(), optional: true, ..self }
    }

    fn is_trouble(&self) -> bool {
        !self.fits && !self.optional
    }

    fn row(&self) -> [String; 4] {
        let found = self.found.clone().unwrap_or_else(|| "-".to_owned());
        let verdict = if self.fits { "ok".to_owned() } else { self.remedy.clone() };
        [self.tool.clone(), found, self.wanted.clone(), verdict]
    }
}

fn rust(project: &Project) -> Vec<Finding> {
    let pinned = &project.toolchain;
    let rustc = version_of(project, "rustc");
    let rustup_install = "rustup toolchain install --no-self-update";
    let add = |what: &str| format!("rustup {what} --toolchain {pinned}");
    let part = |tool: &str, there: bool, remedy: String| {
        Finding::present(tool, there.then(|| "installed".to_owned()), remedy)
    };
    let leptos = tools::cargo_leptos(project);
    let bindgen = tools::wasm_bindgen(project);
    let bindgen_wanted = project.wasm_bindgen;
    vec![
        Finding::present("rustup", text_of(project, "rustup"), "see https://rustup.rs"),
        Finding::version(
            "rustc",
            rustc,
            pinned,
            // A channel such as `stable` names no version; then any will do.
            rustc.is_some() && Version::within(pinned).is_none_or(|it| Some(it) == rustc),
            rustup_install.to_owned(),
        ),
        part("rustfmt", tools::has_component(project, "fmt"), add("component add rustfmt")),
        part("clippy", tools::has_component(project, "clippy"), add("component add clippy")),
        part(
            tools::WASM,
            tools::has_wasm_target(project),
            add(&format!("target add {}", tools::WASM)),
        ),
        Finding::version(
            "cargo-leptos",
            leptos,
            &format!("{}", tools::CARGO_LEPTOS),
            leptos.is_some_and(tools::cargo_leptos_suits),
            shown(&tools::install_cargo_leptos(project)),
        ),
        Finding::version(
            "wasm-bindgen",
            bindgen,
            &format!("{bindgen_wanted} exactly"),
            bindgen == Some(bindgen_wanted),
            shown(&tools::install_wasm_bindgen(project)),
        ),
    ]
}

fn web(project: &Project) -> Vec<Finding> {
    let node = packages::node(project);
    let local = |tool: &str| {
        let there = project.root.join("node_modules/.bin").join(tool).exists();
        let found = there.then(|| "node_modules/.bin".to_owned());
        Finding::present(tool, found, packages::INSTALL)
    };
    let current = packages::current(project).then(|| "as locked".to_owned());
    let browser = chromium::find(project).map(|path| path.display().to_string());
    vec![
        Finding::version(
            "node",
            node,
            &format!("{} or newer", packages::NODE.major),
            node.is_some_and(|found| found >= packages::NODE),
            "apt-get install -y nodejs npm".to_owned(),
        ),
        Finding::present("npm packages", current, packages::INSTALL),
        local("tailwindcss"),
        local("wasm-opt"),
        Finding::present("chromium", browser, chromium::remedy(project)),
    ]
}

fn extras(project: &Project) -> Vec<Finding> {
    let path = |tool: &str| project.find(tool).map(|path| path.display().to_string());
    let cargo = |tool| Finding::present(tool, path(tool), format!("cargo install {tool} --locked"));
    let sqlite = Finding::present("sqlite3", path("sqlite3"), "apt-get install -y sqlite3");
    let mut extras: Vec<_> =
        [sqlite, cargo("cargo-deny"), cargo("cargo-machete")].map(Finding::optional).into();
    let python = version_of(project, "python3");
    extras.push(Finding::version(
        "python3",
        python,
        &format!("{PYTHON} or newer"),
        python.is_some_and(|found| found >= PYTHON),
        "apt-get install -y python3".to_owned(),
    ));
    extras
}

fn version_of(project: &Project, tool: &str) -> Option<Version> {
    text_of(project, tool).and_then(|text| Version::within(&text))
}

fn text_of(project: &Project, tool: &str) -> Option<String> {
    let text = answer(&mut project.command(tool, &["--version"]))?;
    Some(Version::within(&text).map_or(text, |version| version.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spec_a_missing_optional_tool_is_no_trouble_but_shows_its_remedy() {
        let finding = Finding::present("sqlite3", None, "apt-get install -y sqlite3").optional();
        assert!(!finding.is_trouble());
        assert_eq!(finding.row(), ["sqlite3", "-", "optional", "apt-get install -y sqlite3"]);
    }

    #[test]
    fn spec_a_needed_tool_of_the_wrong_version_is_trouble() {
        let old = Some(Version::new(18, 0, 0));
        let finding = Finding::version("node", old, "20 or newer", false, "install".to_owned());
        assert!(finding.is_trouble());
        assert_eq!(finding.row()[3], "install");
    }

    #[test]
    fn spec_a_fitting_tool_is_ok() {
        let finding = Finding::present("rustup", Some("1.29.0".to_owned()), "see");
        assert_eq!(finding.row()[3], "ok");
    }
}
