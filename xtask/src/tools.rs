//! The Rust side of the tool box: toolchain parts, cargo-leptos, the wasm-bindgen command.

use std::path::Path;
use std::process::Command;

use crate::command::{Failure, answer, run};
use crate::project::Project;
use crate::version::Version;
use crate::{chromium, packages};

pub(crate) const CARGO_LEPTOS: Version = Version::new(0, 3, 11);
pub(crate) const WASM: &str = "wasm32-unknown-unknown";

/// These tools run for seconds and compile for minutes: a light optimisation is enough for them.
/// Only the child may see it, because the variables would change the project's own release too.
const LIGHT_BUILD: [(&str, &str); 3] = [
    ("CARGO_PROFILE_RELEASE_LTO", "off"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1"),
];

/// What compiling and linting needs: the parts of the pinned toolchain.
pub(crate) fn ensure_toolchain(project: &Project) -> Result<(), Failure> {
    let rustup = |arguments: &[&str]| {
        run(project.command("rustup", arguments).args(["--toolchain", &project.toolchain]))
    };
    if !has_wasm_target(project) {
        rustup(&["target", "add", WASM])?;
    }
    for (component, subcommand) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        if !has_component(project, subcommand) {
            rustup(&["component", "add", component])?;
        }
    }
    Ok(())
}

/// What building and serving the site needs.
pub(crate) fn ensure_site(project: &Project) -> Result<(), Failure> {
    ensure_toolchain(project)?;
    packages::ensure(project)?;
    ensure_wasm_bindgen(project)?;
    ensure_cargo_leptos(project)
}

/// Everything, the browser of the tests included.
pub(crate) fn ensure_all(project: &Project) -> Result<(), Failure> {
    ensure_site(project)?;
    let browser = chromium::ensure(project)?;
    println!("Chromium: {}", browser.display());
    Ok(())
}

pub(crate) fn has_wasm_target(project: &Project) -> bool {
    answer(&mut project.command("rustc", &["--print", "sysroot"]))
        .is_some_and(|sysroot| Path::new(&sysroot).join("lib/rustlib").join(WASM).is_dir())
}

pub(crate) fn has_component(project: &Project, subcommand: &str) -> bool {
    answer(&mut project.command("cargo", &[subcommand, "--version"])).is_some()
}

pub(crate) fn cargo_leptos(project: &Project) -> Option<Version> {
    version(project, "cargo-leptos")
}

pub(crate) fn wasm_bindgen(project: &Project) -> Option<Version> {
    version(project, "wasm-bindgen")
}

/// Patch releases keep the metadata in Cargo.toml valid, minor ones need not.
pub(crate) fn cargo_leptos_suits(found: Version) -> bool {
    found >= CARGO_LEPTOS && (found.major, found.minor) == (CARGO_LEPTOS.major, CARGO_LEPTOS.minor)
}

/// A dependency of cargo-leptos asks for a newer compiler than it needs.
pub(crate) fn install_cargo_leptos(project: &Project) -> Command {
    let version = CARGO_LEPTOS.to_string();
    let mut install = project.command("cargo", &["install", "cargo-leptos", "--version", &version]);
    install.args(["--locked", "--ignore-rust-version", "--force"]).envs(LIGHT_BUILD);
    install
}

/// Without `--locked`: its lock file names releases that are not always to be had.
pub(crate) fn install_wasm_bindgen(project: &Project) -> Command {
    let version = project.wasm_bindgen.to_string();
    let mut install = project
        .command("cargo", &["install", "wasm-bindgen-cli", "--version", &version, "--force"]);
    install.envs(LIGHT_BUILD).env("CARGO_RESOLVER_INCOMPATIBLE_RUST_VERSIONS", "fallback");
    install
}

fn ensure_cargo_leptos(project: &Project) -> Result<(), Failure> {
    let found = cargo_leptos(project);
    if found.is_some_and(cargo_leptos_suits) {
        return Ok(());
    }
    say_why("cargo-leptos", found, CARGO_LEPTOS);
    if !binstall(project, "cargo-leptos", CARGO_LEPTOS) {
        println!("compiling cargo-leptos; this takes about ten minutes, once");
        run(&mut install_cargo_leptos(project))?;
    }
    prevails(project, "cargo-leptos", cargo_leptos(project).is_some_and(cargo_leptos_suits))
}

fn ensure_wasm_bindgen(project: &Project) -> Result<(), Failure> {
    let found = wasm_bindgen(project);
    if found == Some(project.wasm_bindgen) {
        return Ok(());
    }
    say_why("wasm-bindgen", found, project.wasm_bindgen);
    if !binstall(project, "wasm-bindgen-cli", project.wasm_bindgen) {
        println!("compiling wasm-bindgen-cli; this takes about two minutes, once");
        run(&mut install_wasm_bindgen(project))?;
    }
    prevails(project, "wasm-bindgen", wasm_bindgen(project) == Some(project.wasm_bindgen))
}

/// An older program of the same name may come first on the PATH even now.
fn prevails(project: &Project, tool: &str, suits: bool) -> Result<(), Failure> {
    if suits {
        return Ok(());
    }
    let first = project.find(tool).unwrap_or_default();
    Err(Failure::new(format!("{} hides the {tool} just installed", first.display()))
        .or_remedy(format!("rm {}", first.display())))
}

fn say_why(tool: &str, found: Option<Version>, wanted: Version) {
    match found {
        Some(found) => println!("{tool} {found} is installed, {wanted} is needed: installing it"),
        None => println!("{tool} is missing: installing {wanted}"),
    }
}

/// Ready-made binaries take seconds where they can be had; where not, the caller compiles.
fn binstall(project: &Project, package: &str, version: Version) -> bool {
    let wanted = format!("{package}@{version}");
    project.find("cargo-binstall").is_some()
        && run(&mut project.command("cargo", &["binstall", "-y", "--force", &wanted])).is_ok()
}

fn version(project: &Project, tool: &str) -> Option<Version> {
    answer(&mut project.command(tool, &["--version"])).and_then(|text| Version::within(&text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::shown;

    #[test]
    fn spec_a_newer_patch_of_cargo_leptos_suits_a_newer_minor_does_not() {
        assert!(cargo_leptos_suits(Version::new(0, 3, 11)));
        assert!(cargo_leptos_suits(Version::new(0, 3, 12)));
        assert!(!cargo_leptos_suits(Version::new(0, 3, 10)));
        assert!(!cargo_leptos_suits(Version::new(0, 4, 0)));
    }

    #[test]
    fn spec_the_installed_wasm_bindgen_is_the_locked_one() {
        let project = Project::open().expect("the repository opens");
        let line = shown(&install_wasm_bindgen(&project));
        assert!(line.contains(&format!("--version {}", project.wasm_bindgen)), "{line}");
        assert!(!line.contains("--locked"), "{line}");
    }
}
