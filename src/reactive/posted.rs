//! What became of a form that the browser posted without JavaScript.

use serde::{Deserialize, Serialize};

use super::shared::shared;

/// A posted form that was refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Posted {
    /// A sentence for a person.
    pub reason: String,
    /// The row that stands in the database, after a conflict, as JSON.
    pub current: Option<String>,
}

/// Reads why the form that led to this page was refused: `search` is the page's query string.
pub fn posted(search: impl FnOnce() -> String) -> Option<Posted> {
    shared(|| read(&search()))
}

#[cfg(not(target_arch = "wasm32"))]
fn read(search: &str) -> Option<Posted> {
    use crate::contract::Refusal;
    use leptos::server_fn::error::ServerFnUrlError;

    let query = search.trim_start_matches('?');
    let error = query.split('&').find_map(|pair| pair.strip_prefix("__err="))?;
    let error = error.replace("%3D", "=");
    let refusal: Refusal<serde_json::Value> = ServerFnUrlError::decode_err(&error);
    let current = match &refusal {
        Refusal::Conflict { current } => Some(current.to_string()),
        _ => None,
    };
    Some(Posted { reason: refusal.reason(), current })
}

#[cfg(target_arch = "wasm32")]
fn read(_search: &str) -> Option<Posted> {
    None
}
