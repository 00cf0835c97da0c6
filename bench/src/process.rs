//! The server as a process of its own, with what the kernel says it costs (Linux).

use std::{
    fs,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use sqlx::{Connection, SqliteConnection};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::{sleep, timeout},
};

use crate::Failure;

/// A running server over a database of its own.
pub struct ServerProcess {
    child: Child,
    id: u32,
    address: String,
    folder: tempfile::TempDir,
}

impl ServerProcess {
    /// Starts it on a free port.
    pub async fn start(binary: &Path) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let mut child = Command::new(binary)
            .env("LEPTOS_SITE_ADDR", "127.0.0.1:0")
            .env("DATABASE_URL", format!("sqlite://{}/bench.db", folder.path().display()))
            .env("RUST_LOG", "warn")
            // All clients come from this one address, and at once.
            .env("TIDEWIRE_CONNECTIONS_PER_ADDRESS", "1000000")
            .env("TIDEWIRE_CONNECTS_PER_MINUTE", "4000000")
            .env("TIDEWIRE_ADMISSIONS_PER_SECOND", "1000000")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("{}: {error}", binary.display()))?;
        let id = child.id().ok_or("the server ended at once")?;
        let stdout = child.stdout.take().ok_or("the server has no output")?;
        let mut lines = BufReader::new(stdout).lines();
        let line = timeout(Duration::from_secs(20), lines.next_line()).await??;
        let address = line
            .and_then(|line| line.rsplit("//").next().map(str::to_owned))
            .ok_or("the server did not say where it listens")?;
        Ok(Self { child, id, address, folder })
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

    /// Inserts rows as another process would, one transaction each.
    pub async fn write_rows(&self, count: usize, pause: Duration) -> Result<(), Failure> {
        let url = format!("sqlite://{}/bench.db", self.folder.path().display());
        let mut connection = SqliteConnection::connect(&url).await?;
        let start = Instant::now();
        for number in 0..count {
            sqlx::query("INSERT INTO products (name, price) VALUES ('Bench', $1)")
                .bind(number as f64)
                .execute(&mut connection)
                .await?;
            sleep((pause * (number as u32 + 1)).saturating_sub(start.elapsed())).await;
        }
        Ok(())
    }

    /// Ends it.
    pub async fn stop(mut self) -> Result<(), Failure> {
        self.child.kill().await?;
        Ok(())
    }
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
