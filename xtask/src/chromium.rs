//! What the tests need of the machine, a browser, `sqlite3` and `python3`: found, or installed where
//! Debian's packages are.

use std::env;
use std::path::{Path, PathBuf};

use crate::command::{Failure, answer, run};
use crate::project::Project;

const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
const ON_MAC: [&str; 2] = [
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

pub(crate) const INSTALL: &str =
    "apt-get update && apt-get install -y --no-install-recommends chromium sqlite3 python3";

/// Programs that tests run.
const PROGRAMS: [&str; 2] = ["sqlite3", "python3"];

/// `CHROMIUM` if it is set, otherwise the first browser that is installed.
pub(crate) fn find(project: &Project) -> Option<PathBuf> {
    if let Some(chosen) = env::var_os("CHROMIUM").filter(|path| !path.is_empty()) {
        return Some(PathBuf::from(chosen)).filter(|path| path.is_file());
    }
    let on_mac = || ON_MAC.iter().map(PathBuf::from).find(|path| path.is_file());
    NAMES.iter().find_map(|name| project.find(name)).or_else(on_mac)
}

/// Installs one if there is none. Needs Debian's packages and either root or sudo.
pub(crate) fn ensure(project: &Project) -> Result<PathBuf, Failure> {
    let complete = PROGRAMS.iter().all(|program| project.find(program).is_some());
    if let Some(found) = find(project).filter(|_| complete) {
        return Ok(found);
    }
    let missing = || {
        Failure::new(
            "no Chromium, sqlite3 or python3 found for the tests (or CHROMIUM names no file)",
        )
        .or_remedy(remedy(project))
    };
    let debian = Path::new("/etc/debian_version").exists() && project.find("apt-get").is_some();
    if !debian || env::var_os("CHROMIUM").is_some() {
        return Err(missing());
    }
    println!("installing Chromium, sqlite3 and python3 from the system's packages");
    let install = ["install", "-y", "--no-install-recommends", "chromium"];
    for arguments in [&["update"][..], &[&install[..], &PROGRAMS].concat()] {
        let mut command = if needs_sudo(project) {
            project.command("sudo", &["apt-get"])
        } else {
            project.command("apt-get", &[])
        };
        run(command.args(arguments))?;
    }
    find(project).ok_or_else(missing)
}

/// The line that installs it here.
pub(crate) fn remedy(project: &Project) -> String {
    match needs_sudo(project) {
        true => INSTALL.replace("apt-get", "sudo apt-get"),
        false => INSTALL.to_owned(),
    }
}

fn needs_sudo(project: &Project) -> bool {
    let root = answer(&mut project.command("id", &["-u"])).is_some_and(|user| user == "0");
    !root && project.find("sudo").is_some()
}
