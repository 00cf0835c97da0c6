//! A subscription's beginning: from a position it ends in an `ack` with every missed event, in a
//! `resync` with a reason, or in an error by name. Never in a part of a replay.

use std::{sync::Arc, time::Duration};

use tokio::{sync::SemaphorePermit, time::timeout};

use super::{
    Realtime,
    event::{Event, encode},
    history::Evicted,
    identity::Identity,
    queries,
    queue::{Queue, Queued},
    subscription::Subscription,
};
use crate::contract::{
    ChannelName, ErrorCode, LiveError, Position, ResyncReason, ServerFrame, channel::ChannelKind,
};

/// How many entries of the log are read at a time.
const PAGE: usize = 1_000;

/// How many subscribes read the log at the same time.
pub const READERS: usize = 4;

/// How long a subscribe waits for its turn to read the log, and its client before it asks again. Meanwhile
/// the connection stands still, so it is far less than what makes a connection count as dead.
const WAIT_TO_READ: Duration = Duration::from_secs(5);

/// A request for a subscription.
pub struct Request<'a> {
    /// Which channel.
    pub channel: &'a ChannelName,
    /// The position that the client's state stands at.
    pub since: Option<Position>,
    /// Comes back in the answer.
    pub reference: Option<u64>,
    /// Who asks.
    pub who: &'a Identity,
}

/// Subscribes and queues the answer.
///
/// # Errors
/// `unknown_channel` when there is no such table or resource; `rate_limited` when too many others read the
/// log; `internal` when the database failed.
pub async fn attach(
    realtime: &Realtime,
    queue: &Arc<Queue>,
    request: Request<'_>,
) -> Result<Arc<Subscription>, LiveError> {
    if queries::is_query(request.channel) {
        return queries::attach(realtime, queue, request).await;
    }
    check_known(realtime, request.channel).await?;
    let Some(since) = request.since else {
        let subscription = at_head(realtime, queue, &request, None);
        return still_followed(realtime, request.channel, subscription);
    };
    if let Some(reason) = verdict(realtime, since).await? {
        return Ok(at_head(realtime, queue, &request, Some(reason)));
    }
    let limits = realtime.limits();
    let mut older: Vec<Arc<Event>> = Vec::new();
    let mut bytes = 0;
    let mut read_to = since.offset;
    let mut turn = None;
    loop {
        // What the log had to give is in `older`; the ring gives the rest under the hub's lock.
        let mut too_many = None;
        let attached = realtime.hub().subscribe(
            request.channel,
            Some(read_to),
            queue,
            |_, subscription, missed| {
                let count = older.len() + missed.len();
                let total = bytes + missed.iter().map(|event| event.weight()).sum::<usize>();
                let unreadable = older.iter().find_map(|event| event.resync());
                let too_large = count > limits.replay_events || total > limits.replay_bytes;
                too_many = unreadable.or(too_large.then_some(ResyncReason::TooMany));
                if too_many.is_some() {
                    return Vec::new();
                }
                let ack = Queued::Own(encode(&ServerFrame::Ack {
                    channel: request.channel.to_string(),
                    position: Some(since),
                    replay: Some(count),
                    reached: None,
                    reference: request.reference,
                }));
                let replay = older.drain(..).chain(missed);
                std::iter::once(ack)
                    .chain(replay.map(|event| Queued::Event(event, subscription.clone())))
                    .collect()
            },
        );
        match attached {
            Ok(subscription) => {
                let Some(reason) = too_many else {
                    realtime.hub().counters().replayed(read_to != since.offset);
                    return still_followed(realtime, request.channel, subscription);
                };
                realtime.hub().unsubscribe(&subscription);
                return Ok(at_head(realtime, queue, &request, Some(reason)));
            }
            Err(Evicted) => {
                // Offsets have no gaps, so it is known before how much there is to read.
                if realtime.hub().floor().saturating_sub(since.offset) > limits.replay_scan {
                    let reason = ResyncReason::TooMany;
                    return Ok(at_head(realtime, queue, &request, Some(reason)));
                }
                if turn.is_none() {
                    turn = Some(turn_to_read(realtime).await?);
                }
                let (last, mut events) = read_page(realtime, request.channel, read_to).await?;
                read_to = last;
                queue.keep_seen(&mut events);
                bytes += events.iter().map(|event| event.weight()).sum::<usize>();
                older.extend(events);
                // The log may have been trimmed while it was being read, which is then the reason.
                if let Some(reason) = verdict(realtime, since).await? {
                    return Ok(at_head(realtime, queue, &request, Some(reason)));
                }
                if older.len() > limits.replay_events || bytes > limits.replay_bytes {
                    let reason = ResyncReason::TooMany;
                    return Ok(at_head(realtime, queue, &request, Some(reason)));
                }
            }
        }
    }
}

/// Waits until one more may read the log, so that a crowd that was away for long leaves the database to
/// others.
async fn turn_to_read(realtime: &Realtime) -> Result<SemaphorePermit<'_>, LiveError> {
    let turn = timeout(WAIT_TO_READ, realtime.replays().acquire()).await;
    turn.ok().and_then(Result::ok).ok_or_else(|| {
        let message = "replays: too many clients want what only the log still holds";
        LiveError::new(ErrorCode::RateLimited, message).retry_after(WAIT_TO_READ.as_millis() as u64)
    })
}

/// Subscribes from the newest event on; `reason` makes the answer a `resync`.
fn at_head(
    realtime: &Realtime,
    queue: &Arc<Queue>,
    request: &Request<'_>,
    reason: Option<ResyncReason>,
) -> Arc<Subscription> {
    if let Some(reason) = reason {
        realtime.hub().counters().refused_replay(reason);
    }
    let channel = request.channel.to_string();
    let answer = |position, _: &_, _| {
        let reference = request.reference;
        vec![Queued::Own(encode(&match reason {
            Some(reason) => ServerFrame::Resync { channel, reason, position, reference },
            None => ServerFrame::Ack {
                channel,
                position: Some(position),
                replay: Some(0),
                reached: None,
                reference,
            },
        }))]
    };
    realtime
        .hub()
        .subscribe(request.channel, None, queue, answer)
        .unwrap_or_else(|Evicted| unreachable!("the head is never evicted"))
}

/// Why a position cannot be continued, if it cannot.
pub(super) async fn verdict(
    realtime: &Realtime,
    since: Position,
) -> Result<Option<ResyncReason>, LiveError> {
    let head = realtime.hub().head();
    if since.epoch != head.epoch {
        return Ok(Some(ResyncReason::Epoch));
    }
    if since.offset > head.offset {
        // A snapshot may be newer than what the tailer has read; only the log can tell.
        realtime.metrics().attach_reads.add(1);
        let head = realtime.log().head().await.map_err(internal)?;
        return Ok((since.offset > head).then_some(ResyncReason::Ahead));
    }
    if realtime.hub().holds(since.offset) {
        return Ok(None);
    }
    realtime.metrics().attach_reads.add(1);
    let floor = realtime.log().floor().await.map_err(internal)?;
    Ok((since.offset < floor).then_some(ResyncReason::TooOld))
}

/// A page of the log after `after`: the last offset read, and this channel's events among it.
async fn read_page(
    realtime: &Realtime,
    channel: &ChannelName,
    after: u64,
) -> Result<(u64, Vec<Arc<Event>>), LiveError> {
    realtime.metrics().attach_reads.add(1);
    let mut entries = realtime.log().read(after, PAGE).await.map_err(internal)?;
    // What the hub has not handed out yet may stand behind a revocation that it has not seen either.
    let head = realtime.hub().head().offset;
    let known = entries.partition_point(|entry| entry.offset <= head);
    if known > 0 {
        entries.truncate(known);
    }
    let last = entries.last().map_or(after, |entry| entry.offset);
    let epoch = realtime.hub().head().epoch;
    let routing = realtime.routing();
    let mut events = Vec::new();
    for (expected, entry) in (after + 1..).zip(entries.into_iter().map(Arc::new)) {
        // Offsets have no gaps: somebody has removed entries.
        let mut lost = entry.offset != expected;
        if !routing.can_route(&entry) {
            lost |= routing.may_concern(&entry, channel);
        } else {
            let routes = routing.route(&entry);
            lost |= routing.misses(&routes, channel);
            let position = Position::new(epoch, entry.offset);
            events.extend(routes.events(position, &entry, |name| name == channel));
        }
        if lost {
            events.push(Arc::new(Event::lost(channel.clone(), entry.offset)));
            // What follows is not replayed, so it need not be read well.
            break;
        }
    }
    Ok((last, events))
}

/// The table may have been switched off since it was looked at; a subscription that was not there to be
/// told must not stay.
fn still_followed(
    realtime: &Realtime,
    channel: &ChannelName,
    subscription: Arc<Subscription>,
) -> Result<Arc<Subscription>, LiveError> {
    let table = match channel.kind() {
        ChannelKind::Table { table, .. } => Some(table),
        ChannelKind::Resource(name) => realtime.routing().table_of(name),
        ChannelKind::Other { prefix, .. } => realtime.routing().table_of(prefix),
    };
    if table.is_none_or(|table| realtime.routing().has_table(table)) {
        return Ok(subscription);
    }
    realtime.hub().unsubscribe(&subscription);
    Err(LiveError::new(ErrorCode::UnknownChannel, "realtime was switched off for this table"))
}

async fn check_known(realtime: &Realtime, channel: &ChannelName) -> Result<(), LiveError> {
    let unknown = |message: String| Err(LiveError::new(ErrorCode::UnknownChannel, message));
    let table = match channel.kind() {
        // Changes travel under the full name, so nothing would ever arrive under another one.
        ChannelKind::Table { .. } if !channel.as_str().contains('.') => {
            return unknown("a table's channel names its schema: table:public.products".into());
        }
        ChannelKind::Table { schema: "public" | "main", table } => table,
        ChannelKind::Table { schema, .. } => {
            return unknown(format!("there is no schema {schema:?}"));
        }
        ChannelKind::Resource(name) => match realtime.routing().table_of(name) {
            Some(table) => table,
            None => return unknown(format!("there is no resource {name:?}")),
        },
        ChannelKind::Other { prefix, .. } => match realtime.routing().table_of(prefix) {
            Some(table) => table,
            None if realtime.routing().leaves_out(prefix) => {
                return unknown(format!("the resource {prefix:?} is left out on this server"));
            }
            None => return Ok(()),
        },
    };
    if !realtime.routing().has_table(table) {
        realtime.metrics().attach_reads.add(1);
        realtime.refresh_tables().await.map_err(internal)?;
        if !realtime.routing().has_table(table) {
            return unknown(format!(
                "there is no table {table:?}, or realtime is not enabled for it"
            ));
        }
    }
    Ok(())
}

pub(super) fn internal(error: impl std::fmt::Display) -> LiveError {
    tracing::error!(%error, "change log");
    LiveError::new(ErrorCode::Internal, "the server could not read its change log")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestBed;

    #[tokio::test]
    async fn spec_nx14_few_read_the_log_at_a_time_and_who_waits_too_long_is_told_when_to_come_again()
     {
        let bed = TestBed::start("CREATE TABLE notes (id INTEGER PRIMARY KEY)", |bed| bed).await;
        let mut turns = Vec::new();
        for _ in 0..READERS {
            turns.push(turn_to_read(bed.realtime()).await.unwrap());
        }
        tokio::time::pause();
        let refused = turn_to_read(bed.realtime()).await.err().unwrap();
        tokio::time::resume();
        assert_eq!(refused.code, ErrorCode::RateLimited);
        assert!(refused.retry_after_ms.is_some());
        turns.pop();
        turns.push(turn_to_read(bed.realtime()).await.unwrap());
        drop(turns);
        bed.finish().await;
    }
}
