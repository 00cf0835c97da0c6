//! What a page can say about its connection.

/// Where a connection stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConnectionState {
    /// The first connect is under way.
    Connecting,
    /// The socket is open.
    Connected,
    /// The connection was lost and comes back by itself.
    Reconnecting {
        /// Which try in a row, counted from 1.
        attempt: u32,
        /// Milliseconds between this announcement and the try; 0 while it is under way.
        retry_in_ms: u64,
    },
    /// Nobody asked for a connection, or it was ended on purpose.
    #[default]
    Disconnected,
    /// The connection does not come back by itself.
    Failed(FailReason),
}

/// Why a connection does not come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailReason {
    /// `max_attempts` tries in a row failed.
    AttemptsExhausted,
    /// The server closed with a code that forbids to return.
    Refused(u16),
    /// The server's types are no longer this client's: load the page again.
    ContractChanged,
}
