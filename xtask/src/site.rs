//! The site as cargo-leptos builds it: which flags it always needs, and where the result lies.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{Failure, run};
use crate::project::Project;
use crate::{chromium, tidy};

/// `cargo leptos watch`, with page edits patched in place.
pub(crate) fn watch(project: &Project) -> Command {
    let mut watch = project.command("cargo", &["leptos", "watch", "--hot-reload"]);
    watch.args(split(project));
    watch
}

/// The release that the browser tests drive and the size budget weighs.
pub(crate) fn release(project: &Project) -> Command {
    let mut build = project.command("cargo", &["leptos", "build", "--release", "--precompress"]);
    build.args(split(project));
    build
}

/// Playwright against the release server; each spec file starts a server of its own.
pub(crate) fn browser_tests(project: &Project, arguments: &[String]) -> Result<(), Failure> {
    let build = "cargo xtask test --only build";
    let server = server(project);
    for needed in [&server, &project.site().join("pkg")] {
        if !needed.exists() {
            return Err(Failure::new(format!("{} is not built", needed.display())).or_remedy(build));
        }
    }
    let chromium = chromium::find(project)
        .ok_or_else(|| Failure::new("no Chromium found").or_remedy(chromium::remedy(project)))?;
    let mut tests = project.command("npx", &["playwright", "test"]);
    tests
        .args(arguments)
        .current_dir(project.root.join("end2end"))
        .env("TIDEWIRE_SERVER", server)
        .env("LEPTOS_SITE_ROOT", project.site())
        .env("CHROMIUM", chromium);
    run(&mut tests)
}

/// The release server's binary.
pub(crate) fn server(project: &Project) -> PathBuf {
    project.target().join("release").join(format!("server{}", std::env::consts::EXE_SUFFIX))
}

/// With any lazily loaded page every build must split the WebAssembly, or hydration is dead while
/// the server-rendered page looks fine. Metadata cannot say so, hence this look at the source.
fn split(project: &Project) -> Option<&'static str> {
    let lazy = |file: &Path| std::fs::read_to_string(file).is_ok_and(|text| is_lazy(&text));
    let sources = ["app/src", "frontend/src", "src"];
    let files = sources.iter().flat_map(|folder| tidy::rust_files(&project.root.join(folder)));
    files.into_iter().any(|file| lazy(&file)).then_some("--split")
}

fn is_lazy(source: &str) -> bool {
    let attributes = ["#[lazy]", "#[lazy(", "#[lazy_route]", "#[island(lazy)]"];
    source.lines().map(str::trim_start).any(|line| attributes.iter().any(|it| line.starts_with(it)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spec_a_lazy_page_is_noticed_and_a_mention_is_not() {
        assert!(is_lazy("use x;\n    #[lazy_route]\nimpl LazyRoute for Page {"));
        assert!(is_lazy("#[lazy]\nfn editor() {}"));
        assert!(!is_lazy("//! Heavy pages are `#[lazy]`.\n// #[lazy_route] would split it"));
    }
}
