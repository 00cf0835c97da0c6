//! Why a write was refused, or a read failed: one type for the server function, the form and the page.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use leptos::server_fn::{
    codec::JsonEncoding,
    error::{FromServerFnError, ServerFnErrorErr},
};

use super::channel::InvalidChannelName;

/// A server function's error. `T` is the row that it is about.
///
/// Tagged from outside, as serde does by default: other ways cost the browser a second decoder for
/// every row type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal<T = ()> {
    /// The write was made against an older version; this is the row as it is now.
    Conflict {
        /// The row that stands in the database.
        current: T,
    },
    /// A value breaks a rule.
    Invalid {
        /// The form field.
        field: String,
        /// What is wrong with it.
        message: String,
    },
    /// The row is gone.
    Gone,
    /// Nobody has signed in, and this needs somebody.
    SignIn,
    /// Too much in too short a time.
    TooMany {
        /// A sentence for a person, that begins with the limit's name.
        message: String,
        /// When to try again, in milliseconds.
        retry_after_ms: u64,
    },
    /// The server could not be reached, or its answer was lost: whether it did it is not known.
    Unreachable,
    /// The server failed; it has written the details into its log.
    Failed {
        /// A sentence for a person.
        message: String,
    },
}

impl<T> Refusal<T> {
    /// A value that breaks a rule.
    pub fn invalid(field: &str, message: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), message: message.into() }
    }

    /// A sentence for a person.
    pub fn reason(&self) -> String {
        match self {
            Self::Conflict { .. } => "Somebody else changed this in the meantime.".into(),
            Self::Invalid { message, .. }
            | Self::Failed { message }
            | Self::TooMany { message, .. } => message.clone(),
            Self::SignIn => "Sign in first, then try again.".into(),
            Self::Gone => "This has been deleted in the meantime.".into(),
            Self::Unreachable => "The server could not be reached. This may not be saved.".into(),
        }
    }

    /// The HTTP status that says the same.
    pub fn status(&self) -> u16 {
        match self {
            Self::Conflict { .. } => 409,
            Self::Invalid { .. } => 422,
            Self::Gone => 404,
            Self::SignIn => 401,
            Self::TooMany { .. } => 429,
            Self::Unreachable => 503,
            Self::Failed { .. } => 500,
        }
    }
}

impl<T> std::fmt::Display for Refusal<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.reason())
    }
}

impl<T: std::fmt::Debug> std::error::Error for Refusal<T> {}

impl<T> FromServerFnError for Refusal<T>
where
    T: Serialize + DeserializeOwned + Send + std::fmt::Debug + 'static,
{
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            // What the arguments' own types refuse reaches the person as it is.
            ServerFnErrorErr::Args(message) | ServerFnErrorErr::MissingArg(message) => {
                Self::Invalid { field: String::new(), message }
            }
            ServerFnErrorErr::Request(_) => Self::Unreachable,
            ServerFnErrorErr::Deserialization(_) => Self::invalid("", "That could not be read."),
            other => Self::Failed { message: unexpected(&other) },
        }
    }
}

/// What went wrong inside is the log's business, not the person's.
fn unexpected(error: &ServerFnErrorErr) -> String {
    #[cfg(not(target_arch = "wasm32"))]
    tracing::error!(%error, "a server function");
    _ = error;
    "The server could not do this. Please try again.".into()
}

/// What somebody sent was to be part of a channel's name, and cannot be.
impl<T> From<InvalidChannelName> for Refusal<T> {
    fn from(error: InvalidChannelName) -> Self {
        Self::invalid("channel", error.to_string())
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl<T> From<crate::server::PublishError> for Refusal<T> {
    fn from(error: crate::server::PublishError) -> Self {
        tracing::error!(%error, "publish");
        Self::Failed { message: "The server could not do this. Please try again.".into() }
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl<T> From<sqlx::Error> for Refusal<T> {
    fn from(error: sqlx::Error) -> Self {
        tracing::error!(%error, "database");
        Self::Failed { message: "The database could not answer. Please try again.".into() }
    }
}
