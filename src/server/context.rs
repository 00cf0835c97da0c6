//! What server functions find in their context.

use leptos::prelude::use_context;

use super::Database;
use crate::contract::Refusal;

/// The database of the running server function.
///
/// # Errors
/// `Failed` when the server did not provide one.
pub fn database<T>() -> Result<Database, Refusal<T>> {
    use_context().ok_or_else(|| {
        tracing::error!("no Database in the context of a server function");
        Refusal::Failed { message: "The server is not set up for this.".into() }
    })
}
