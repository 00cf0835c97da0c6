//! Where a list's snapshot comes from: a server function.

use leptos::server_fn::ServerFn;
use serde::Serialize;

use crate::contract::{Live, Refusal, Snapshot};

/// Loads a snapshot. Every server function that returns `Result<Snapshot<T>, Refusal>` does, in the form
/// of its arguments: `ListTodos {}`. It has to be declared with `#[server(input = Json)]`.
pub trait Load<T: Live>: Clone + Send + Sync + 'static {
    /// Runs the function's body. Only on the server.
    fn run(self) -> impl Future<Output = Result<Snapshot<T>, Refusal>> + Send;

    /// The function's address and its arguments as JSON.
    fn request(&self) -> (&'static str, String);
}

impl<T, S> Load<T> for S
where
    T: Live,
    S: ServerFn<Output = Snapshot<T>, Error = Refusal> + Serialize + Clone + Send + Sync + 'static,
{
    fn run(self) -> impl Future<Output = Result<Snapshot<T>, Refusal>> + Send {
        self.run_body()
    }

    fn request(&self) -> (&'static str, String) {
        (S::PATH, serde_json::to_string(self).unwrap_or_default())
    }
}
