//! Data that the server writes into the page for the browser to start from.
//!
//! Leptos gives places by the order in which they are asked for, and `Loaded` lets the server ask later
//! than the browser does. So each value carries a tag, and one that is not the asker's is not taken.

use leptos::prelude::Owner;
use serde::{Serialize, de::DeserializeOwned};

/// On the server: writes what the future yields into the page.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn give<T>(tag: String, value: impl Future<Output = T> + Send + Sync + 'static)
where
    T: Serialize,
{
    let Some(context) = Owner::current_shared_context() else { return };
    let id = context.next_id();
    if context.get_is_hydrating() {
        context.write_async(
            id,
            Box::pin(async move { serde_json::to_string(&(tag, value.await)).unwrap_or_default() }),
        );
    }
}

/// In the browser: what the server gave, while the page is being hydrated.
#[cfg(target_arch = "wasm32")]
pub(super) fn take<T: DeserializeOwned>(tag: &str) -> Option<T> {
    let context = Owner::current_shared_context()?;
    let id = context.next_id();
    if !context.during_hydration() {
        return None;
    }
    let (given, value): (String, T) = serde_json::from_str(&context.read_data(&id)?).ok()?;
    (given == tag).then_some(value)
}

/// A value that the server computes and the browser takes over; `None` on a later navigation in the browser.
/// It is asked for at the same place on both sides, under a `tag` that no other value of the page has.
pub fn shared<T>(tag: &str, _compute: impl FnOnce() -> Option<T>) -> Option<T>
where
    T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static,
{
    #[cfg(not(target_arch = "wasm32"))]
    {
        let value = _compute();
        let copy = value.clone();
        give(tag.into(), async move { copy });
        value
    }
    #[cfg(target_arch = "wasm32")]
    {
        take::<Option<T>>(tag).flatten()
    }
}
