//! Data that the server writes into the page for the browser to start from. Both sides must ask for
//! their places in the same order, as they do when they run the same components.

use leptos::prelude::Owner;
use serde::{Serialize, de::DeserializeOwned};

/// On the server: writes what the future yields into the page.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn give<T>(value: impl Future<Output = T> + Send + Sync + 'static)
where
    T: Serialize,
{
    let Some(context) = Owner::current_shared_context() else { return };
    let id = context.next_id();
    if context.get_is_hydrating() {
        context.write_async(
            id,
            Box::pin(async move { serde_json::to_string(&value.await).unwrap_or_default() }),
        );
    }
}

/// In the browser: what the server gave, while the page is being hydrated.
#[cfg(target_arch = "wasm32")]
pub(super) fn take<T: DeserializeOwned>() -> Option<T> {
    let context = Owner::current_shared_context()?;
    let id = context.next_id();
    if !context.during_hydration() {
        return None;
    }
    serde_json::from_str(&context.read_data(&id)?).ok()
}

/// A value that the server computes and the browser takes over; `None` on a later navigation.
pub(super) fn shared<T>(_compute: impl FnOnce() -> Option<T>) -> Option<T>
where
    T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static,
{
    #[cfg(not(target_arch = "wasm32"))]
    {
        let value = _compute();
        let copy = value.clone();
        give(async move { copy });
        value
    }
    #[cfg(target_arch = "wasm32")]
    {
        take::<Option<T>>().flatten()
    }
}
