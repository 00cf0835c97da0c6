//! Where a list's snapshot comes from: a server function.

use leptos::server_fn::ServerFn;
use serde::Serialize;

use crate::contract::{Live, Refusal, Snapshot};

/// Loads a snapshot. Every server function that returns `Result<Snapshot<T>, Refusal>` does, in the form
/// of its arguments: `ListTodos {}`. It has to be declared with `#[server(input = Json)]`.
pub trait Load<T: Live>: Clone + Send + Sync + 'static {
    /// Runs the query: on the server at once, in the browser over HTTP.
    fn load(self) -> impl Future<Output = Result<Snapshot<T>, Refusal>> + Send;
}

impl<T, S> Load<T> for S
where
    T: Live,
    S: ServerFn<Output = Snapshot<T>, Error = Refusal> + Serialize + Clone + Send + Sync + 'static,
{
    #[cfg(not(target_arch = "wasm32"))]
    async fn load(self) -> Result<Snapshot<T>, Refusal> {
        self.run_body().await
    }

    #[cfg(target_arch = "wasm32")]
    fn load(self) -> impl Future<Output = Result<Snapshot<T>, Refusal>> + Send {
        send_wrapper::SendWrapper::new(async move {
            let body = serde_json::to_string(&self).unwrap_or_default();
            super::fetch::post(S::PATH, "application/json", &body).await
        })
    }
}
