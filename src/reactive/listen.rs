//! Channels without a list: a handler for each event, or a signal that events are folded into.

use leptos::prelude::*;

use super::{
    connection::{LiveConnection, use_connection},
    platform::{Owner, Socket},
};
use crate::{
    client::{event::ClientEvent, heard::Heard},
    contract::{Change, Channel, ChannelName, Live, Message, ResyncReason},
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
    /// Calls `handler` with every message of a channel until the running component ends. Durable ones
    /// that were missed while the connection was away come when it is back; to hear of those that cannot
    /// come any more, use [`LiveConnection::subscribe_with`].
    pub fn subscribe<T: Message>(
        &self,
        channel: &Channel<T>,
        mut handler: impl FnMut(T) + 'static,
    ) -> Subscription {
        self.subscribe_with(channel, move |heard| {
            if let Heard::Event(message) = heard {
                handler(message);
            }
        })
    }

    /// The same, and tells the handler of gaps and of a refusal.
    pub fn subscribe_with<T: Message>(
        &self,
        channel: &Channel<T>,
        mut handler: impl FnMut(Heard<T>) + 'static,
    ) -> Subscription {
        self.listen(channel.name(), move |event| {
            if let Some(heard) = Heard::message(event) {
                handler(heard);
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

    /// Calls `handler` with every change on a channel of rows from now on, and tells it of gaps and of a
    /// refusal.
    pub fn subscribe_to_changes_with<T: Live>(
        &self,
        channel: &Channel<T>,
        mut handler: impl FnMut(Heard<Change<T>>) + 'static,
    ) -> Subscription {
        self.listen(channel.name(), move |event| {
            if let Some(heard) = Heard::change(event) {
                handler(heard);
            }
        })
    }

    fn changes<T: Live>(
        &self,
        channel: &Channel<T>,
        mut handler: impl FnMut(Change<T>) + 'static,
    ) -> Subscription {
        self.subscribe_to_changes_with(channel, move |heard| {
            if let Heard::Event(change) = heard {
                handler(change);
            }
        })
    }

    fn listen(
        &self,
        channel: &ChannelName,
        handler: impl FnMut(ClientEvent) + 'static,
    ) -> Subscription {
        let socket = self.socket();
        let owner = socket.subscribe(channel.clone(), None, Box::new(handler));
        let subscription = Subscription { socket, owner: StoredValue::new(owner) };
        on_cleanup(move || subscription.unsubscribe());
        subscription
    }
}

/// A piece of client state that a channel's messages are folded into.
#[derive(Clone, Copy)]
pub struct Cache<S: Send + Sync + 'static> {
    state: RwSignal<S>,
    missed: RwSignal<Option<ResyncReason>>,
}

impl<S: Send + Sync + 'static> Cache<S> {
    /// Starts from `initial` and folds every message of `channel` in by `fold`: replace, append, merge
    /// or remove, as the function says. Starts again from there when the page becomes somebody else's.
    pub fn new<T: Message>(
        channel: &Channel<T>,
        initial: S,
        fold: impl Fn(&mut S, T) + 'static,
    ) -> Self
    where
        S: Clone,
    {
        let (state, missed) = (RwSignal::new(initial.clone()), RwSignal::new(None));
        use_connection().subscribe_with(channel, move |heard| match heard {
            Heard::Event(message) => _ = state.try_update(|state| fold(state, message)),
            Heard::Missed(reason) => {
                if reason == ResyncReason::Permission {
                    _ = state.try_set(initial.clone());
                }
                _ = missed.try_set(Some(reason));
            }
            Heard::Refused(_) => {}
        });
        Self { state, missed }
    }

    /// The state as a signal.
    pub fn signal(&self) -> RwSignal<S> {
        self.state
    }

    /// Why durable messages are missing in the state, if any are. A signal; set it to `None` once the
    /// state has been made whole.
    pub fn missed(&self) -> RwSignal<Option<ResyncReason>> {
        self.missed
    }
}
