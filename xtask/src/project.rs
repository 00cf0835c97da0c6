//! Where the project is, which versions it pins, and how a child process of it is set up.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::Failure;
use crate::version::{Version, locked_version, toolchain_channel};

pub(crate) struct Project {
    pub(crate) root: PathBuf,
    /// The channel of rust-toolchain.toml.
    pub(crate) toolchain: String,
    /// The version of the wasm-bindgen crate, which its command must have too.
    pub(crate) wasm_bindgen: Version,
}

impl Project {
    pub(crate) fn open() -> Result<Self, Failure> {
        // Cargo sets the variable for `cargo run`; the constant serves a binary started by hand.
        let here = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = here.parent().map(Path::to_path_buf).unwrap_or(here);
        let toolchain = toolchain_channel(&read(&root.join("rust-toolchain.toml"))?)
            .ok_or_else(|| Failure::new("rust-toolchain.toml names no channel"))?;
        let wasm_bindgen = locked_version(&read(&root.join("Cargo.lock"))?, "wasm-bindgen")
            .ok_or_else(|| Failure::new("Cargo.lock names no wasm-bindgen"))?;
        Ok(Self { root, toolchain, wasm_bindgen })
    }

    /// Cargo's build folder. cargo-leptos follows `CARGO_TARGET_DIR` as well.
    pub(crate) fn target(&self) -> PathBuf {
        env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| self.root.join("target"), |target| self.root.join(target))
    }

    /// What the browser is served: fixed by `site-root` in Cargo.toml.
    pub(crate) fn site(&self) -> PathBuf {
        self.root.join("target/site")
    }

    /// A command that runs in the project's root, with the project's tools first on its PATH.
    pub(crate) fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(script(program));
        command.args(arguments).current_dir(&self.root);
        // `cargo run` describes this crate to its child; build scripts that watch those variables
        // would run again each time cargo is started from here.
        for (name, _) in env::vars_os() {
            if describes_this_crate(&name.to_string_lossy()) {
                command.env_remove(name);
            }
        }
        if let Ok(path) = env::join_paths(self.search_path()) {
            command.env("PATH", path);
        }
        // Below cargo the variable is set already and children inherit the pinned toolchain.
        if env::var_os("RUSTUP_TOOLCHAIN").is_none() {
            command.env("RUSTUP_TOOLCHAIN", &self.toolchain);
        }
        command
    }

    /// The first file of that name which a child would run.
    pub(crate) fn find(&self, program: &str) -> Option<PathBuf> {
        let names = [program.to_owned(), format!("{program}.exe"), script(program)];
        self.search_path()
            .iter()
            .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
            .find(|file| file.is_file())
    }

    /// Node tools come first (cargo-leptos takes any `tailwindcss` and `wasm-opt` it meets), then
    /// what cargo installed, so that an older wasm-bindgen elsewhere does not win.
    fn search_path(&self) -> Vec<PathBuf> {
        let mut folders = vec![self.root.join("node_modules/.bin")];
        folders.extend(installed_tools());
        folders.extend(env::var_os("PATH").iter().flat_map(env::split_paths));
        folders
    }
}

/// Reads a text file or says which one could not be read.
pub(crate) fn read(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file)
        .map_err(|error| Failure::new(format!("cannot read {}: {error}", file.display())))
}

/// Where `cargo install` puts programs.
fn installed_tools() -> Option<PathBuf> {
    let home = |name| env::var_os(name).map(|home: OsString| PathBuf::from(home).join(".cargo"));
    env::var_os("CARGO_INSTALL_ROOT")
        .or_else(|| env::var_os("CARGO_HOME"))
        .map(PathBuf::from)
        .or_else(|| home("HOME"))
        .or_else(|| home("USERPROFILE"))
        .map(|root| root.join("bin"))
}

fn describes_this_crate(variable: &str) -> bool {
    variable.starts_with("CARGO_PKG_")
        || variable.starts_with("CARGO_MANIFEST_")
        || matches!(variable, "CARGO_BIN_NAME" | "CARGO_CRATE_NAME" | "CARGO_PRIMARY_PACKAGE")
}

/// Node's commands are batch files on Windows, which must be named in full.
fn script(program: &str) -> String {
    match program {
        "npm" | "npx" if cfg!(windows) => format!("{program}.cmd"),
        _ => program.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spec_this_very_project_opens_with_its_pins() {
        let project = Project::open().expect("the files of the repository are there");
        assert!(project.root.join("Cargo.toml").is_file());
        assert!(project.toolchain.starts_with("1."), "{}", project.toolchain);
        assert_eq!(project.wasm_bindgen.major, 0);
    }

    #[test]
    fn spec_children_do_not_see_the_variables_that_describe_xtask() {
        assert!(describes_this_crate("CARGO_PKG_NAME"));
        assert!(describes_this_crate("CARGO_MANIFEST_DIR"));
        assert!(!describes_this_crate("CARGO_TARGET_DIR"));
        assert!(!describes_this_crate("CARGO_HOME"));
    }
}
