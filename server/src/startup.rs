//! Start and stop: opens the database, starts the channel layer, binds the address.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tidewire::server::{Database, Realtime, database::DatabaseError, log::LogError};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    Config, Secret,
    crowd::Crowd,
    identify::Everybody,
    listen::{Patience, serve},
    routes,
    visitor::Visitors,
};

/// A server that listens, but does not answer before [`Server::run_until`].
pub struct Server {
    address: SocketAddr,
    listener: TcpListener,
    router: axum::Router,
    realtime: Realtime,
    patience: Patience,
    crowd: Arc<Crowd>,
    drain: Duration,
}

/// Why the server could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Settings contradict each other, or the application.
    #[error("{0}")]
    Settings(String),
    /// The database could not be opened or migrated.
    #[error("the database: {0}")]
    Database(#[from] DatabaseError),
    /// A resource's table could not be followed.
    #[error("the change log: {0}")]
    Log(#[from] LogError),
    /// The address is taken or not this machine's.
    #[error("{address}: {source}")]
    Bind {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Server {
    /// Opens, migrates, follows the log and binds.
    ///
    /// # Errors
    /// [`StartError`]: what could not be had.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let config = config.settled().map_err(StartError::Settings)?;
        let limits = config.limits();
        let database =
            Database::open_with(config.database_url.expose(), limits.external_poll).await?;
        database.migrate(&app::MIGRATIONS).await?;
        let (dead_after, drain) = (limits.dead_after, limits.drain);
        let visitors = Visitors::new(database.clone(), config.secure_cookies);
        let everybody = Everybody::new(database.clone(), visitors)
            .token_secret(config.token_secret.as_ref().map(Secret::expose))
            .broadcast_key(config.broadcast_key.as_ref().map(Secret::expose));
        let realtime = app::resources(Realtime::builder(database))
            .authenticate(everybody)
            .only(&config.resources)
            .enabled(config.realtime)
            .presence(config.presence)
            .path(&config.realtime_path)
            .limits(limits)
            .trusted_proxies(config.trusted_proxies.iter().copied())
            .allowed_origins(config.allowed_origins.iter().cloned())
            .start()
            .await?;
        let bind = |source| StartError::Bind { address: config.address, source };
        let listener = TcpListener::bind(config.address).await.map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        let router = routes::router(realtime.clone(), &config, address)?;
        let patience =
            Patience { head: Duration::from_secs(config.header_seconds), silence: dead_after };
        let most = usize::try_from(config.limit_args.http_connections_per_address);
        let crowd = Crowd::new(most.unwrap_or(usize::MAX), config.trusted_proxies);
        Ok(Self { address, listener, router, realtime, patience, crowd, drain })
    }

    /// The address that was bound.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The channel layer.
    pub fn realtime(&self) -> &Realtime {
        &self.realtime
    }

    /// Serves until `stop` resolves, then drains connections and closes the database.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn run_until(self, stop: impl Future<Output = ()>) -> std::io::Result<()> {
        let closing = CancellationToken::new();
        let _closed = closing.clone().drop_guard();
        let serve = serve(self.listener, self.router, self.patience, self.crowd, closing.clone());
        let serve = tokio::spawn(serve);
        stop.await;
        tracing::info!("stopping");
        // Sockets first: they hold no request open, and nothing below waits for them.
        self.realtime.stop().await;
        closing.cancel();
        // A request that hangs must not keep the process alive.
        if let Ok(ended) = tokio::time::timeout(self.drain, serve).await {
            ended.map_err(std::io::Error::other)?;
        }
        self.realtime.database().close().await;
        Ok(())
    }
}
