//! The real `server` program as a process of its own, to be killed.

use std::{net::SocketAddr, path::Path, process::Stdio};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

use super::{PATIENCE, eventually};

/// A running `server` process. Dropping it kills it.
pub struct Binary {
    pub address: SocketAddr,
    child: Child,
}

impl Binary {
    /// Starts it at `address` (port 0 for a free one) and waits until it listens.
    pub async fn start(address: &str, file: &Path) -> Self {
        Self::start_with(address, file, &[]).await
    }

    /// Starts it with further settings, and with what it logs in a file.
    pub async fn start_logging(file: &Path, settings: &[(&str, &str)], log: &Path) -> Self {
        let log = std::fs::File::create(log).expect("a file for the log");
        Self::spawn("127.0.0.1:0", file, settings, log.into()).await
    }

    /// Starts it with further settings, by environment.
    pub async fn start_with(address: &str, file: &Path, settings: &[(&str, &str)]) -> Self {
        Self::spawn(address, file, settings, Stdio::inherit()).await
    }

    async fn spawn(address: &str, file: &Path, settings: &[(&str, &str)], log: Stdio) -> Self {
        let mut child = command(file)
            .env("LEPTOS_SITE_ADDR", address)
            .env("RUST_LOG", "error")
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("the server program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let listening = async {
            while let Some(line) = lines.next_line().await.expect("text") {
                if let Some(address) = line.strip_prefix("listening on http://") {
                    return address.parse().expect("an address");
                }
            }
            panic!("the server ended before it listened");
        };
        let address = timeout(PATIENCE, listening).await.expect("it listens in time");
        Self { address, child }
    }

    /// `kill -9`.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("it is killed");
    }

    /// SIGTERM, and what it exits with.
    pub async fn terminate(mut self) -> std::process::ExitStatus {
        let id = self.child.id().expect("it runs").to_string();
        // It may answer requests a moment before it has asked for the signal.
        eventually("it handles SIGTERM", async || handles_sigterm(&id)).await;
        let kill = Command::new("kill").arg(id).status().await.expect("kill runs");
        assert!(kill.success());
        timeout(PATIENCE, self.child.wait()).await.expect("it ends in time").expect("a status")
    }
}

/// Runs `server` with these arguments over a database until it ends: its status, and what it printed.
pub async fn run(file: &Path, settings: &[(&str, &str)], arguments: &[&str]) -> (bool, String) {
    let output = command(file)
        .env("RUST_LOG", "error")
        .envs(settings.iter().copied())
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let output = timeout(PATIENCE, output).await.expect("it ends in time").expect("it runs");
    (output.status.success(), String::from_utf8(output.stdout).expect("text"))
}

fn command(file: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_server"));
    command.env("DATABASE_URL", format!("sqlite://{}", file.display()));
    command
}

/// Whether a process has asked for SIGTERM, where the system can tell.
fn handles_sigterm(id: &str) -> bool {
    let Ok(status) = std::fs::read_to_string(format!("/proc/{id}/status")) else { return true };
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    caught.is_none_or(|mask| mask & (1 << 14) != 0)
}
