//! Channels without a list: a handler for each event, or a signal that events are folded into.

use leptos::prelude::*;
use serde::de::DeserializeOwned;

use super::{
    connection::{LiveConnection, use_connection},
    platform::{Owner, Socket},
};
use crate::{
    client::event::ClientEvent,
    contract::{Change, Channel, Live},
};

/// A subscription that ends with the component that made it, or when it is told to.
#[derive(Clone, Copy)]
pub struct Subscription {
    socket: Socket,
    owner: StoredValue<Option<Owner>>,
}

impl Subscription {
    /// Ends it. The channel is left when this was its last subscription of the page.
    pub fn unsubscribe(&self) {
        if let Some(owner) = self.owner.try_update_value(Option::take).flatten() {
            self.socket.unsubscribe(owner);
        }
    }
}

impl LiveConnection {
    /// Calls `handler` with every message of a custom channel until the running component ends.
    pub fn subscribe<T: DeserializeOwned + 'static>(
        &self,
        channel: &Channel<T>,
        mut handler: impl FnMut(T) + 'static,
    ) -> Subscription {
        self.listen(channel, move |event| {
            if let ClientEvent::Message { payload } = event
                && let Ok(message) = serde_json::from_str(payload.get())
            {
                handler(message);
            }
        })
    }

    /// Calls `handler` with every change of a resource from now on.
    pub fn subscribe_to_resource<T: Live>(
        &self,
        handler: impl FnMut(Change<T>) + 'static,
    ) -> Subscription {
        self.changes(&T::all(), handler)
    }

    /// Calls `handler` with every change of one record from now on. `None` when the id cannot be part
    /// of a channel name.
    pub fn subscribe_to_record<T: Live>(
        &self,
        id: &T::Id,
        handler: impl FnMut(Change<T>) + 'static,
    ) -> Option<Subscription> {
        Some(self.changes(&T::record(id)?, handler))
    }

    fn changes<T: Live>(
        &self,
        channel: &Channel<T>,
        mut handler: impl FnMut(Change<T>) + 'static,
    ) -> Subscription {
        self.listen(channel, move |event| {
            if let ClientEvent::Change { payload, .. } = event
                && let Ok(change) = serde_json::from_str(payload.get())
            {
                handler(change);
            }
        })
    }

    fn listen<T>(
        &self,
        channel: &Channel<T>,
        handler: impl FnMut(ClientEvent) + 'static,
    ) -> Subscription {
        let socket = self.socket();
        let owner = socket.subscribe(channel.name().clone(), None, Box::new(handler));
        let subscription = Subscription { socket, owner: StoredValue::new(owner) };
        on_cleanup(move || subscription.unsubscribe());
        subscription
    }
}

/// A piece of client state that a channel's messages are folded into.
#[derive(Clone, Copy)]
pub struct Cache<S: Send + Sync + 'static> {
    state: RwSignal<S>,
}

impl<S: Send + Sync + 'static> Cache<S> {
    /// Starts from `initial` and folds every message of `channel` in by `fold`: replace, append, merge
    /// or remove, as the function says.
    pub fn new<T: DeserializeOwned + 'static>(
        channel: &Channel<T>,
        initial: S,
        fold: impl Fn(&mut S, T) + 'static,
    ) -> Self {
        let state = RwSignal::new(initial);
        use_connection().subscribe(channel, move |message| {
            _ = state.try_update(|state| fold(state, message));
        });
        Self { state }
    }

    /// The state as a signal.
    pub fn signal(&self) -> RwSignal<S> {
        self.state
    }
}
