//! Steady coming and going for a long time: memory and tasks must stay where they were.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use clap::Args;
use futures::{SinkExt, StreamExt};
use tokio::{
    task::JoinSet,
    time::{interval, sleep},
};
use tokio_tungstenite::{connect_async, tungstenite::Message};

use crate::{Failure, http, process::ServerProcess};

/// How long a connection lives.
const LIFE: Duration = Duration::from_secs(10);
/// After this long everything has reached its size.
const WARM: Duration = Duration::from_secs(300);
/// The server's tasks.
const TASKS: &str = "tidewire_tasks";

/// How much.
#[derive(Args)]
pub struct Soak {
    /// How long, in minutes; the first five are for warming up.
    #[arg(long, default_value_t = 30)]
    minutes: u64,
    /// New connections a second.
    #[arg(long, default_value_t = 40)]
    rate: u32,
    /// Rows written a second.
    #[arg(long, default_value_t = 20)]
    rows: usize,
}

impl Soak {
    /// Runs, and compares the end with the fifth minute.
    pub async fn run(&self, server: &Path) -> Result<(), Failure> {
        let server = ServerProcess::start(server).await?;
        let mut writer = server.writer().await?;
        writer.fill().await?;
        let address = server.address().to_owned();
        let seconds = self.minutes * 60;
        let end = Instant::now() + Duration::from_secs(seconds);
        let (rows, rate) = (self.rows, self.rate);
        let writing =
            tokio::spawn(async move { writer.update(rows * seconds as usize, 1, rows).await });
        let visits = tokio::spawn(come_and_go(address.clone(), rate, end));

        println!("| minute | server, KiB | tasks | connections |");
        println!("|---|---|---|---|");
        let start = Instant::now();
        let mut warm = None;
        let mut last = Sample::take(&server).await?;
        let mut tick = interval(Duration::from_secs(60));
        tick.tick().await;
        while Instant::now() + Duration::from_secs(30) < end {
            tick.tick().await;
            last = Sample::take(&server).await?;
            println!(
                "| {} | {} | {} | {} |",
                start.elapsed().as_secs() / 60,
                last.memory,
                last.tasks,
                last.connections
            );
            if warm.is_none() && start.elapsed() >= WARM {
                warm = Some(last.clone());
            }
        }
        let failed = visits.await??;
        writing.await??;
        sleep(Duration::from_secs(15)).await;
        let empty = Sample::take(&server).await?;
        println!("| everybody left | {} | {} | {} |", empty.memory, empty.tasks, empty.connections);
        println!();
        let warm = warm.ok_or("too short: five minutes are for warming up")?;
        let grown = last.memory as f64 / warm.memory as f64;
        println!(
            "Memory at the end is {grown:.2} × that of the fifth minute; {failed} visits failed."
        );
        if grown > 1.1 || failed > 0 || empty.connections > 0 {
            return Err("not as it should be".into());
        }
        server.stop().await
    }
}

#[derive(Clone)]
struct Sample {
    memory: u64,
    tasks: u64,
    connections: u64,
}

impl Sample {
    async fn take(server: &ServerProcess) -> Result<Self, Failure> {
        let stats = http::get(server.address(), "/realtime/stats").await?;
        let stats: serde_json::Value = serde_json::from_str(&stats)?;
        let tasks = http::metric(server.address(), TASKS).await?.ok_or("no count of tasks")?;
        Ok(Self {
            memory: server.memory_kib()?,
            tasks: tasks as u64,
            connections: stats["connections"].as_u64().unwrap_or(0),
        })
    }
}

/// Visitors at a steady rate until `end`; how many failed.
async fn come_and_go(address: String, rate: u32, end: Instant) -> Result<usize, Failure> {
    let mut visits = JoinSet::new();
    let mut failed = 0;
    let mut number: u64 = 0;
    let mut tick = interval(Duration::from_secs(1) / rate);
    while Instant::now() + LIFE < end {
        tick.tick().await;
        number += 1;
        visits.spawn(visit(format!("ws://{address}/realtime"), number));
        while let Some(visit) = visits.try_join_next() {
            failed += usize::from(visit?.is_err());
        }
    }
    while let Some(visit) = visits.join_next().await {
        failed += usize::from(visit?.is_err());
    }
    Ok(failed)
}

/// One visitor: subscribes, is present, says something, changes rooms, and leaves, politely or not.
async fn visit(url: String, number: u64) -> Result<(), Failure> {
    let (mut socket, _) = connect_async(url).await?;
    let room = number % 10;
    let say = [
        r#"{"type":"subscribe","channel":"table:public.products"}"#.to_owned(),
        format!(
            r#"{{"type":"subscribe","channel":"room:{room}","presence":{{"name":"{number}"}}}}"#
        ),
        format!(r#"{{"type":"broadcast","channel":"room:{room}","payload":{number}}}"#),
        format!(
            r#"{{"type":"presence","channel":"room:{room}","data":{{"name":"{number}","busy":true}}}}"#
        ),
        format!(r#"{{"type":"unsubscribe","channel":"room:{room}"}}"#),
        format!(r#"{{"type":"subscribe","channel":"room:{}","presence":true}}"#, room + 10),
    ];
    let start = Instant::now();
    for (step, text) in say.into_iter().enumerate() {
        socket.send(Message::text(text)).await?;
        let until = LIFE / 6 * (step as u32 + 1);
        let pause = sleep(until.saturating_sub(start.elapsed()));
        tokio::pin!(pause);
        loop {
            tokio::select! {
                () = &mut pause => break,
                message = socket.next() => {
                    let message = message.ok_or("closed")??;
                    if message.to_text().is_ok_and(|text| text.contains("\"type\":\"error\"")) {
                        return Err(format!("refused: {message}").into());
                    }
                }
            }
        }
    }
    if number.is_multiple_of(2) {
        socket.close(None).await?;
    }
    Ok(())
}
