//! Access is taken away while much is written: how long from the commit until each connection concerned is
//! closed, and that nothing committed later has reached it.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Args;
use futures::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::{
    net::TcpStream,
    sync::{Semaphore, mpsc},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};

use crate::{Failure, process::ServerProcess};

/// How many connect at a time.
const AT_ONCE: usize = 64;
/// How long the connections of one user may take to end.
const PATIENCE: Duration = Duration::from_secs(30);
/// What the server closes with.
const ACCESS: u16 = 4004;

/// How much.
#[derive(Args)]
pub struct Revoke {
    /// Connections, each with one subscription.
    #[arg(long, default_value_t = 1_000)]
    connections: usize,
    /// Users, each with as many connections; all of them are revoked, one after the other.
    #[arg(long, default_value_t = 100)]
    users: usize,
    /// Rows written a second meanwhile.
    #[arg(long, default_value_t = 100)]
    rate: usize,
    /// Milliseconds between two revocations.
    #[arg(long, default_value_t = 50)]
    pause: u64,
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A connection's end.
struct Ended {
    user: usize,
    at: Instant,
    code: Option<u16>,
    /// The last change that it got, by its number in the log.
    last: u64,
}

impl Revoke {
    /// Connects, writes, revokes everybody.
    pub async fn run(&self, server: &Path) -> Result<(), Failure> {
        let server = ServerProcess::start(server).await?;
        let (mut revoker, mut writer) = (server.writer().await?, server.writer().await?);
        writer.fill().await?;
        let (ends, mut ended) = mpsc::unbounded_channel();
        let (mut ids, mut tasks) = (vec![String::new(); self.users], JoinSet::new());
        let mut connecting = JoinSet::new();
        let permits = Arc::new(Semaphore::new(AT_ONCE));
        for number in 0..self.connections {
            let (address, permits) = (server.address().to_owned(), permits.clone());
            let user = number % self.users;
            connecting.spawn(async move {
                let _permit = permits.acquire_owned().await?;
                let (socket, id) = connect(&address, user).await?;
                Ok::<_, Failure>((user, id, socket))
            });
        }
        while let Some(connected) = connecting.join_next().await {
            let (user, id, socket) = connected??;
            ids[user] = id;
            tasks.spawn(follow(user, socket, ends.clone()));
        }

        let rate = self.rate;
        let load = tokio::spawn(async move { writer.update(usize::MAX, 1, rate.max(1)).await });
        sleep(Duration::from_secs(1)).await;
        let (mut took, mut wrong) = (Vec::new(), 0);
        for (user, id) in ids.iter().enumerate() {
            let offset = revoker.revoke(id).await?;
            let committed = Instant::now();
            let connections = (user..self.connections).step_by(self.users).count();
            for _ in 0..connections {
                let end: Ended = timeout(PATIENCE, ended.recv()).await?.ok_or("no end")?;
                took.push(end.at.saturating_duration_since(committed));
                let right = end.user == user && end.code == Some(ACCESS) && end.last < offset;
                wrong += usize::from(!right);
            }
            sleep(Duration::from_millis(self.pause)).await;
        }
        load.abort();
        took.sort_unstable();
        let at = |share: f64| {
            let index = (took.len() as f64 * share).ceil() as usize;
            let found = took.get(index.saturating_sub(1)).copied().unwrap_or_default();
            format!("{:.1}", found.as_secs_f64() * 1e3)
        };
        println!(
            "| {} connections of {} users, {} rows a second | p50 ms | p99 ms | max ms |",
            self.connections, self.users, self.rate
        );
        println!("|---|---|---|---|");
        println!(
            "| from another program's commit of a revocation to the close at the client | {} | {} | {} |",
            at(0.5),
            at(0.99),
            at(1.0)
        );
        println!();
        println!(
            "{wrong} of {} ends were another user's, with another code, or came after a later change.",
            took.len()
        );
        tasks.abort_all();
        if wrong > 0 {
            return Err("not as it should be".into());
        }
        server.stop().await
    }
}

/// A subscribed connection of a guest, and the id by which the server knows them.
async fn connect(address: &str, user: usize) -> Result<(Socket, String), Failure> {
    let mut request = format!("ws://{address}/realtime").into_client_request()?;
    request.headers_mut().insert("cookie", format!("tidewire_guest={user:032x}").parse()?);
    let (mut socket, _) = connect_async(request).await?;
    let room = format!(r#"{{"type":"subscribe","channel":"room:bench-{user}","presence":{{}}}}"#);
    socket.send(Message::text(room)).await?;
    let subscribe = r#"{"type":"subscribe","channel":"table:public.products"}"#;
    socket.send(Message::text(subscribe)).await?;
    let (mut id, mut answers) = (None, 0);
    while id.is_none() || answers < 2 {
        let message = timeout(PATIENCE, socket.next()).await?.ok_or("closed")??;
        let frame: Value = serde_json::from_str(message.to_text()?).unwrap_or_default();
        match frame["type"].as_str() {
            Some("ack") => answers += 1,
            Some("presence_state") => {
                id = frame["users"][0]["userId"].as_str().map(str::to_owned);
            }
            _ => {}
        }
    }
    Ok((socket, id.unwrap_or_default()))
}

async fn follow(user: usize, mut socket: Socket, ends: mpsc::UnboundedSender<Ended>) {
    let (mut last, mut code) = (0, None);
    while let Some(Ok(message)) = socket.next().await {
        match &message {
            Message::Close(frame) => {
                code = frame.as_ref().map(|frame| frame.code.into());
                break;
            }
            Message::Text(text) => last = offset(text).unwrap_or(0).max(last),
            _ => {}
        }
    }
    // Nobody waits for it once the measurement is over.
    _ = ends.send(Ended { user, at: Instant::now(), code, last });
}

/// Where in the log a change stands.
fn offset(text: &str) -> Option<u64> {
    let (_, rest) = text.split_once("\"position\":\"")?;
    let (position, _) = rest.split_once('"')?;
    position.rsplit('-').next()?.parse().ok()
}
