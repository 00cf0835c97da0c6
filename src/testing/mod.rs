//! The channel layer in memory, for tests: a database that vanishes, no port, real sessions and clients.
//!
//! ```no_run
//! # use tidewire::{Live, testing::TestBed};
//! # async fn example<Todo: Live>() {
//! let bed = TestBed::start("CREATE TABLE todos (id TEXT PRIMARY KEY, title TEXT)", |server| {
//!     server.resource::<Todo>()
//! })
//! .await;
//! let client = bed.client();
//! let mut todos = client.subscribe(Todo::all().name(), None);
//! // … write through `bed.realtime().database()`, and await `todos.next()`
//! # drop((client, todos));
//! bed.finish().await;
//! # }
//! ```

mod policy;
mod socket;
#[cfg(test)]
mod tests;

pub use policy::OpenPolicy;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sqlx::SqlSafeStr;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::{
    client::{ClientConfig, NativeClient, native::Connector},
    server::{Builder, Database, Identity, Peer, Realtime, Session},
    sql,
};

/// How long [`TestBed::finish`] waits for connections to end.
const PATIENCE: Duration = Duration::from_secs(5);

const FILE: &str = "test.db";

/// A running channel layer over a database of its own.
pub struct TestBed {
    realtime: Realtime,
    // Dropped last: the database's file goes with it.
    folder: TempDir,
}

impl TestBed {
    /// Runs `schema`, and starts what `describe` adds to the builder.
    ///
    /// # Panics
    /// When the schema is wrong or a resource's table is not in it.
    pub async fn start(schema: &'static str, describe: impl FnOnce(Builder) -> Builder) -> Self {
        let folder = folder();
        let url = format!("sqlite://{}/{FILE}", folder.path().display());
        let database = Database::open(&url).await.expect("a new database opens");
        let mut tx = database.write().await.expect("a new database can be written");
        let create = schema.into_sql_str();
        sql!(tx, |db| sqlx::raw_sql(create).execute(db)).expect("the schema is SQL");
        tx.commit::<()>(None).await.expect("the schema can be committed");
        let realtime = describe(Realtime::builder(database).policy(OpenPolicy)).start().await;
        Self { realtime: realtime.expect("every resource has its table"), folder }
    }

    /// The channel layer; its database is [`Realtime::database`].
    pub fn realtime(&self) -> &Realtime {
        &self.realtime
    }

    /// A client that is connected without a network.
    pub fn client(&self) -> NativeClient {
        NativeClient::with_connector(ClientConfig::default(), 1, self.connector())
    }

    /// The same for somebody in particular, whatever the server's hook would say.
    pub fn client_as(&self, who: Identity) -> NativeClient {
        NativeClient::with_connector(ClientConfig::default(), 1, self.connector_as(who))
    }

    /// Connects a client of any configuration to this server.
    pub fn connector(&self) -> Connector {
        self.connect_peers(Peer::nobody)
    }

    /// The same for somebody in particular.
    pub fn connector_as(&self, who: Identity) -> Connector {
        self.connect_peers(move || Peer { identity: who.clone(), ..Peer::nobody() })
    }

    fn connect_peers(&self, peer: impl Fn() -> Peer + Send + Sync + 'static) -> Connector {
        let realtime = self.realtime.clone();
        Arc::new(move |_| {
            let (server, client) = socket::pair();
            tokio::spawn(Session::new(realtime.clone(), server, peer()).run());
            Box::pin(async { Some(client) })
        })
    }

    /// The database's file, for other programs that write it.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join(FILE)
    }

    /// Stops, and makes sure that nothing is left.
    ///
    /// # Panics
    /// When a connection or subscription is still there some seconds after the stop.
    pub async fn finish(self) {
        self.realtime.stop().await;
        let patience = Instant::now() + PATIENCE;
        loop {
            let stats = self.realtime.stats();
            if stats.connections == 0 && stats.subscriptions == 0 {
                break;
            }
            assert!(Instant::now() < patience, "left after the stop: {stats:?}");
            sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(self.realtime.hub().connections().len(), 0, "connections that nobody serves");
        self.realtime.database().close().await;
    }
}

/// In memory where the system has a folder that is.
fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    folder.expect("a temporary folder can be made")
}
