//! Reads the change log in order and hands each entry to the hub; keeps the log short.

use std::time::Duration;

use tokio::time::{Instant, interval_at, sleep};

use super::{Realtime, log::LogError};

/// How many entries are read at a time.
const PAGE: usize = 1_000;
/// How often old entries are removed.
const TRIM_EVERY: Duration = Duration::from_secs(60);
/// How long to wait after the database failed.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Fills the history from the log, so that clients which return after a restart are served from
/// memory. Returns the offset that it read up to.
pub(super) async fn warm_up(realtime: &Realtime, floor: u64) -> Result<u64, LogError> {
    let mut last = floor;
    loop {
        let entries = realtime.log().read(last, PAGE).await?;
        let Some(newest) = entries.last() else { return Ok(last) };
        last = newest.offset;
        realtime.hub().publish(entries);
    }
}

/// Follows the log until the server stops, also past a fault of its own: without this task nothing
/// is delivered any more.
pub(super) async fn keep_following(realtime: Realtime, mut last: u64) {
    while let Err(fault) = tokio::spawn(follow(realtime.clone(), last)).await {
        tracing::error!(%fault, "the tailer ended; it begins again");
        last = realtime.hub().head().offset;
        sleep(RETRY_AFTER).await;
    }
}

/// Follows the log until the server stops.
async fn follow(realtime: Realtime, mut last: u64) {
    let mut trim = interval_at(Instant::now() + TRIM_EVERY, TRIM_EVERY);
    loop {
        match realtime.log().read(last, PAGE).await {
            Ok(entries) if !entries.is_empty() => {
                last = entries.last().map_or(last, |entry| entry.offset);
                realtime.hub().publish(entries);
                if realtime.is_stopping() {
                    return;
                }
                continue;
            }
            Ok(_) => realtime.metrics().tailer_came_round(),
            Err(error) => {
                tracing::error!(%error, "the change log could not be read; trying again");
                tokio::select! {
                    biased;
                    () = realtime.stopping() => return,
                    () = sleep(RETRY_AFTER) => continue,
                }
            }
        }
        tokio::select! {
            biased;
            () = realtime.stopping() => return,
            _ = trim.tick() => {
                let limits = realtime.limits();
                match realtime.log().trim(limits.log_age, limits.log_entries).await {
                    Ok(0) => {}
                    Ok(removed) => tracing::info!(removed, "old entries left the change log"),
                    Err(error) => tracing::error!(%error, "the change log could not be trimmed"),
                }
            }
            () = realtime.log().changed() => {}
        }
    }
}
