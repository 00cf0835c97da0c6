//! What tests over real sockets share: a server on a port and a database of its own, that checks on its
//! way out that nothing has leaked; raw clients for the socket and for HTTP; other writers.
#![allow(dead_code, reason = "no test needs all of it")]

mod binary;
mod browser;
mod events;
mod http;
pub mod jwt;
mod logged;
mod messages;
mod open;
pub mod queries;
mod socket;
mod users;
mod writer;

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::Router;
use clap::Parser;
use server::{Config, Server};
use tempfile::TempDir;
use tidewire::{
    contract::Limits,
    server::{Builder, Database, Realtime, Revoked},
};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

pub use self::{
    binary::{Binary, run},
    browser::{Browser, PASSWORD},
    events::{Events, post_frame},
    http::{Answer, get, get_as, post_body, post_form, post_json, request, snapshot},
    logged::{ErrorCount, LogLines},
    messages::{Cursor, Nudge, Shipped, declare},
    open::Open,
    socket::{Socket, TurnedAway},
    users::{ByToken, identity},
    writer::{Writer, sqlite3},
};

/// How long anything that a test waits for may take.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// What a stop may take beyond its drain window, on a busy machine.
const GRACE: Duration = Duration::from_secs(5);

/// A running server. Ends with [`TestServer::stop`], which checks for leaks.
pub struct TestServer {
    pub address: SocketAddr,
    pub realtime: Realtime,
    folder: Arc<TempDir>,
    drain: Duration,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<()>,
}

impl TestServer {
    /// The whole product, with a new database.
    pub async fn start() -> Self {
        Self::start_in(new_folder(), |_| {}).await
    }

    /// The whole product over the database in `folder`, with other settings.
    pub async fn start_in(folder: Arc<TempDir>, set: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::parse_from(["server"]);
        config.address = "127.0.0.1:0".parse().expect("an address");
        config.database_url = url(&folder).into();
        config.site_root = folder.path().join("site");
        config.resources = Vec::new();
        set(&mut config);
        let drain = config.limits().drain;
        let server = Server::start(config).await.expect("the server starts");
        let (address, realtime) = (server.address(), server.realtime().clone());
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(async move {
            server.run_until(async { _ = stopped.await }).await.expect("the server runs");
        });
        Self { address, realtime, folder, drain, stop: Some(stop), running }
    }

    /// The channel layer alone, with limits that the configuration does not offer.
    pub async fn start_bare(folder: Arc<TempDir>, limits: Limits) -> Self {
        Self::start_with(folder, limits, |builder| builder).await
    }

    /// The same with what `describe` adds, such as message types.
    pub async fn start_with(
        folder: Arc<TempDir>,
        limits: Limits,
        describe: impl FnOnce(Builder) -> Builder,
    ) -> Self {
        let drain = limits.drain;
        let database = Database::open(&url(&folder)).await.expect("the database opens");
        database.migrate(&app::MIGRATIONS).await.expect("migrations apply");
        let visitors = server::visitor::Visitors::new(database.clone(), false);
        let builder = Realtime::builder(database).authenticate(visitors);
        let builder = app::resources(builder).limits(limits).policy(Open);
        let realtime = describe(builder).start().await.expect("the channel layer starts");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel();
        let handle = realtime.clone();
        let running = tokio::spawn(async move {
            let router: Router = tidewire::server::routes(handle.clone());
            tokio::select! {
                served = axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()) => served.expect("the listener works"),
                _ = stopped => {}
            }
            handle.stop().await;
            handle.database().close().await;
        });
        Self { address, realtime, folder, drain, stop: Some(stop), running }
    }

    /// The folder that holds the database, to start another server over it.
    pub fn folder(&self) -> Arc<TempDir> {
        self.folder.clone()
    }

    /// The database's file.
    pub fn file(&self) -> PathBuf {
        file(&self.folder)
    }

    /// Another program's connection to the database.
    pub async fn writer(&self) -> Writer {
        Writer::open(&self.file()).await
    }

    /// A raw client.
    pub async fn connect(&self) -> Socket {
        Socket::connect(self.address).await
    }

    /// A raw client of the guest with this cookie: 32 hexadecimal digits.
    pub async fn connect_with_cookie(&self, cookie: &str) -> Socket {
        let cookie = format!("tidewire_guest={cookie}");
        let attempt = Socket::attempt(self.address, &[("cookie", &cookie)]).await;
        attempt.unwrap_or_else(|refused| panic!("turned away: {refused:?}"))
    }

    /// A raw client that says who it is, where the server asks for it by [`ByToken`].
    pub async fn connect_as(&self, token: &str) -> Socket {
        Socket::connect_as(self.address, token).await
    }

    /// Takes access away, and waits until the hub has handed that out.
    pub async fn revoke(&self, whose: &Revoked) {
        let mut tx = self.realtime.database().write().await.expect("it can be written");
        tx.revoke(whose).await.expect("it can be revoked");
        let written = tx.commit::<()>(None).await.expect("it can be committed").position;
        eventually("it is handed out", async || self.realtime.position().offset >= written.offset)
            .await;
    }

    /// Waits until the hub has handed out everything that is committed.
    pub async fn caught_up(&self) {
        let mut probe = self.connect().await;
        eventually("the hub has caught up", async || {
            let read = self.realtime.database().read().await.expect("it can be read");
            probe.subscribe("room:probe").await == read.position().to_string()
        })
        .await;
    }

    /// Waits until every client has left, and stops.
    pub async fn stop(self) {
        let realtime = self.realtime.clone();
        eventually("every connection and subscription has ended", async || {
            let stats = realtime.stats();
            stats.connections == 0 && stats.subscriptions == 0 && stats.channels == 0
        })
        .await;
        self.stop_now().await;
    }

    /// Stops with whoever is connected; that, too, must leave nothing behind and end in time.
    pub async fn stop_now(mut self) {
        let began = Instant::now();
        _ = self.stop.take().map(|stop| stop.send(()));
        (&mut self.running).await.expect("the server ends without a panic");
        // Sessions first, then requests: each has the drain window.
        let took = began.elapsed();
        assert!(took < 2 * self.drain + GRACE, "stopping took {took:?}");
        let stats = self.realtime.stats();
        let left = (stats.connections, stats.subscriptions, stats.channels);
        assert_eq!(left, (0, 0, 0), "connections, subscriptions and channels after the stop");
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        let checked = self.stop.is_none() || std::thread::panicking();
        assert!(checked, "end the test with stop(): it checks for leaks");
    }
}

/// An empty folder for a database.
pub fn new_folder() -> Arc<TempDir> {
    Arc::new(TempDir::new().expect("a temporary folder"))
}

/// The database's file in a folder.
pub fn file(folder: &TempDir) -> PathBuf {
    folder.path().join("test.db")
}

/// The database's address in a folder.
pub fn url(folder: &TempDir) -> String {
    format!("sqlite://{}", file(folder).display())
}

/// Waits until `condition` holds.
pub async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !condition().await {
        assert!(began.elapsed() < PATIENCE, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The same with a value to wait for, for tasks that move between threads.
pub async fn until<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut attempt: impl FnMut() -> F,
) -> T {
    let began = Instant::now();
    loop {
        if let Some(value) = attempt().await {
            return value;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
