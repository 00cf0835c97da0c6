//! Errors by name. Rule: a client's mistake is an [`ErrorCode`] sent back and logged at debug level;
//! only what the server itself got wrong is logged as an error, and reaches the client as `internal`.

use serde::{Deserialize, Serialize};

use super::channel::InvalidChannelName;

/// The names that an `error` frame can carry. Unknown ones (of a newer server) read as `Internal`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "&'static str", from = "String")]
pub enum ErrorCode {
    /// The frame is not JSON, or lacks a field that its type needs.
    MalformedMessage,
    /// The frame's `type` is not one of the protocol's.
    UnknownType,
    /// The message is larger than the limit.
    MessageTooLarge,
    /// The channel's name breaks the rule for names.
    InvalidChannelName,
    /// No such table, or realtime is not enabled for it; no such resource.
    UnknownChannel,
    /// `since` is not a position that a server has handed out.
    InvalidPosition,
    /// The connection has as many subscriptions as it may have.
    TooManySubscriptions,
    /// Whoever asks may not do this here; or only the database publishes on this channel.
    PermissionDenied,
    /// Nobody is signed in, and this needs somebody.
    AuthenticationRequired,
    /// Too much in too short a time; the error says when to try again.
    RateLimited,
    /// The payload, the presence data or a query's parameters are not what the channel carries.
    InvalidPayload,
    /// Realtime is switched off on this server.
    RealtimeDisabled,
    /// The channel is not subscribed on this connection.
    NotSubscribed,
    /// There is no such event stream, or no longer.
    UnknownConnection,
    /// The server failed.
    Internal,
}

impl ErrorCode {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            ErrorCode::MalformedMessage => "malformed_message",
            ErrorCode::UnknownType => "unknown_type",
            ErrorCode::MessageTooLarge => "message_too_large",
            ErrorCode::InvalidChannelName => "invalid_channel_name",
            ErrorCode::UnknownChannel => "unknown_channel",
            ErrorCode::InvalidPosition => "invalid_position",
            ErrorCode::TooManySubscriptions => "too_many_subscriptions",
            ErrorCode::PermissionDenied => "permission_denied",
            ErrorCode::AuthenticationRequired => "authentication_required",
            ErrorCode::RateLimited => "rate_limited",
            ErrorCode::InvalidPayload => "invalid_payload",
            ErrorCode::RealtimeDisabled => "realtime_disabled",
            ErrorCode::NotSubscribed => "not_subscribed",
            ErrorCode::UnknownConnection => "unknown_connection",
            ErrorCode::Internal => "internal",
        }
    }

    /// Every code, for tables and tests.
    pub const ALL: [Self; 15] = [
        Self::MalformedMessage,
        Self::UnknownType,
        Self::MessageTooLarge,
        Self::InvalidChannelName,
        Self::UnknownChannel,
        Self::InvalidPosition,
        Self::TooManySubscriptions,
        Self::PermissionDenied,
        Self::AuthenticationRequired,
        Self::RateLimited,
        Self::InvalidPayload,
        Self::RealtimeDisabled,
        Self::NotSubscribed,
        Self::UnknownConnection,
        Self::Internal,
    ];
}

impl From<ErrorCode> for &'static str {
    fn from(code: ErrorCode) -> Self {
        code.as_str()
    }
}

impl From<String> for ErrorCode {
    fn from(text: String) -> Self {
        Self::ALL.into_iter().find(|code| code.as_str() == text).unwrap_or(Self::Internal)
    }
}

/// An error by name with a sentence for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct LiveError {
    /// Which error.
    pub code: ErrorCode,
    /// What was wrong, and with what.
    pub message: String,
    /// When to try again, in milliseconds, if that helps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl LiveError {
    /// An error with its sentence.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after_ms: None }
    }

    /// The same, worth another try after so many milliseconds.
    pub fn retry_after(mut self, milliseconds: u64) -> Self {
        self.retry_after_ms = Some(milliseconds);
        self
    }
}

impl From<InvalidChannelName> for LiveError {
    fn from(error: InvalidChannelName) -> Self {
        Self::new(ErrorCode::InvalidChannelName, error.to_string())
    }
}
