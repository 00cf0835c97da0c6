//! The browser's half of live values: taken over from the page, then kept by their channels.

use leptos::prelude::*;
use serde_json::value::RawValue;

use super::{
    super::{
        LiveValue, LoadValue, Status,
        answer::Answer,
        connection::use_connection,
        live_value::{Asked, Value},
        shared,
    },
    browser::Owner,
    follower::{Followed, Follower},
};
use crate::{
    client::event::ClientEvent,
    contract::{ChannelName, ErrorCode, LiveError, Position, Reading, ResyncReason},
};

/// How long a notice waits for more before the value is fetched, in milliseconds.
const PAUSE_MS: u32 = 100;

/// Where a page stands that has no answer yet: in no life of the log, so that the server sends one.
const NOWHERE: Position = Position::new(0, 0);

/// Takes the answer over from the page if it is there, and follows the channel of the parameters.
pub(in super::super) fn ask(asked: Asked) {
    let Asked { channel, take, clear, status } = asked;
    let given_for = untrack(&channel);
    let tag = given_for.as_ref().map_or("", ChannelName::as_str);
    let given = shared::take::<Option<Reading<Box<RawValue>>>>(tag).flatten();
    if let Some(reading) = &given {
        take(reading.value.get());
    }
    let position = given.map(|reading| reading.position);
    let socket = use_connection().socket();
    let owner = StoredValue::new(None::<Owner>);
    let leave = move || {
        if let Some(owner) = owner.try_update_value(Option::take).flatten() {
            socket.unsubscribe(owner);
        }
    };
    on_cleanup(leave);
    let (take, clear) = (StoredValue::new(take), StoredValue::new(clear));
    Effect::new(move |before: Option<Option<ChannelName>>| {
        let now = channel();
        if before.as_ref() == Some(&now) {
            return now;
        }
        leave();
        let mut since = position;
        if before.is_some() || now != given_for {
            since = None;
            clear.try_with_value(|clear| clear());
        }
        let Some(name) = now.clone() else {
            let error =
                LiveError::new(ErrorCode::InvalidChannelName, "The parameters are too long.");
            status.set(Status::Refused(error));
            return now;
        };
        let events = move |event| match event {
            ClientEvent::Message { payload } => {
                take.try_with_value(|take| take(payload.get()));
            }
            // The answer comes by itself.
            ClientEvent::Resync { reason, mut position } => {
                if reason == ResyncReason::Permission {
                    clear.try_with_value(|clear| clear());
                    position = NOWHERE;
                }
                if let Some(owner) = owner.try_get_value().flatten() {
                    socket.rebase(owner, position);
                }
            }
            ClientEvent::Refused(error) => {
                _ = owner.try_set_value(None);
                _ = status.try_set(Status::Refused(error));
            }
            ClientEvent::Ready { .. } | ClientEvent::Change { .. } | ClientEvent::Presence(_) => {}
        };
        owner.set_value(socket.subscribe(name, since.or(Some(NOWHERE)), Box::new(events)));
        now
    });
}

/// Takes the value over from the page, or fetches it after a navigation; then fetches it again when it
/// has to be.
pub(in super::super) fn start_value<T: Value>(
    value: LiveValue<T>,
    channel: ChannelName,
    load: impl LoadValue<T>,
) {
    let (path, arguments) = load.request();
    follow(Followed {
        channel,
        path,
        arguments,
        load: Box::new(move |answer| value.load_answer(answer)),
        take: Box::new(move |event| value.revalidate(event)),
        position: Box::new(move || value.position()),
        pause_ms: PAUSE_MS,
    });
}

/// Knows no type, so that a browser loads it once.
fn follow(followed: Followed) {
    let tag = [followed.path, &followed.arguments].concat();
    let loaded = match shared::take::<Result<Box<RawValue>, Box<RawValue>>>(&tag) {
        Some(Ok(reading)) => (followed.load)(Answer::Done(reading.get().into())),
        Some(Err(refusal)) => (followed.load)(Answer::Refused(refusal.get().into())),
        None => false,
    };
    let follower = Follower::new(followed);
    if loaded { follower.follow() } else { follower.load() }
}
