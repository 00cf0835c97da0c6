//! The frames of the JSON protocol; `docs/protocol.md` is its specification.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{ErrorCode, Position, PresenceAction, Present};

/// What a client sends. Read with [`super::parse::client_frame`]; channel names are checked by the
/// session, so that each mistake is answered by its own name.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientFrame {
    /// Opens the conversation; optional.
    Hello(Hello),
    /// Receive a channel's events from now on, or from `since`.
    Subscribe {
        /// Which channel.
        channel: String,
        /// The position that the client's state stands at.
        #[serde(skip_serializing_if = "Option::is_none")]
        since: Option<String>,
        /// What to be told of who is there: see [`super::PresenceWish`].
        #[serde(skip_serializing_if = "Option::is_none")]
        presence: Option<Box<RawValue>>,
        /// Comes back in the answer.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<u64>,
    },
    /// Stop receiving a channel's events.
    Unsubscribe {
        /// Which channel.
        channel: String,
        /// Comes back in an error.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<u64>,
    },
    /// Send a message to everybody on a custom channel.
    Broadcast {
        /// Which channel.
        channel: String,
        /// Any JSON.
        payload: Box<RawValue>,
        /// Comes back in the answer.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<u64>,
    },
    /// Joins a subscribed channel, or says something new about oneself there.
    Presence {
        /// Which channel.
        channel: String,
        /// What the others see; joins if need be.
        #[serde(skip_serializing_if = "Option::is_none")]
        data: Option<Box<RawValue>>,
        /// Whether nobody is looking at this connection's page.
        #[serde(skip_serializing_if = "Option::is_none")]
        idle: Option<bool>,
        /// Stop being present, and go on receiving the channel's events.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        leave: bool,
        /// Comes back in an error.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<u64>,
    },
    /// Says that the client is alive, and how its connection is doing.
    Heartbeat(Health),
    /// Proves who the client is: as the first thing on a connection, or again before its time is over.
    Auth {
        /// The proof.
        token: Token,
        /// Comes back in the answer.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<u64>,
    },
}

/// A proof of who somebody is, as good as a password: what prints it prints nothing of it.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Token(pub String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// What a client has measured since its last heartbeat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// The newest round trip of a heartbeat, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtt_ms: Option<u32>,
    /// The longest time from a frame's arrival to its effect, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied_ms: Option<u32>,
}

/// What a client says about itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// The contract that the client was built with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<String>,
}

/// Whether the client's types are the server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContractVerdict {
    /// The same types.
    Same,
    /// Every type that the client knows is the server's too; the server has more.
    Compatible,
    /// A type differs: the page is older than the server and should be loaded again.
    Reload,
}

/// Why a client has to load its snapshot again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResyncReason {
    /// The position is of another life of the log.
    Epoch,
    /// The log no longer holds what was missed.
    TooOld,
    /// The position lies ahead of the log.
    Ahead,
    /// More was missed than a replay may carry.
    TooMany,
    /// The client read too slowly and its queue was full.
    Overflow,
    /// An entry of the log could not be read.
    Unreadable,
    /// What the client may see is no longer the same: what it shows, it may have to forget. A client tells
    /// its lists so when a `welcome` names another view; no server sends it.
    Permission,
    /// A reason that only a newer server knows.
    #[serde(other)]
    Other,
}

/// The numbers that a client should know.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WelcomeLimits {
    /// The largest frame that the server reads, in bytes.
    pub max_message_bytes: usize,
    /// Subscriptions that one connection may have.
    pub max_subscriptions: usize,
    /// Milliseconds between the server's heartbeats.
    pub heartbeat_ms: u64,
}

/// What the server sends. Read with [`super::parse::server_frame`].
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerFrame {
    /// The answer to `hello`.
    Welcome {
        /// Whether the client may go on.
        contract: ContractVerdict,
        /// What the server allows.
        limits: WelcomeLimits,
        /// Names what the client may see; older servers do not say it.
        #[serde(skip_serializing_if = "Option::is_none")]
        view: Option<String>,
        /// When the connection ends unless the client proves again who it is, in milliseconds.
        #[serde(skip_serializing_if = "Option::is_none")]
        expires_in_ms: Option<u64>,
    },
    /// The answer to `auth`: the token holds.
    Authenticated {
        /// The id under which others see the client.
        #[serde(rename = "userId")]
        user_id: String,
        /// Names what the client may see.
        view: String,
        /// When the connection ends unless the client proves again who it is, in milliseconds.
        #[serde(skip_serializing_if = "Option::is_none")]
        expires_in_ms: Option<u64>,
        /// The request's `ref`.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<u64>,
    },
    /// A subscription stands, or a broadcast was taken.
    Ack {
        /// Which channel.
        channel: String,
        /// Events that follow on this channel come after this position.
        #[serde(skip_serializing_if = "Option::is_none")]
        position: Option<Position>,
        /// How many missed events follow at once.
        #[serde(skip_serializing_if = "Option::is_none")]
        replay: Option<usize>,
        /// How many subscribers a broadcast reached.
        #[serde(skip_serializing_if = "Option::is_none")]
        reached: Option<usize>,
        /// The request's `ref`.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<u64>,
    },
    /// An event: a change of a row (with a position) or a message (without).
    Broadcast {
        /// Which channel.
        channel: String,
        /// Where in the log the event stands.
        #[serde(skip_serializing_if = "Option::is_none")]
        position: Option<Position>,
        /// A change or a message.
        payload: Box<RawValue>,
    },
    /// Something was missed and cannot be replayed: load the snapshot again. The subscription is
    /// live from `position`.
    Resync {
        /// Which channel.
        channel: String,
        /// Why.
        reason: ResyncReason,
        /// Events that follow come after this position.
        position: Position,
        /// The request's `ref`.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<u64>,
    },
    /// Who is in the channel, all of them: differences follow.
    PresenceState {
        /// Which channel.
        channel: String,
        /// Everybody, in the order in which they joined.
        users: Vec<Present>,
    },
    /// A difference.
    PresenceUpdate {
        /// Which channel.
        channel: String,
        /// What happened.
        action: PresenceAction,
        /// To whom; the data are those of before for a leave.
        #[serde(flatten)]
        user: Present,
    },
    /// How many users are in the channel: for who asked only for that, and where there are too many to
    /// name.
    PresenceCount {
        /// Which channel.
        channel: String,
        /// How many.
        count: usize,
    },
    /// The first frame of an event stream.
    Open {
        /// Names the connection in the requests that carry the client's frames.
        connection: String,
    },
    /// The connection is alive, and every subscription has received all events up to `position`.
    Heartbeat {
        /// Where the server stands.
        #[serde(skip_serializing_if = "Option::is_none")]
        position: Option<Position>,
    },
    /// The server is about to stop; come back at a random moment within the window.
    Drain {
        /// The window, in milliseconds.
        within_ms: u64,
    },
    /// A request was refused; everything else goes on.
    Error {
        /// Which error.
        code: ErrorCode,
        /// A sentence for a person.
        error: String,
        /// Which channel, when there is one.
        #[serde(skip_serializing_if = "Option::is_none")]
        channel: Option<String>,
        /// The request's `ref`.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<u64>,
        /// When to try again, in milliseconds.
        #[serde(skip_serializing_if = "Option::is_none")]
        retry_after_ms: Option<u64>,
    },
}
