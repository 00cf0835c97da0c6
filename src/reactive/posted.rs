//! What became of a form that the browser posted without JavaScript.

use serde::{Deserialize, Serialize};

use super::shared::shared;
use crate::contract::Live;

/// A posted form that was refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Posted<T> {
    /// A sentence for a person.
    pub reason: String,
    /// The row that stands in the database, after a conflict.
    pub current: Option<T>,
}

/// Reads why the form that led to this page was refused: `search` is the page's query string.
pub fn posted<T: Live>(search: impl FnOnce() -> String) -> Option<Posted<T>> {
    shared(T::TABLE, || read(&search()))
}

#[cfg(not(target_arch = "wasm32"))]
fn read<T: Live>(search: &str) -> Option<Posted<T>> {
    use crate::contract::Refusal;
    use leptos::server_fn::error::ServerFnUrlError;

    let query = search.trim_start_matches('?');
    // Each refused form adds one; the last is the newest.
    let error = query.split('&').rev().find_map(|pair| pair.strip_prefix("__err="))?;
    let error = error.replace("%3D", "=");
    let refusal: Refusal<serde_json::Value> = ServerFnUrlError::decode_err(&error);
    let reason = refusal.reason();
    let current = match refusal {
        Refusal::Conflict { current } => serde_json::from_value(current).ok(),
        _ => None,
    };
    Some(Posted { reason, current })
}

#[cfg(target_arch = "wasm32")]
fn read<T: Live>(_search: &str) -> Option<Posted<T>> {
    None
}
