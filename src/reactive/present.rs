//! The first list of who is in a channel: computed by the server, handed to the page.

use super::shared;
use crate::contract::{ChannelName, Present};

/// Hands the list to `begin`: on the server before the page is written, in the browser at once while the
/// page is being hydrated. The visitor's identity has to be allowed to see it.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn first(channel: &ChannelName, begin: impl Fn(Vec<Present>) + Send + Sync + 'static) {
    use futures::FutureExt;
    use leptos::prelude::use_context;

    use super::loaded::Loads;
    use crate::server::{Action, Identity, Realtime};

    let (realtime, visitor) = (use_context::<Realtime>(), use_context::<Identity>());
    let name = channel.clone();
    let loading = async move {
        let (Some(realtime), Some(visitor)) = (realtime, visitor) else { return Vec::new() };
        match realtime.check(&visitor, Action::SeeUsers, &name).await {
            Ok(()) => realtime.roll(&name).users,
            Err(_) => Vec::new(),
        }
    };
    let loading = loading.boxed().shared();
    shared::give(tag(channel), loading.clone());
    if let Some(loads) = use_context::<Loads>() {
        loads.add(async move { begin(loading.await) });
    }
}

/// Hands the list to `begin`, if the server gave one.
#[cfg(target_arch = "wasm32")]
pub(super) fn first(channel: &ChannelName, begin: impl Fn(Vec<Present>)) {
    if let Some(users) = shared::take(&tag(channel)) {
        begin(users);
    }
}

fn tag(channel: &ChannelName) -> String {
    ["presence ", channel.as_str()].concat()
}
