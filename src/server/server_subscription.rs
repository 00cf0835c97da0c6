//! Subscriptions of the server's own code: what a client gets, typed, without a socket.

use std::{collections::VecDeque, marker::PhantomData, sync::Arc};

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

use super::{
    Realtime,
    attach::{Request, attach},
    identity::Identity,
    queue::{Queue, Queued},
    subscription::Subscription,
};
use crate::contract::{
    Change, Channel, ChannelName, Delivery, Live, LiveError, Message, Position, ResyncReason,
    ServerFrame, parse,
};

/// Receives a channel's events until it is dropped, the channel ends or the server stops.
///
/// What waits for it is bounded by the limits of a connection's queue: read it, or events of its channel
/// are conflated, dropped or turned into a [`ServerEvent::Resync`] as their class says. Others do not
/// notice.
pub struct ServerSubscription<E> {
    realtime: Realtime,
    queue: Arc<Queue>,
    subscription: Arc<Subscription>,
    waiting: VecDeque<Queued>,
    ended: CancellationToken,
    wants: Wants,
    events: PhantomData<fn() -> E>,
}

/// Which of a channel's events are of the type: a row's scope may carry changes and messages.
#[derive(Clone, Copy)]
struct Wants {
    logged: bool,
    unlogged: bool,
}

/// What a [`ServerSubscription`] receives.
#[derive(Debug)]
pub enum ServerEvent<E> {
    /// An event.
    Event {
        /// Where it stands in the log; `None` for a message that is not durable.
        position: Option<Position>,
        /// What it says.
        event: E,
    },
    /// Durable events were missed and cannot be replayed: read again what they tell about, with its
    /// position. What follows comes after `position`.
    Resync {
        /// Why.
        reason: ResyncReason,
        /// Where the log stood.
        position: Position,
    },
    /// An event does not fit the type.
    Unreadable {
        /// Where it stands in the log.
        position: Option<Position>,
        /// The payload as it came.
        payload: Box<RawValue>,
        /// What is wrong with it.
        error: serde_json::Error,
    },
}

impl Realtime {
    /// Listens to a channel's messages from now on; with `since`, after the durable ones that were missed.
    /// No policy is asked: this is the server's own code.
    ///
    /// # Errors
    /// `internal` when the log cannot be read.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub async fn subscribe<T: Message>(
        &self,
        channel: &Channel<T>,
        since: Option<Position>,
    ) -> Result<ServerSubscription<T>, LiveError> {
        let wants = Wants { logged: T::DELIVERY == Delivery::Durable, unlogged: true };
        ServerSubscription::start(self, channel.name(), since, wants).await
    }

    /// Listens to the changes of a resource, a record, a table or a scope from now on, or after `since`.
    ///
    /// # Errors
    /// `unknown_channel` when its table is not followed; `internal` when the log cannot be read.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub async fn subscribe_to_changes<T: Live>(
        &self,
        channel: &Channel<T>,
        since: Option<Position>,
    ) -> Result<ServerSubscription<Change<T>>, LiveError> {
        let wants = Wants { logged: true, unlogged: false };
        ServerSubscription::start(self, channel.name(), since, wants).await
    }
}

impl<E: DeserializeOwned> ServerSubscription<E> {
    async fn start(
        realtime: &Realtime,
        channel: &ChannelName,
        since: Option<Position>,
        wants: Wants,
    ) -> Result<Self, LiveError> {
        let queue = Arc::new(Queue::new(realtime.limits()));
        let who = Identity::service("");
        let request = Request { channel, since, reference: None, who: &who };
        let subscription = attach(realtime, &queue, request).await?;
        let ended = realtime.stop_token().child_token();
        // A stop must not wait for whoever holds this to look at it.
        realtime.tasks().spawn({
            let (realtime, subscription) = (realtime.clone(), subscription.clone());
            let ended = ended.clone();
            async move {
                ended.cancelled().await;
                realtime.hub().unsubscribe(&subscription);
            }
        });
        let (realtime, waiting, events) = (realtime.clone(), VecDeque::new(), PhantomData);
        Ok(Self { realtime, queue, subscription, waiting, ended, wants, events })
    }

    /// The next event; `None` when the subscription has ended. It may be cancelled without losing any.
    pub async fn next(&mut self) -> Option<ServerEvent<E>> {
        loop {
            if self.ended.is_cancelled() || self.subscription.has_ended() {
                return None;
            }
            while let Some(frame) = self.waiting.pop_front() {
                if let Some(event) = self.read(frame) {
                    return Some(event);
                }
            }
            self.waiting = self.queue.take();
            self.realtime.hub().resume_lagging(&self.queue);
            if self.waiting.is_empty() {
                tokio::select! {
                    () = self.ended.cancelled() => {}
                    () = self.queue.ready() => {}
                }
            }
        }
    }

    /// Ends it. Dropping does the same.
    pub fn unsubscribe(self) {}

    fn read(&self, frame: Queued) -> Option<ServerEvent<E>> {
        match frame {
            Queued::Event(event, subscription) if subscription.may_send(event.offset()) => {
                let (position, payload) = event.payload();
                let wanted =
                    if position.is_some() { self.wants.logged } else { self.wants.unlogged };
                wanted.then(|| match serde_json::from_str(payload.get()) {
                    Ok(event) => ServerEvent::Event { position, event },
                    Err(error) => ServerEvent::Unreadable { position, payload, error },
                })
            }
            // The answer to the subscribe, or what a session would send of its own accord.
            Queued::Own(text) => match parse::server_frame(&text) {
                Some(ServerFrame::Resync { reason, position, .. }) if self.wants.logged => {
                    Some(ServerEvent::Resync { reason, position })
                }
                _ => None,
            },
            Queued::Event(..) | Queued::Presence(..) | Queued::Heartbeat(_) => None,
        }
    }
}

impl<E> Drop for ServerSubscription<E> {
    fn drop(&mut self) {
        self.ended.cancel();
        self.realtime.hub().unsubscribe(&self.subscription);
    }
}
