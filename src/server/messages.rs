//! Messages: what channels that are not the database's carry, and how server code and clients send it.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::{RawValue, to_raw_value};

use super::{
    Realtime, event::Event, identity::Identity, log::LogError, policy::Action, routing::Routing,
};
use crate::contract::{
    Channel, ChannelName, Delivery, ErrorCode, InvalidChannelName, LiveError, Message, Position,
    channel::ChannelKind,
};

/// The declared message types, by the first segment of their channels.
#[derive(Default)]
pub struct Messages {
    types: HashMap<&'static str, Declared>,
    twice: Vec<&'static str>,
    /// What those who join say about themselves.
    presence: HashMap<&'static str, Arc<Reader>>,
}

struct Declared {
    delivery: Delivery,
    read: Arc<Reader>,
}

/// Reads what a client sends, and says what is wrong with it.
type Reader = dyn Fn(&Identity, &RawValue) -> Result<Read, LiveError> + Send + Sync;

/// A client's payload after its type has read it.
struct Read {
    payload: Box<RawValue>,
    key: String,
}

/// A message that was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// How many subscribers it was queued for; of a durable one, how many the channel had when it was
    /// committed.
    pub reached: usize,
    /// Where a durable message stands in the log.
    pub position: Option<Position>,
}

/// Why a message was not published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The channel's first segment is not the type's `PREFIX`.
    #[error("{channel} does not carry messages of {prefix:?}")]
    Channel {
        /// The channel.
        channel: ChannelName,
        /// What its first segment should be.
        prefix: &'static str,
    },
    /// What is to be revalidated is no channel's name.
    #[error(transparent)]
    Name(#[from] InvalidChannelName),
    /// The message cannot be written as JSON.
    #[error("the message cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl Messages {
    /// Declares what `{PREFIX}` and `{PREFIX}:…` carry, and what is done to a client's message first.
    pub fn add<T: Message>(
        &mut self,
        check: impl Fn(&Identity, &mut T) -> Result<(), LiveError> + Send + Sync + 'static,
    ) {
        let key = |message: &T| message.key().into_owned();
        let read =
            move |who: &Identity, payload: &RawValue| checked(T::PREFIX, who, payload, &check, key);
        let declared = Declared { delivery: T::DELIVERY, read: Arc::new(read) };
        if self.types.insert(T::PREFIX, declared).is_some() {
            self.twice.push(T::PREFIX);
        }
    }

    /// Declares what those say about themselves who join `{first}` and `{first}:…`.
    pub fn add_presence<D: Serialize + DeserializeOwned + 'static>(
        &mut self,
        first: &'static str,
        check: impl Fn(&Identity, &mut D) -> Result<(), LiveError> + Send + Sync + 'static,
    ) {
        let read = move |who: &Identity, data: &RawValue| {
            checked(first, who, data, &check, |_| String::new())
        };
        self.presence.insert(first, Arc::new(read));
    }

    /// What somebody says about themselves who joins this channel, as the others get it.
    ///
    /// # Errors
    /// What the channel's check refuses it with; `invalid_payload` when it is of another type.
    pub fn presence(
        &self,
        who: &Identity,
        channel: &ChannelName,
        data: &RawValue,
    ) -> Result<Box<RawValue>, LiveError> {
        match self.presence.get(channel.prefix()) {
            Some(read) => Ok(read(who, data)?.payload),
            None => Ok(data.to_owned()),
        }
    }

    /// Whether every type has channels of its own.
    ///
    /// # Errors
    /// The first that has not, with what is wrong.
    pub fn check(&self, routing: &Routing) -> Result<(), LogError> {
        let wrong =
            |prefix: &str, problem| Err(LogError::Messages { prefix: prefix.into(), problem });
        if let Some(prefix) = self.twice.first() {
            return wrong(prefix, "two types are declared for it");
        }
        for prefix in self.types.keys() {
            if prefix.contains(':') || ChannelName::new(prefix).is_err() {
                return wrong(prefix, "it cannot be the first segment of a channel");
            }
            if is_reserved(prefix) {
                return wrong(prefix, "channels of this name are taken");
            }
            if routing.has_resource(prefix) {
                return wrong(prefix, "a resource has this name, and these are its rows' channels");
            }
        }
        Ok(())
    }
}

/// Whether channels of this first segment belong to the channel layer itself.
pub(super) fn is_reserved(prefix: &str) -> bool {
    ["table", "resource", "query", "revalidate", "access"].contains(&prefix)
}

/// Whether the channel is one of those that carry `T`: elsewhere nobody would read it as one.
pub(super) fn check_channel<T: Message>(channel: &ChannelName) -> Result<(), PublishError> {
    if channel.prefix() == T::PREFIX {
        return Ok(());
    }
    Err(PublishError::Channel { channel: channel.clone(), prefix: T::PREFIX })
}

impl Realtime {
    /// Publishes a message by its class: a durable one in a transaction of its own, any other to those
    /// who are subscribed now. To publish together with a write, see
    /// [`WriteTx::publish`](super::database::WriteTx::publish).
    ///
    /// # Errors
    /// [`PublishError`] when the channel does not carry `T`, the message cannot be written as JSON, or
    /// the database fails.
    pub async fn publish<T: Message>(
        &self,
        channel: &Channel<T>,
        message: &T,
    ) -> Result<Published, PublishError> {
        check_channel::<T>(channel.name())?;
        let payload = to_raw_value(message)?;
        let name = channel.name().clone();
        Ok(self.deliver(T::DELIVERY, name, &message.key(), payload).await?)
    }

    /// Sends what a client, or whoever `who` is, wants to say: checked by the rules for names, the
    /// policy and the type that is declared for the channel.
    ///
    /// # Errors
    /// `invalid_channel_name`, `permission_denied`, `authentication_required`, `invalid_payload`, or
    /// `internal` when the server failed.
    pub(super) async fn broadcast(
        &self,
        who: &Identity,
        channel: &str,
        payload: Box<RawValue>,
    ) -> Result<Published, LiveError> {
        let name = ChannelName::new(channel)?;
        if let Some(owner) = owner(&name, self.routing()) {
            return Err(LiveError::new(
                ErrorCode::PermissionDenied,
                format!("only the {owner} publishes on this channel"),
            ));
        }
        self.check(who, Action::Write, &name).await?;
        let (class, Read { payload, key }) = match self.messages().types.get(name.prefix()) {
            Some(declared) => (declared.delivery, (declared.read)(who, &payload)?),
            None => (Delivery::Lossy, Read { payload, key: String::new() }),
        };
        self.deliver(class, name, &key, payload).await.map_err(|error| {
            tracing::error!(%error, "a client's message could not be written");
            LiveError::new(ErrorCode::Internal, "the message could not be written")
        })
    }

    async fn deliver(
        &self,
        class: Delivery,
        channel: ChannelName,
        key: &str,
        payload: Box<RawValue>,
    ) -> Result<Published, sqlx::Error> {
        let event = match class {
            Delivery::Durable => {
                let mut tx = self.any_database()?.write().await?;
                tx.publish_raw(&channel, &payload).await?;
                let position = Some(tx.commit::<()>(None).await?.position);
                return Ok(Published { reached: self.hub().subscribers(&channel), position });
            }
            Delivery::Latest => Event::latest(channel, key, payload),
            Delivery::Lossy => Event::message(channel, payload),
        };
        Ok(Published { reached: self.hub().send(event), position: None })
    }
}

/// Who alone publishes on the channel, if not everybody may whom the policy lets.
fn owner(channel: &ChannelName, routing: &Routing) -> Option<&'static str> {
    match channel.kind() {
        ChannelKind::Table { .. } | ChannelKind::Resource(_) => Some("database"),
        ChannelKind::Other { prefix, .. }
            if routing.has_resource(prefix) || routing.leaves_out(prefix) =>
        {
            Some("database")
        }
        ChannelKind::Other { prefix, .. } => is_reserved(prefix).then_some("server"),
    }
}

/// Reads a client's payload as `T` and writes it again, so that nothing travels that the type does
/// not know.
fn checked<T: Serialize + DeserializeOwned>(
    first: &str,
    who: &Identity,
    payload: &RawValue,
    check: impl Fn(&Identity, &mut T) -> Result<(), LiveError>,
    key: impl Fn(&T) -> String,
) -> Result<Read, LiveError> {
    let invalid = |error: serde_json::Error| {
        let problem = format!("this is not what {first}:… carries: {error}");
        LiveError::new(ErrorCode::InvalidPayload, problem)
    };
    let again = || {
        let mut message: T = serde_json::from_str(payload.get()).map_err(invalid)?;
        check(who, &mut message)?;
        Ok(Read { payload: to_raw_value(&message).map_err(invalid)?, key: key(&message) })
    };
    // The application's code must not end the connection of whoever has found its fault.
    catch_unwind(AssertUnwindSafe(again)).unwrap_or_else(|_| {
        tracing::error!(first, "reading what a client sends panicked");
        Err(LiveError::new(ErrorCode::Internal, "the server failed over this message"))
    })
}
