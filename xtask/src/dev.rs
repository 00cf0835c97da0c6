//! `cargo xtask dev`: from a fresh machine to a page that reloads on every change.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{Failure, shown};
use crate::project::Project;
use crate::{site, tools};

const DATABASE: &str = "sqlite://data/tidewire.db";

pub(crate) fn watch(project: &Project, arguments: &[String]) -> Result<(), Failure> {
    tools::ensure_site(project)?;
    let url = env::var("DATABASE_URL").unwrap_or_else(|_| DATABASE.to_owned());
    if let Some(folder) = database_folder(&url) {
        let folder = project.root.join(folder);
        fs::create_dir_all(&folder).map_err(|error| {
            Failure::new(format!("cannot create {}: {error}", folder.display()))
        })?;
    }
    let mut watch = site::watch(project);
    watch.args(arguments);
    println!("$ {}", shown(&watch));
    become_child(watch)
}

/// Takes this process' place, so that Ctrl-C and `kill` reach cargo-leptos itself, which stops the
/// server gracefully, and the shell waits until that is done.
#[cfg(unix)]
fn become_child(mut command: Command) -> Result<(), Failure> {
    use std::os::unix::process::CommandExt;
    let error = command.exec();
    Err(Failure::new(format!("`{}` did not start: {error}", shown(&command))))
}

#[cfg(not(unix))]
fn become_child(mut command: Command) -> Result<(), Failure> {
    crate::command::run(&mut command)
}

/// The folder that a SQLite address needs; the server creates the file in it.
fn database_folder(url: &str) -> Option<PathBuf> {
    let rest = url.strip_prefix("sqlite:")?;
    let path = rest.strip_prefix("//").unwrap_or(rest).split('?').next()?;
    if path.starts_with(':') {
        return None;
    }
    let folder = Path::new(path).parent()?;
    (!folder.as_os_str().is_empty()).then(|| folder.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spec_the_folder_of_a_sqlite_file_is_made_and_nothing_else() {
        let folder = |url| database_folder(url).map(|folder| folder.display().to_string());
        assert_eq!(folder(DATABASE).as_deref(), Some("data"));
        assert_eq!(folder("sqlite:///var/lib/t/a.db?mode=rwc").as_deref(), Some("/var/lib/t"));
        assert_eq!(folder("sqlite://plain.db"), None);
        assert_eq!(folder("sqlite::memory:"), None);
        assert_eq!(folder("postgres://localhost/tidewire"), None);
    }
}
