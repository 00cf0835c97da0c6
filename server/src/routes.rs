//! What answers which address.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use app::accounts::{Accounts, Cookies};
use axum::{
    Router,
    body::Body,
    extract::{DefaultBodyLimit, FromRef},
    handler::Handler,
    http::{Request, request::Parts},
    middleware,
};
use leptos::{
    nonce::Nonce,
    prelude::{LeptosOptions, provide_context, use_context},
};
use leptos_axum::{LeptosRoutes, generate_route_list};
use tidewire::{
    reactive::LiveAddress,
    server::{Identity, Realtime},
};
use tower_http::{
    compression::CompressionLayer,
    trace::{DefaultOnFailure, TraceLayer},
};
use tracing::Level;

use crate::{
    Config, Secret, StartError, refusals, visitor,
    web::{self, Bounds, Headers, Seal, Sites},
};

/// What handlers are given.
#[derive(Clone, FromRef)]
struct AppState {
    options: LeptosOptions,
}

/// `/realtime…` to the channel layer, `/api/…` to server functions, the rest to the application's pages
/// and the site's files.
///
/// # Errors
/// When the path for connections is a page's.
pub(crate) fn router(
    realtime: Realtime,
    config: &Config,
    address: SocketAddr,
) -> Result<Router, StartError> {
    let options = options(config, address);
    let database = realtime.database().clone();
    let state = AppState { options: options.clone() };
    let live = LiveAddress(realtime.is_enabled().then(|| realtime.path().to_owned()));
    let cookies = Cookies::new(config.secure_cookies);
    let accounts = Accounts::new(cookies, config.account_args.limits());
    let context = {
        let realtime = realtime.clone();
        move || {
            provide_context(database.clone());
            provide_context(accounts.clone());
            provide_context(realtime.clone());
            provide_context(live.clone());
            let Some(parts) = use_context::<Parts>() else { return };
            if let Some(visitor) = parts.extensions.get().cloned() {
                provide_context::<Identity>(visitor);
            }
            // In place of Leptos' own, which nobody else knows.
            if let Some(nonce) = parts.extensions.get().cloned() {
                provide_context::<Nonce>(nonce);
            }
        }
    };
    let pages = generate_route_list(app::App);
    // Here, as two routes of one address are a panic.
    if let Some(page) = pages.iter().find(|page| is_within(page.path(), realtime.path())) {
        let (path, page) = (realtime.path(), page.path());
        let text = format!("TIDEWIRE_REALTIME_PATH is {path}, where the page {page} is");
        return Err(StartError::Settings(text));
    }
    let document = {
        let options = options.clone();
        move || app::document(options.clone())
    };
    let files = leptos_axum::file_and_error_handler_with_context::<AppState, _>(
        context.clone(),
        app::document,
    );
    let bounds = Bounds {
        most: usize::try_from(config.limit_args.max_body_bytes).unwrap_or(usize::MAX),
        patience: Duration::from_secs(config.limit_args.write_timeout_seconds),
    };
    let seal = Seal::new(&config.token_secret.clone().unwrap_or_else(Secret::random));
    let sites = Sites(config.allowed_origins.clone().into());
    let headers = Headers::new(config.is_production(), &options);
    let site: Arc<Path> = Path::new(&*options.site_root).into();
    let elsewhere = (site, realtime.clone(), cookies);
    let files = files
        .layer(middleware::map_response(web::files))
        .layer(middleware::from_fn_with_state(elsewhere, visitor::unless_file));
    let router = Router::new()
        .leptos_routes_with_context(&state, pages, context, document)
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(bounds, web::bounded))
        .layer(middleware::from_fn(refusals::status))
        .layer(middleware::from_fn_with_state(seal, web::sealed))
        .layer(middleware::from_fn_with_state((realtime.clone(), cookies), visitor::visitor))
        .fallback(files)
        // Around everything but the channel layer's routes, which ask the same by themselves where cookies count.
        .layer(middleware::from_fn_with_state(sites, web::only_own_pages))
        .layer(CompressionLayer::new())
        .merge(tidewire::server::routes(realtime))
        .layer(middleware::from_fn_with_state(headers, web::headers))
        .layer(
            TraceLayer::new_for_http()
                .make_span_with(|request: &Request<Body>| {
                    // Without the query, which may hold a token.
                    let (method, path) = (request.method(), request.uri().path());
                    tracing::debug_span!("request", %method, path)
                })
                // Who answers 500 has logged why; 503 is how a crowd is asked to come later.
                .on_failure(DefaultOnFailure::new().level(Level::DEBUG)),
        )
        .with_state(state);
    Ok(router)
}

/// Whether a page is at the path, or below it.
fn is_within(page: &str, path: &str) -> bool {
    page.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn options(config: &Config, address: SocketAddr) -> LeptosOptions {
    // cargo-leptos passes what is not ours to set by environment.
    let mut options = leptos::prelude::get_configuration(None)
        .map(|configuration| configuration.leptos_options)
        .unwrap_or_else(|_| LeptosOptions::builder().output_name("tidewire").build());
    options.output_name = "tidewire".into();
    options.site_root = config.site_root.to_string_lossy().into_owned().into();
    options.site_addr = address;
    options
}
