//! Every number that bounds something, in one place.

use std::time::Duration;

/// The longest channel name, in bytes.
pub const MAX_CHANNEL_NAME: usize = 200;

/// What a server allows and how much it keeps. All of it can be configured; these are the defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// The largest frame a client may send, in bytes. A larger one is answered with
    /// `message_too_large` and nothing else happens.
    pub max_message_bytes: usize,
    /// Beyond this size a frame is not even read: the connection is closed.
    pub max_frame_bytes: usize,
    /// Subscriptions of one connection.
    pub max_subscriptions: usize,
    /// Frames that wait for one connection before its durable events turn into `resync`.
    pub queue_frames: usize,
    /// The same, counted in bytes.
    pub queue_bytes: usize,
    /// How many events a replay may carry; a longer gap is answered with `resync`.
    pub replay_events: usize,
    /// How many bytes a replay may carry.
    pub replay_bytes: usize,
    /// How many events the replay ring holds in memory.
    pub history_events: usize,
    /// How many bytes the replay ring holds in memory.
    pub history_bytes: usize,
    /// How long the log keeps an entry.
    pub log_age: Duration,
    /// How many entries the log keeps.
    pub log_entries: u64,
    /// How often the server sends a heartbeat.
    pub heartbeat: Duration,
    /// Silence after which a connection counts as dead.
    pub dead_after: Duration,
    /// How long one flush to a socket may take.
    pub write_timeout: Duration,
    /// How long a stop waits for connections to end, and the window over which clients return.
    pub drain: Duration,
    /// How often the log is looked at for writes of other processes.
    pub external_poll: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_message_bytes: 64 * 1024,
            max_frame_bytes: 16 * 1024 * 1024,
            max_subscriptions: 100,
            queue_frames: 4_096,
            queue_bytes: 4 * 1024 * 1024,
            replay_events: 10_000,
            replay_bytes: 8 * 1024 * 1024,
            history_events: 16_384,
            history_bytes: 32 * 1024 * 1024,
            log_age: Duration::from_secs(7 * 24 * 3600),
            log_entries: 1_000_000,
            heartbeat: Duration::from_secs(30),
            dead_after: Duration::from_secs(75),
            write_timeout: Duration::from_secs(15),
            drain: Duration::from_secs(5),
            external_poll: Duration::from_millis(20),
        }
    }
}
