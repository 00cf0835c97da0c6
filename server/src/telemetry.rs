//! Log lines: readable by default, JSON where machines read them. `RUST_LOG` chooses what is written.

use tracing::{Level, Metadata};
use tracing_subscriber::{EnvFilter, Layer, filter::filter_fn, fmt, prelude::*};

use crate::Config;

/// What writes whole messages, tokens among them, into the log when it is asked for details.
const TALKATIVE: [&str; 1] = ["tungstenite"];

/// Starts to write log lines to standard error. No setting of `RUST_LOG` brings what visitors send into them.
pub fn init(config: &Config) {
    let asked = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = if config.log_json { lines.json().boxed() } else { lines.boxed() };
    // A second call, as in tests, changes nothing.
    _ = tracing_subscriber::registry().with(lines).with(asked).with(filter_fn(discreet)).try_init();
}

fn discreet(line: &Metadata<'_>) -> bool {
    // Events of the `log` crate are judged by their module as well.
    let crate_name = line.target().split("::").next().unwrap_or_default();
    *line.level() <= Level::INFO || !TALKATIVE.contains(&crate_name)
}
