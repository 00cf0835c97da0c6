//! `cargo xtask bench`: the figures of `docs/performance.md`, from this machine.

use crate::command::{Failure, run};
use crate::project::Project;
use crate::site;

/// Builds the release server and the load tool, and runs it with enough open files.
pub(crate) fn bench(project: &Project, arguments: &[String]) -> Result<(), Failure> {
    run(&mut project.command("cargo", &["build", "--release", "-p", "server", "-p", "bench"]))?;
    let tool = project.target().join("release").join("bench");
    // Each connection is a file on both sides, and many systems allow 1,024 unless asked.
    let mut load = project.command("sh", &["-c", "ulimit -n $(ulimit -Hn); exec \"$0\" \"$@\""]);
    load.arg(tool).args(arguments).arg("--server").arg(site::server(project));
    run(&mut load)
}
