//! Messages: events that are no change of a row, with the delivery class that their type declares.

use std::borrow::Cow;

use serde::{Serialize, de::DeserializeOwned};

use super::{Channel, ChannelName, InvalidChannelName};

/// What becomes of an event when a connection cannot keep up, or is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// In the log: published by the transaction that writes it, replayed from a position, never lost
    /// without a `resync`.
    Durable,
    /// The newest for each key wins: one that waits is replaced by a newer one of its key.
    Latest,
    /// Dropped under pressure, and counted.
    Lossy,
}

/// What a custom channel carries: one type for who sends and who listens.
///
/// Declared on the server by `Builder::messages`, it makes the server check what clients send on
/// `{PREFIX}` and `{PREFIX}:…` against the type; `Builder::messages_checked` also says what a message may
/// say about its sender.
pub trait Message: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The first segment of the channels that carry it.
    const PREFIX: &'static str;
    /// How it is delivered.
    const DELIVERY: Delivery;

    /// Under [`Delivery::Latest`], what this is the newest value of; of no meaning otherwise.
    fn key(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    /// The channel `{PREFIX}:{rest}`.
    ///
    /// # Errors
    /// [`InvalidChannelName`] when the two do not make a channel's name.
    fn channel(rest: &str) -> Result<Channel<Self>, InvalidChannelName>
    where
        Self: Sized,
    {
        ChannelName::new(&[Self::PREFIX, ":", rest].concat()).map(Channel::new)
    }
}
