//! A value that stays true: the answer to a live query, or what a server function returns, fetched again
//! whenever a write says so.

use leptos::prelude::*;
use serde::{Serialize, de::DeserializeOwned};

use super::{LoadValue, Status, answer::Answer, platform};
use crate::{
    client::event::ClientEvent,
    contract::{
        ChannelName, ErrorCode, LiveError, LiveQuery, Position, Reading, Refusal, ResyncReason,
        Scope, query::Answered,
    },
};

/// What a value may be.
pub trait Value: Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static {}

impl<T: Clone + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static> Value for T {}

/// A live value. Copy it into closures.
pub struct LiveValue<T: Value> {
    value: RwSignal<Option<T>>,
    status: RwSignal<Status>,
    /// Where the fetched value stands.
    position: StoredValue<Option<Position>>,
}

/// A live query without its type.
pub(super) struct Asked {
    /// The channel of its parameters, which may be signals; `None` when they are too long for one.
    pub(super) channel: Box<dyn Fn() -> Option<ChannelName> + Send + Sync>,
    /// Takes a payload of the channel.
    pub(super) take: Box<dyn Fn(&str) + Send + Sync>,
    /// Forgets the answer, which was to other parameters or for somebody else.
    pub(super) clear: Box<dyn Fn() + Send + Sync>,
    pub(super) status: RwSignal<Status>,
}

impl<T: Value> LiveValue<T> {
    /// The answer to a live query: on the server read for the page, in the browser taken over and kept by
    /// the query's channel.
    pub fn query<Q: LiveQuery<Output = T>>(query: Q) -> Self {
        Self::query_with(move || query.clone())
    }

    /// The same for parameters that change: signals read in `query` are followed. While the answer to new
    /// ones is on its way, there is no value.
    pub fn query_with<Q: LiveQuery<Output = T>>(
        query: impl Fn() -> Q + Send + Sync + 'static,
    ) -> Self {
        let value = Self::empty();
        platform::ask(Asked {
            channel: Box::new(move || query().channel().ok().map(|channel| channel.name().clone())),
            take: Box::new(move |payload| value.take(payload)),
            clear: Box::new(move || value.clear()),
            status: value.status,
        });
        value
    }

    /// What a server function returns, such as `CountTodos {}`; it has to be declared with
    /// `#[server(input = Json)]` and to return a [`Reading`]. It is fetched again when a write revalidates
    /// `key` for everybody or for this page's user, or with [`Scope::Room`] for that room; until then
    /// the old value is shown.
    pub fn fetched(key: &str, scope: Scope<'_>, load: impl LoadValue<T>) -> Self {
        let value = Self::empty();
        match scope.channel(key) {
            Ok(channel) => platform::start_value(value, channel, load),
            Err(error) => {
                value.refuse(LiveError::new(ErrorCode::InvalidChannelName, error.to_string()))
            }
        }
        value
    }

    /// The value, once there is one. A signal that fires only when it is another.
    pub fn get(&self) -> Option<T> {
        self.value.get()
    }

    /// Loading, ready, or why not: [`Status::Failed`] is the query's or the function's own refusal, after
    /// which an older value may still be shown. A signal.
    pub fn status(&self) -> Status {
        self.status.get()
    }

    fn empty() -> Self {
        Self {
            value: RwSignal::new(None),
            status: RwSignal::new(Status::Loading),
            position: StoredValue::new(None),
        }
    }

    /// Takes a payload of the query's channel.
    fn take(&self, payload: &str) {
        self.show(match serde_json::from_str(payload) {
            Ok(Answered::Result(value)) => Ok(value),
            Ok(Answered::Refused(refusal)) => Err(refusal),
            // A page older than the server.
            Err(_) => Err(Refusal::Failed { message: "The server's answer made no sense.".into() }),
        });
    }

    /// Takes the answer of the server function. Returns whether it was a value.
    pub(super) fn load_answer(&self, answer: Answer) -> bool {
        self.load(answer.read())
    }

    pub(super) fn load(&self, loaded: Result<Reading<T>, Refusal>) -> bool {
        let done = loaded.is_ok();
        self.show(loaded.map(|reading| {
            _ = self.position.try_set_value(Some(reading.position));
            reading.value
        }));
        done
    }

    /// Takes an event of the revalidation's channel. Returns whether to fetch again.
    pub(super) fn revalidate(&self, event: ClientEvent) -> bool {
        match event {
            ClientEvent::Ready { .. } | ClientEvent::Presence(_) => false,
            ClientEvent::Refused(error) => {
                self.refuse(error);
                false
            }
            ClientEvent::Resync { reason: ResyncReason::Permission, .. } => {
                self.clear();
                true
            }
            ClientEvent::Change { .. }
            | ClientEvent::Message { .. }
            | ClientEvent::Resync { .. } => true,
        }
    }

    pub(super) fn position(&self) -> Option<Position> {
        self.position.try_get_value().flatten()
    }

    /// Forgets the value: it is the answer to something else, or was for somebody else.
    fn clear(&self) {
        _ = self.value.try_set(None);
        _ = self.status.try_set(Status::Loading);
    }

    fn refuse(&self, error: LiveError) {
        _ = self.status.try_set(Status::Refused(error));
    }

    /// Signals fire only for what differs. The page may have been left while the answer was under way.
    fn show(&self, answer: Result<T, Refusal>) {
        let status = match answer {
            Ok(value) => {
                let same = |shown: &Option<T>| shown.as_ref() == Some(&value);
                if self.value.try_with_untracked(same) == Some(false) {
                    _ = self.value.try_set(Some(value));
                }
                Status::Ready
            }
            Err(refusal) => Status::Failed(refusal),
        };
        if self.status.try_with_untracked(|shown| *shown == status) == Some(false) {
            _ = self.status.try_set(status);
        }
    }
}

impl<T: Value> Clone for LiveValue<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Value> Copy for LiveValue<T> {}

#[cfg(test)]
#[path = "live_value_tests.rs"]
mod tests;
