//! Every number of [`Limits`], by environment or argument. `docs/operating.md` has the table.

use std::time::Duration;

use clap::{Args, value_parser};
use tidewire::contract::Limits;

/// What the server allows and keeps.
#[derive(Clone, Debug, Args)]
pub struct LimitArgs {
    /// Connections that one address may have open.
    #[arg(long, env = "TIDEWIRE_CONNECTIONS_PER_ADDRESS", help_heading = "Connections", default_value_t = 512, value_parser = value_parser!(u64).range(1..))]
    pub connections_per_address: u64,
    /// Connections that are no WebSockets, with a request on them or none, that one address may have open.
    #[arg(long, env = "TIDEWIRE_HTTP_CONNECTIONS_PER_ADDRESS", help_heading = "Connections", default_value_t = 1_024, value_parser = value_parser!(u64).range(1..))]
    pub http_connections_per_address: u64,
    /// Connections that one address may open in a minute.
    #[arg(long, env = "TIDEWIRE_CONNECTS_PER_MINUTE", help_heading = "Connections", default_value_t = 1_200, value_parser = value_parser!(u32).range(1..))]
    pub connects_per_minute: u32,
    /// Connections of all addresses that are let in per second.
    #[arg(long, env = "TIDEWIRE_ADMISSIONS_PER_SECOND", help_heading = "Connections", default_value_t = 1_000, value_parser = value_parser!(u32).range(1..))]
    pub admissions_per_second: u32,
    /// Requests for numbers, or for who is present, that one address may make in a minute.
    #[arg(long, env = "TIDEWIRE_LOOKS_PER_MINUTE", help_heading = "Connections", default_value_t = 600, value_parser = value_parser!(u32).range(1..))]
    pub looks_per_minute: u32,
    /// Tokens, keys and tickets that do not hold, and that one address may bring in a minute.
    #[arg(long, env = "TIDEWIRE_WRONG_PROOFS_PER_MINUTE", help_heading = "Connections", default_value_t = 300, value_parser = value_parser!(u32).range(1..))]
    pub wrong_proofs_per_minute: u32,
    /// Subscriptions of one connection.
    #[arg(long, env = "TIDEWIRE_MAX_SUBSCRIPTIONS", help_heading = "Connections", default_value_t = 100, value_parser = value_parser!(u64).range(1..))]
    pub max_subscriptions: u64,
    /// The largest message that a client may send (bytes).
    #[arg(long, env = "TIDEWIRE_MAX_MESSAGE_BYTES", help_heading = "Connections", default_value_t = 65_536, value_parser = value_parser!(u64).range(1024..))]
    pub max_message_bytes: u64,
    /// Beyond this size a frame ends the connection unread (bytes).
    #[arg(long, env = "TIDEWIRE_MAX_FRAME_BYTES", help_heading = "Connections", default_value_t = 1_048_576, value_parser = value_parser!(u64).range(1024..))]
    pub max_frame_bytes: u64,
    /// The largest body of a form or a call of a server function (bytes).
    #[arg(long, env = "TIDEWIRE_MAX_BODY_BYTES", help_heading = "Connections", default_value_t = 262_144, value_parser = value_parser!(u64).range(1024..))]
    pub max_body_bytes: u64,
    /// Time between heartbeats (seconds).
    #[arg(long, env = "TIDEWIRE_HEARTBEAT_SECONDS", help_heading = "Connections", default_value_t = 30, value_parser = value_parser!(u64).range(1..=86_400))]
    pub heartbeat_seconds: u64,
    /// Silence after which a connection counts as dead (seconds); two and a half heartbeats unless told.
    #[arg(long, env = "TIDEWIRE_DEAD_AFTER_SECONDS", help_heading = "Connections", value_parser = value_parser!(u64).range(1..=864_000))]
    pub dead_after_seconds: Option<u64>,
    /// How long one write to a client may take (seconds).
    #[arg(long, env = "TIDEWIRE_WRITE_TIMEOUT_SECONDS", help_heading = "Connections", default_value_t = 15, value_parser = value_parser!(u64).range(1..=3_600))]
    pub write_timeout_seconds: u64,
    /// How long a stop waits for connections to end, and the shortest window in which clients come back (seconds).
    #[arg(long, env = "TIDEWIRE_DRAIN_SECONDS", help_heading = "Connections", default_value_t = 5, value_parser = value_parser!(u64).range(0..=3_600))]
    pub drain_seconds: u64,
    /// The window in which requests are counted (seconds).
    #[arg(long, env = "TIDEWIRE_REQUEST_WINDOW_SECONDS", help_heading = "Requests of one connection", default_value_t = 10, value_parser = value_parser!(u64).range(1..=3_600))]
    pub request_window_seconds: u64,
    /// Subscribes and unsubscribes in a window.
    #[arg(long, env = "TIDEWIRE_SUBSCRIBES_PER_WINDOW", help_heading = "Requests of one connection", default_value_t = 400, value_parser = value_parser!(u32).range(1..))]
    pub subscribes_per_window: u32,
    /// Broadcasts in a window; those that other servers post count together.
    #[arg(long, env = "TIDEWIRE_BROADCASTS_PER_WINDOW", help_heading = "Requests of one connection", default_value_t = 300, value_parser = value_parser!(u32).range(1..))]
    pub broadcasts_per_window: u32,
    /// Presence frames in a window.
    #[arg(long, env = "TIDEWIRE_PRESENCES_PER_WINDOW", help_heading = "Requests of one connection", default_value_t = 300, value_parser = value_parser!(u32).range(1..))]
    pub presences_per_window: u32,
    /// All other frames in a window.
    #[arg(long, env = "TIDEWIRE_OTHERS_PER_WINDOW", help_heading = "Requests of one connection", default_value_t = 100, value_parser = value_parser!(u32).range(1..))]
    pub others_per_window: u32,
    /// Frames that may wait for one connection.
    #[arg(long, env = "TIDEWIRE_QUEUE_FRAMES", help_heading = "Queues and replays", default_value_t = 4_096, value_parser = value_parser!(u64).range(1..))]
    pub queue_frames: u64,
    /// Bytes that may wait for one connection (bytes).
    #[arg(long, env = "TIDEWIRE_QUEUE_BYTES", help_heading = "Queues and replays", default_value_t = 4_194_304, value_parser = value_parser!(u64).range(1024..))]
    pub queue_bytes: u64,
    /// Latest values, each of another key, that may wait for one connection.
    #[arg(long, env = "TIDEWIRE_QUEUE_LATEST", help_heading = "Queues and replays", default_value_t = 1_024, value_parser = value_parser!(u64).range(1..))]
    pub queue_latest: u64,
    /// Events that one replay may carry.
    #[arg(
        long,
        env = "TIDEWIRE_REPLAY_EVENTS",
        help_heading = "Queues and replays",
        default_value_t = 10_000
    )]
    pub replay_events: u64,
    /// Bytes that one replay may carry (bytes).
    #[arg(
        long,
        env = "TIDEWIRE_REPLAY_BYTES",
        help_heading = "Queues and replays",
        default_value_t = 8_388_608
    )]
    pub replay_bytes: u64,
    /// Entries of the log that are read for one replay.
    #[arg(
        long,
        env = "TIDEWIRE_REPLAY_SCAN",
        help_heading = "Queues and replays",
        default_value_t = 100_000
    )]
    pub replay_scan: u64,
    /// Events that the replay ring holds in memory.
    #[arg(
        long,
        env = "TIDEWIRE_HISTORY_EVENTS",
        help_heading = "Queues and replays",
        default_value_t = 16_384
    )]
    pub history_events: u64,
    /// Bytes that the replay ring holds in memory (bytes).
    #[arg(
        long,
        env = "TIDEWIRE_HISTORY_BYTES",
        help_heading = "Queues and replays",
        default_value_t = 33_554_432
    )]
    pub history_bytes: u64,
    /// How long the log keeps an entry (hours).
    #[arg(long, env = "TIDEWIRE_LOG_HOURS", help_heading = "The change log", default_value_t = 168, value_parser = value_parser!(u64).range(1..=876_000))]
    pub log_hours: u64,
    /// How many entries the log keeps.
    #[arg(long, env = "TIDEWIRE_LOG_ENTRIES", help_heading = "The change log", default_value_t = 1_000_000, value_parser = value_parser!(u64).range(1..))]
    pub log_entries: u64,
    /// How often the log is looked at for writes of other programs (milliseconds).
    #[arg(long, env = "TIDEWIRE_EXTERNAL_POLL_MS", help_heading = "The change log", default_value_t = 20, value_parser = value_parser!(u64).range(1..=60_000))]
    pub external_poll_ms: u64,
    /// The largest presence data of one user (bytes).
    #[arg(long, env = "TIDEWIRE_PRESENCE_BYTES", help_heading = "Presence", default_value_t = 4_096, value_parser = value_parser!(u64).range(2..))]
    pub presence_bytes: u64,
    /// Users beyond this number are counted instead of named.
    #[arg(long, env = "TIDEWIRE_PRESENCE_USERS", help_heading = "Presence", default_value_t = 500)]
    pub presence_users: u64,
    /// How long a user stays after their last connection was lost (seconds).
    #[arg(long, env = "TIDEWIRE_PRESENCE_GRACE_SECONDS", help_heading = "Presence", default_value_t = 5, value_parser = value_parser!(u64).range(0..=3_600))]
    pub presence_grace_seconds: u64,
    /// How long a user stays of whose connection nothing is heard (seconds).
    #[arg(long, env = "TIDEWIRE_PRESENCE_TTL_SECONDS", help_heading = "Presence", default_value_t = 60, value_parser = value_parser!(u64).range(1..=86_400))]
    pub presence_ttl_seconds: u64,
    /// How long a live query waits for more changes before it is run again (milliseconds).
    #[arg(long, env = "TIDEWIRE_QUERY_DEBOUNCE_MS", help_heading = "Queries and revalidation", default_value_t = 50, value_parser = value_parser!(u64).range(0..=60_000))]
    pub query_debounce_ms: u64,
    /// Live queries that run at the same time.
    #[arg(long, env = "TIDEWIRE_QUERY_CONCURRENCY", help_heading = "Queries and revalidation", default_value_t = 4, value_parser = value_parser!(u64).range(1..))]
    pub query_concurrency: u64,
    /// The largest answer of a live query (bytes).
    #[arg(long, env = "TIDEWIRE_QUERY_BYTES", help_heading = "Queries and revalidation", default_value_t = 1_048_576, value_parser = value_parser!(u64).range(1024..))]
    pub query_bytes: u64,
    /// Live queries with different parameters, or of different users, that are kept answered.
    #[arg(long, env = "TIDEWIRE_QUERY_RUNNERS", help_heading = "Queries and revalidation", default_value_t = 10_000, value_parser = value_parser!(u64).range(1..))]
    pub query_runners: u64,
    /// How long a live query may take (seconds).
    #[arg(long, env = "TIDEWIRE_QUERY_TIMEOUT_SECONDS", help_heading = "Queries and revalidation", default_value_t = 10, value_parser = value_parser!(u64).range(1..=3_600))]
    pub query_timeout_seconds: u64,
    /// How long revalidations wait for more of their kind (milliseconds).
    #[arg(long, env = "TIDEWIRE_REVALIDATE_DEBOUNCE_MS", help_heading = "Queries and revalidation", default_value_t = 100, value_parser = value_parser!(u64).range(0..=60_000))]
    pub revalidate_debounce_ms: u64,
}

impl LimitArgs {
    /// The limits that these settings ask for.
    pub fn limits(&self) -> Limits {
        let heartbeat = Duration::from_secs(self.heartbeat_seconds);
        let dead_after = self.dead_after_seconds.map(Duration::from_secs);
        Limits {
            connections_per_address: number(self.connections_per_address),
            connects_per_minute: self.connects_per_minute,
            admissions_per_second: self.admissions_per_second,
            looks_per_minute: self.looks_per_minute,
            wrong_proofs_per_minute: self.wrong_proofs_per_minute,
            max_subscriptions: number(self.max_subscriptions),
            max_message_bytes: number(self.max_message_bytes),
            max_frame_bytes: number(self.max_frame_bytes),
            heartbeat,
            dead_after: dead_after.unwrap_or(heartbeat * 5 / 2),
            write_timeout: Duration::from_secs(self.write_timeout_seconds),
            drain: Duration::from_secs(self.drain_seconds),
            request_window: Duration::from_secs(self.request_window_seconds),
            subscribes_per_window: self.subscribes_per_window,
            broadcasts_per_window: self.broadcasts_per_window,
            presences_per_window: self.presences_per_window,
            others_per_window: self.others_per_window,
            queue_frames: number(self.queue_frames),
            queue_bytes: number(self.queue_bytes),
            queue_latest: number(self.queue_latest),
            replay_events: number(self.replay_events),
            replay_bytes: number(self.replay_bytes),
            replay_scan: self.replay_scan,
            history_events: number(self.history_events),
            history_bytes: number(self.history_bytes),
            log_age: Duration::from_secs(self.log_hours * 3_600),
            log_entries: self.log_entries,
            external_poll: Duration::from_millis(self.external_poll_ms),
            presence_bytes: number(self.presence_bytes),
            presence_users: number(self.presence_users),
            presence_grace: Duration::from_secs(self.presence_grace_seconds),
            presence_ttl: Duration::from_secs(self.presence_ttl_seconds),
            query_debounce: Duration::from_millis(self.query_debounce_ms),
            query_concurrency: number(self.query_concurrency),
            query_bytes: number(self.query_bytes),
            query_runners: number(self.query_runners),
            query_timeout: Duration::from_secs(self.query_timeout_seconds),
            revalidate_debounce: Duration::from_millis(self.revalidate_debounce_ms),
        }
    }

    /// Says which numbers contradict each other.
    ///
    /// # Errors
    /// A sentence with the names of both.
    pub fn check(&self) -> Result<(), String> {
        let limits = self.limits();
        let rules = [
            (
                limits.dead_after > limits.heartbeat,
                "TIDEWIRE_DEAD_AFTER_SECONDS has to be more than TIDEWIRE_HEARTBEAT_SECONDS: \
                 clients that only listen answer heartbeats",
            ),
            (
                limits.presence_ttl > limits.heartbeat,
                "TIDEWIRE_PRESENCE_TTL_SECONDS has to be more than TIDEWIRE_HEARTBEAT_SECONDS: \
                 users who only listen are heard of by the answers to heartbeats",
            ),
            (
                limits.max_frame_bytes >= limits.max_message_bytes,
                "TIDEWIRE_MAX_FRAME_BYTES has to be at least TIDEWIRE_MAX_MESSAGE_BYTES: \
                 a frame has to be read before it can be refused by name",
            ),
        ];
        let broken = rules.into_iter().find(|(holds, _)| !holds);
        broken.map_or(Ok(()), |(_, rule)| Err(rule.to_owned()))
    }
}

fn number(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}
