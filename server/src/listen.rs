//! Accepts connections and serves HTTP/1.1 on them. `axum::serve` gives a client all the time in the world
//! to send the head of a request; this one does not.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo, http::Request, serve::Listener};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

use crate::{crowd::Crowd, silence};

/// About the longest head of a request, in bytes: with addresses and cookies, a browser's has a tenth of it.
/// There are at most 100 lines in it.
const LONGEST_HEAD: usize = 64 * 1024;

/// How long a client may keep the server waiting.
#[derive(Clone, Copy)]
pub(crate) struct Patience {
    /// For the head of a request.
    pub(crate) head: Duration,
    /// For any sign of life once it is connected.
    pub(crate) silence: Duration,
}

/// Serves until `closing` is cancelled, then lets requests that are under way end. Upgraded connections
/// are not waited for.
pub(crate) async fn serve(
    mut listener: TcpListener,
    router: Router,
    patience: Patience,
    crowd: Arc<Crowd>,
    closing: CancellationToken,
) {
    let tasks = TaskTracker::new();
    loop {
        let (stream, peer) = tokio::select! {
            () = closing.cancelled() => break,
            // Waits by itself when the process has too many files open.
            accepted = Listener::accept(&mut listener) => accepted,
        };
        // Closed at once: an answer would take as long as the other side likes.
        let Some(place) = crowd.enter(peer.ip()) else { continue };
        let talk = converse(stream, peer, router.clone(), patience, closing.clone());
        tasks.spawn(async move {
            talk.await;
            drop(place);
        });
    }
    drop(listener);
    tasks.close();
    tasks.wait().await;
}

async fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    patience: Patience,
    closing: CancellationToken,
) {
    // Events are small and must not wait for the answer to the one before.
    _ = stream.set_nodelay(true);
    silence::watch(&stream, patience.silence);
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience.head)
        .max_buf_size(LONGEST_HEAD)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, %peer, "a connection broke off");
    }
}
