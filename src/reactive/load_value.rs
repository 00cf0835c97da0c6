//! Where a fetched value comes from: a server function.

use leptos::server_fn::ServerFn;
use serde::Serialize;

use crate::contract::{Reading, Refusal};

/// Fetches a value. Every server function that returns `Result<Reading<T>, Refusal>` does, in the form of
/// its arguments: `CountTodos {}`. It has to be declared with `#[server(input = Json)]`.
pub trait LoadValue<T>: Clone + Send + Sync + 'static {
    /// Runs the function's body. Only on the server.
    fn run(self) -> impl Future<Output = Result<Reading<T>, Refusal>> + Send;

    /// The function's address and its arguments as JSON.
    fn request(&self) -> (&'static str, String);
}

impl<T, S> LoadValue<T> for S
where
    S: ServerFn<Output = Reading<T>, Error = Refusal> + Serialize + Clone + Send + Sync + 'static,
{
    fn run(self) -> impl Future<Output = Result<Reading<T>, Refusal>> + Send {
        self.run_body()
    }

    fn request(&self) -> (&'static str, String) {
        (S::PATH, serde_json::to_string(self).unwrap_or_default())
    }
}
