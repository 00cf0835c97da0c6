//! The channel layer's routes, one file each.

mod admit;
mod body;
mod broadcast;
mod elsewhere;
mod event_ids;
mod event_socket;
mod health;
mod metrics;
mod off;
mod own_pages;
mod query;
mod refuse;
mod socket;
mod sse;
mod stats;
mod ticket;
mod users;

use axum::{
    Router, middleware,
    routing::{any, get, post},
};

use super::Realtime;

pub use body::read as read_body;
pub use own_pages::is_own_page;

/// `/realtime` (WebSocket), `/realtime/sse` (event streams) and what belongs to them, `/metrics`, `/healthz`
/// and `/readyz`; with another [`Builder::path`](super::Builder::path), what begins with `/realtime` begins
/// with that. Nobody connects while realtime is off. For limits by address, serve it with `into_make_service_with_connect_info::<SocketAddr>()`.
pub fn routes<S: Clone + Send + Sync + 'static>(realtime: Realtime) -> Router<S> {
    let path = realtime.path().to_owned();
    let below = |rest: &str| format!("{path}{rest}");
    let connections = if realtime.is_enabled() {
        let look = middleware::from_fn_with_state(realtime.clone(), admit::look);
        let socket = get(socket::upgrade).with_state(realtime.clone());
        let ticket = post(ticket::ticket).route_layer(look).with_state(realtime.clone());
        Router::new()
            .route(&below(""), socket)
            .route(&below("/ticket"), ticket)
            .merge(sse::routes(realtime.clone(), &below("/sse")))
            .route_layer(middleware::from_fn_with_state(realtime.clone(), own_pages::only))
    } else {
        let disabled = any(off::disabled);
        let addresses = ["", "/sse", "/ticket"].map(below);
        addresses.iter().fold(Router::new(), |router, at| router.route(at, disabled.clone()))
    };
    // Each takes a lock that deliveries need, or reads the database.
    let looks = Router::new()
        .route(&below("/stats"), get(stats::stats))
        .route("/api/realtime/stats", get(stats::stats))
        .route(&below("/channel/users"), get(users::users))
        .route("/metrics", get(metrics::metrics))
        .route("/readyz", get(health::ready))
        .route_layer(middleware::from_fn_with_state(realtime.clone(), admit::look));
    Router::new()
        .merge(looks)
        .route(&below("/broadcast"), post(broadcast::broadcast))
        .route("/healthz", get(health::alive))
        .with_state(realtime.clone())
        .merge(connections)
        .route(&below("/"), any(elsewhere::address))
        .route(&below("/{*rest}"), any(elsewhere::address))
        .method_not_allowed_fallback(elsewhere::method)
        .route_layer(middleware::map_response_with_state(realtime, refuse::count))
}
