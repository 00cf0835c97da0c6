//! Every number that bounds something, in one place.

use std::time::Duration;

/// The longest channel name, in bytes.
pub const MAX_CHANNEL_NAME: usize = 200;

/// What a server allows and how much it keeps. All of it can be configured; these are the defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// The largest message a client may send, in bytes. A larger one is answered with
    /// `message_too_large` and nothing else happens.
    pub max_message_bytes: usize,
    /// Up to this size a frame is read, to be refused by name; beyond it the connection is closed. It is
    /// what one connection can make the server hold by never ending a frame.
    pub max_frame_bytes: usize,
    /// Subscriptions of one connection.
    pub max_subscriptions: usize,
    /// Open connections of one address.
    pub connections_per_address: usize,
    /// New connections of one address in a minute.
    pub connects_per_minute: u32,
    /// New connections of all addresses in a second; who comes beyond is asked to come later.
    pub admissions_per_second: u32,
    /// Requests of one address in a minute that ask for numbers or for who is present.
    pub looks_per_minute: u32,
    /// Proofs of who somebody is that one address may bring in a minute although they do not hold.
    pub wrong_proofs_per_minute: u32,
    /// The window in which a connection's requests are counted.
    pub request_window: Duration,
    /// Subscribes and unsubscribes of one connection in a window.
    pub subscribes_per_window: u32,
    /// Broadcasts of one connection in a window.
    pub broadcasts_per_window: u32,
    /// Presence frames of one connection in a window.
    pub presences_per_window: u32,
    /// All other frames of one connection in a window, those that are not understood among them.
    pub others_per_window: u32,
    /// Frames that wait for one connection before its durable events turn into `resync`.
    pub queue_frames: usize,
    /// The same, counted in bytes.
    pub queue_bytes: usize,
    /// Latest values, each of another key, that wait for one connection; a newer one of a key takes the
    /// place of the older.
    pub queue_latest: usize,
    /// How many events a replay may carry; a longer gap is answered with `resync`.
    pub replay_events: usize,
    /// How many bytes a replay may carry.
    pub replay_bytes: usize,
    /// How many entries of the log are read for one replay.
    pub replay_scan: u64,
    /// How many events the replay ring holds in memory.
    pub history_events: usize,
    /// How many bytes the replay ring holds in memory.
    pub history_bytes: usize,
    /// How long the log keeps an entry.
    pub log_age: Duration,
    /// How many entries the log keeps.
    pub log_entries: u64,
    /// The largest presence data of one user, in bytes.
    pub presence_bytes: usize,
    /// Users beyond this number are counted instead of named.
    pub presence_users: usize,
    /// How long a user stays present after their last connection was lost.
    pub presence_grace: Duration,
    /// How long a user stays present of whose connection nothing is heard.
    pub presence_ttl: Duration,
    /// How long a live query waits for more changes before it is run again.
    pub query_debounce: Duration,
    /// How many live queries run at the same time.
    pub query_concurrency: usize,
    /// The largest answer of a live query, in bytes.
    pub query_bytes: usize,
    /// How many live queries with different parameters, or of different users, are kept answered.
    pub query_runners: usize,
    /// How long a live query may take.
    pub query_timeout: Duration,
    /// How long revalidations that belong to no transaction wait for more of their kind.
    pub revalidate_debounce: Duration,
    /// How often the server sends a heartbeat.
    pub heartbeat: Duration,
    /// Silence after which a connection counts as dead.
    pub dead_after: Duration,
    /// How long one flush to a socket may take, and a request's body on its way here.
    pub write_timeout: Duration,
    /// How long a stop waits for connections to end, and the shortest window over which clients return:
    /// the more there are, the longer it is.
    pub drain: Duration,
    /// How often the log is looked at for writes of other processes.
    pub external_poll: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_message_bytes: 64 * 1024,
            max_frame_bytes: 1024 * 1024,
            max_subscriptions: 100,
            connections_per_address: 512,
            connects_per_minute: 1_200,
            admissions_per_second: 1_000,
            looks_per_minute: 600,
            wrong_proofs_per_minute: 300,
            request_window: Duration::from_secs(10),
            subscribes_per_window: 400,
            broadcasts_per_window: 300,
            presences_per_window: 300,
            others_per_window: 100,
            queue_frames: 4_096,
            queue_bytes: 4 * 1024 * 1024,
            queue_latest: 1_024,
            replay_events: 10_000,
            replay_bytes: 8 * 1024 * 1024,
            replay_scan: 100_000,
            history_events: 16_384,
            history_bytes: 32 * 1024 * 1024,
            log_age: Duration::from_secs(7 * 24 * 3600),
            log_entries: 1_000_000,
            presence_bytes: 4 * 1024,
            presence_users: 500,
            presence_grace: Duration::from_secs(5),
            presence_ttl: Duration::from_secs(60),
            query_debounce: Duration::from_millis(50),
            query_concurrency: 4,
            query_bytes: 1024 * 1024,
            query_runners: 10_000,
            query_timeout: Duration::from_secs(10),
            revalidate_debounce: Duration::from_millis(100),
            heartbeat: Duration::from_secs(30),
            dead_after: Duration::from_secs(75),
            write_timeout: Duration::from_secs(15),
            drain: Duration::from_secs(5),
            external_poll: Duration::from_millis(20),
        }
    }
}
