//! What became of a form that the browser posted without JavaScript.

use serde::{Deserialize, Serialize};

use super::shared::shared;
use crate::contract::Live;
#[cfg(not(target_arch = "wasm32"))]
use crate::contract::Refusal;

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

/// The field and the reason of a form that was posted to the server function at `path` and refused, if
/// that is how this page was reached: `search` is the page's query string. The field is empty when the
/// reason is about no field.
pub fn refused(path: &str, search: impl FnOnce() -> String) -> Option<(String, String)> {
    shared(path, || field_and_reason(path, &search()))
}

#[cfg(not(target_arch = "wasm32"))]
fn field_and_reason(path: &str, search: &str) -> Option<(String, String)> {
    let query = search.trim_start_matches('?');
    // Each refused form adds two; the last are the newest.
    let from = query.split('&').rev().find_map(|pair| pair.strip_prefix("__path="))?;
    if from.replace("%2F", "/") != path {
        return None;
    }
    let refusal = newest(query)?;
    let reason = refusal.reason();
    match refusal {
        Refusal::Invalid { field, .. } => Some((field, reason)),
        _ => Some((String::new(), reason)),
    }
}

#[cfg(target_arch = "wasm32")]
fn field_and_reason(_path: &str, _search: &str) -> Option<(String, String)> {
    None
}

#[cfg(not(target_arch = "wasm32"))]
fn newest(query: &str) -> Option<Refusal<serde_json::Value>> {
    use leptos::server_fn::error::ServerFnUrlError;

    let error = query.split('&').rev().find_map(|pair| pair.strip_prefix("__err="))?;
    Some(ServerFnUrlError::decode_err(&error.replace("%3D", "=")))
}

#[cfg(not(target_arch = "wasm32"))]
fn read<T: Live>(search: &str) -> Option<Posted<T>> {
    let refusal = newest(search.trim_start_matches('?'))?;
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

#[cfg(test)]
mod tests {
    use leptos::server_fn::error::ServerFnUrlError;

    use super::*;

    #[test]
    fn spec_nx8_the_newest_refusal_is_read_by_the_form_that_it_is_about() {
        let mut page = "http://a/sign-in?next=%2Fnotes".to_owned();
        for (path, field) in [("/api/a/one", "x"), ("/api/a/two_forms", "y")] {
            let refusal = Refusal::<()>::invalid(field, "No.");
            page = ServerFnUrlError::new(path, refusal).to_url(&page).unwrap().to_string();
        }
        let search = page.split_once('?').unwrap().1;
        assert_eq!(field_and_reason("/api/a/one", search), None, "it is an older one");
        let found = field_and_reason("/api/a/two_forms", search);
        assert_eq!(found, Some(("y".into(), "No.".into())));
        assert_eq!(field_and_reason("/api/a/one", "?next=/"), None);
    }
}
