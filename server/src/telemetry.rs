//! Log lines: readable by default, JSON where machines read them. `RUST_LOG` chooses what is written.

use tracing_subscriber::{EnvFilter, fmt};

use crate::Config;

/// What writes whole messages, tokens among them, into the log when it is asked for everything.
const TALKATIVE: [&str; 1] = ["tungstenite=info"];

/// Starts to write log lines to standard error. No setting of `RUST_LOG` brings what visitors send into them.
pub fn init(config: &Config) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let limits = TALKATIVE.iter().map(|limit| limit.parse().expect("a directive"));
    let filter = limits.fold(filter, EnvFilter::add_directive);
    let lines = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second call, as in tests, changes nothing.
    _ = if config.log_json { lines.json().try_init() } else { lines.try_init() };
}
