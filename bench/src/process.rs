//! The server as a process of its own, with what the kernel says it costs (Linux).

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tempfile::TempDir;

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

use crate::{Failure, writer::Writer};

/// How long a start or a stop may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server over a database of its own.
pub struct ServerProcess {
    child: Child,
    id: u32,
    address: String,
    binary: PathBuf,
    folder: TempDir,
}

impl ServerProcess {
    /// Starts it on a free port. One address makes all the load, so the limits per address are lifted.
    pub async fn start(binary: &Path) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let (child, address) = spawn(binary, &folder, "127.0.0.1:0").await?;
        let id = child.id().ok_or("the server ended at once")?;
        Ok(Self { child, id, address, binary: binary.into(), folder })
    }

    /// Stops it as a deploy would, does `meanwhile`, and starts it again on the same port.
    pub async fn restart(
        &mut self,
        meanwhile: impl Future<Output = Result<(), Failure>>,
    ) -> Result<(), Failure> {
        let id = self.id.to_string();
        Command::new("kill").args(["-TERM", &id]).status().await?;
        timeout(PATIENCE, self.child.wait()).await??;
        meanwhile.await?;
        (self.child, self.address) = spawn(&self.binary, &self.folder, &self.address).await?;
        self.id = self.child.id().ok_or("the server ended at once")?;
        Ok(())
    }

    /// Another process that writes into the same file.
    pub async fn writer(&self) -> Result<Writer, Failure> {
        Writer::open(&url(&self.folder)).await
    }

    /// Where it listens.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Resident memory.
    pub fn memory_kib(&self) -> Result<u64, Failure> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next()).ok_or("no VmRSS")?;
        Ok(number.parse()?)
    }

    /// User and system time so far.
    pub fn cpu(&self) -> Result<Duration, Failure> {
        cpu_of(&format!("/proc/{}/stat", self.id))
    }

    /// Ends it.
    pub async fn stop(mut self) -> Result<(), Failure> {
        self.child.kill().await?;
        Ok(())
    }
}

fn url(folder: &TempDir) -> String {
    format!("sqlite://{}/bench.db", folder.path().display())
}

async fn spawn(binary: &Path, folder: &TempDir, address: &str) -> Result<(Child, String), Failure> {
    let mut child = Command::new(binary)
        .env("LEPTOS_SITE_ADDR", address)
        .env("DATABASE_URL", url(folder))
        .env("TIDEWIRE_CONNECTIONS_PER_ADDRESS", "100000")
        .env("TIDEWIRE_CONNECTS_PER_MINUTE", "4000000")
        .env("TIDEWIRE_LOOKS_PER_MINUTE", "4000000")
        .env("RUST_LOG", "warn")
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("{}: {error}", binary.display()))?;
    let stdout = child.stdout.take().ok_or("the server has no output")?;
    let mut lines = BufReader::new(stdout).lines();
    let line = timeout(PATIENCE, lines.next_line()).await??;
    let address = line
        .and_then(|line| line.rsplit("//").next().map(str::to_owned))
        .ok_or("the server did not say where it listens")?;
    Ok((child, address))
}

/// User and system time of a process or thread; a tick is a hundredth of a second.
pub fn cpu_of(stat: &str) -> Result<Duration, Failure> {
    let text = fs::read_to_string(stat)?;
    // The name before the last parenthesis may hold anything.
    let rest = text.rsplit(')').next().ok_or("unreadable stat")?;
    let field = |index| rest.split_whitespace().nth(index).and_then(|f| f.parse::<u64>().ok());
    let ticks = field(11).zip(field(12)).map(|(user, system)| user + system);
    Ok(Duration::from_millis(ticks.ok_or("unreadable stat")? * 10))
}
