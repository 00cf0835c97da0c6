//! The npm packages: Tailwind, wasm-opt and Playwright, installed as package-lock.json pins them.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use crate::command::{Failure, answer, run};
use crate::project::Project;
use crate::version::Version;

pub(crate) const NODE: Version = Version::new(20, 0, 0);
pub(crate) const INSTALL: &str = "npm install";

pub(crate) fn node(project: &Project) -> Option<Version> {
    answer(&mut project.command("node", &["--version"])).and_then(|text| Version::within(&text))
}

/// Whether node_modules is what package-lock.json asks for, judged by age.
pub(crate) fn current(project: &Project) -> bool {
    // npm writes this file at the end of each installation.
    let installed = modified(&project.root.join("node_modules/.package-lock.json"));
    up_to_date(installed, modified(&project.root.join("package-lock.json")))
}

pub(crate) fn ensure(project: &Project) -> Result<(), Failure> {
    if node(project).is_none_or(|found| found < NODE) {
        return Err(Failure::new(format!("node {} or newer is needed", NODE.major))
            .or_remedy("apt-get install -y nodejs npm   (or see nodejs.org for a newer one)"));
    }
    if current(project) {
        return Ok(());
    }
    println!("installing the npm packages");
    // Not `npm ci`: it insists on entries for the builds of every other system. What the lock pins is
    // installed as pinned.
    let mut install = project.command("npm", &["install", "--no-audit", "--no-fund"]);
    // The browser tests use the browser that is installed on the machine.
    run(install.env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1"))
}

fn modified(file: &Path) -> Option<SystemTime> {
    fs::metadata(file).and_then(|data| data.modified()).ok()
}

fn up_to_date(installed: Option<SystemTime>, lock: Option<SystemTime>) -> bool {
    match (installed, lock) {
        (Some(installed), Some(lock)) => installed >= lock,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn spec_packages_are_installed_again_when_missing_or_older_than_the_lock() {
        let then = SystemTime::UNIX_EPOCH;
        let later = then + Duration::from_secs(1);
        assert!(up_to_date(Some(later), Some(then)));
        assert!(up_to_date(Some(then), Some(then)));
        assert!(!up_to_date(Some(then), Some(later)));
        assert!(!up_to_date(None, Some(then)));
    }
}
