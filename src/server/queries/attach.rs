//! The beginning of a subscription to a live query.

use std::sync::Arc;

use super::{
    super::attach::{Request, internal, verdict},
    nobody,
};
use crate::{
    contract::{ErrorCode, LiveError, Position, ServerFrame},
    server::{
        Realtime,
        event::encode,
        history::Evicted,
        queue::{Queue, Queued},
        subscription::Subscription,
    },
};

/// Subscribes and queues the `ack`, behind which the answers come. A position that cannot be continued
/// needs no `resync`: an answer is everything there is to load.
///
/// # Errors
/// `unknown_channel` when there is no such query or realtime is off for one of its tables;
/// `invalid_payload` when the parameters are not the query's; `rate_limited` when too many questions are
/// kept answered already; `internal` when the database failed.
pub async fn attach(
    realtime: &Realtime,
    queue: &Arc<Queue>,
    request: Request<'_>,
) -> Result<Arc<Subscription>, LiveError> {
    let asked = realtime.queries().registry.find(request.channel)?;
    let followed = || asked.tables().iter().all(|table| realtime.routing().has_table(table));
    let off =
        || LiveError::new(ErrorCode::UnknownChannel, "realtime is off for a table of this query");
    if !followed() {
        realtime.refresh_tables().await.map_err(internal)?;
        if !followed() {
            return Err(off());
        }
    }
    let since = match request.since {
        // The beginning of the log is where those stand who have no answer yet.
        Some(since) if since.offset > 0 && verdict(realtime, since).await?.is_none() => Some(since),
        _ => None,
    };
    let who = if asked.per_user() { request.who.clone() } else { nobody() };
    realtime.queries().check_room(&asked, &who)?;
    let answer = |head: Position, _: &_, _| {
        vec![Queued::Own(encode(&ServerFrame::Ack {
            channel: request.channel.to_string(),
            // Not the head: who is cut off before the first answer must not seem to have it.
            position: Some(since.unwrap_or(Position::new(head.epoch, 0))),
            replay: Some(0),
            reached: None,
            reference: request.reference,
        }))]
    };
    let subscription = realtime
        .hub()
        .subscribe(request.channel, None, queue, answer)
        .unwrap_or_else(|Evicted| unreachable!("the head is never evicted"));
    // A table may have been switched off in between, when nobody was there to be told.
    if !followed() {
        realtime.hub().unsubscribe(&subscription);
        return Err(off());
    }
    let since = since.map(|since| since.offset);
    realtime.queries().join(realtime, (asked, who), (queue, &subscription), since);
    Ok(subscription)
}
