//! What came back from a server function, before anybody knows its type.

use serde::de::DeserializeOwned;

use crate::contract::Refusal;

/// An answer as text. Everything up to here is the same for every type, so that it is compiled once.
pub(super) enum Answer {
    /// The function did what was asked; its output as JSON.
    Done(String),
    /// It refused; the refusal as JSON.
    Refused(String),
    /// Nobody answered.
    Unreachable,
}

impl Answer {
    /// Reads the JSON.
    ///
    /// # Errors
    /// What the function refused; `Unreachable` when nobody answered; `Failed` when it made no sense.
    pub(super) fn read<R, T>(self) -> Result<R, Refusal<T>>
    where
        R: DeserializeOwned,
        T: DeserializeOwned,
    {
        let unreadable =
            || Refusal::Failed { message: "The server's answer made no sense.".into() };
        match self {
            Self::Done(json) => serde_json::from_str(&json).map_err(|_| unreadable()),
            Self::Refused(json) => {
                Err(serde_json::from_str(&json).unwrap_or_else(|_| unreadable()))
            }
            Self::Unreachable => Err(Refusal::Unreachable),
        }
    }
}
