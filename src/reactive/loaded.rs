//! The server waits here for a page's lists, so that the HTML carries their rows.

use leptos::prelude::*;

/// Renders its children once every list that the page has made is loaded. On the server that is a
/// wait before the HTML is written; in the browser the rows are there already, or arrive by signals.
#[component]
pub fn Loaded(children: Children) -> impl IntoView {
    #[cfg(not(target_arch = "wasm32"))]
    {
        let loads = use_context::<Loads>().unwrap_or_default();
        Suspend::new(async move {
            loads.wait().await;
            // Components among the children may make lists of their own.
            let view = children();
            loads.wait().await;
            view
        })
    }
    #[cfg(target_arch = "wasm32")]
    children()
}

/// The loads of one request. Whoever waits waits for all of them, as often as it likes.
#[cfg(not(target_arch = "wasm32"))]
#[derive(Clone, Default)]
pub(super) struct Loads(std::sync::Arc<std::sync::Mutex<Vec<Load>>>);

#[cfg(not(target_arch = "wasm32"))]
type Load = futures::future::Shared<futures::future::BoxFuture<'static, ()>>;

#[cfg(not(target_arch = "wasm32"))]
impl Loads {
    /// Adds a load to wait for.
    pub(super) fn add(&self, load: impl Future<Output = ()> + Send + 'static) {
        use futures::FutureExt;
        self.lock().push(load.boxed().shared());
    }

    async fn wait(&self) {
        let loads = self.lock().clone();
        futures::future::join_all(loads).await;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Load>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
