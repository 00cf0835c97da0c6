//! A channel's events as its type: what a listener without state is told.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::event::ClientEvent;
use crate::contract::{Change, Delivery, Live, LiveError, Message, ResyncReason};

/// One thing that a listener hears on a channel of `T`.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard<T> {
    /// A message or a change.
    Event(T),
    /// Something durable was missed and will not come any more: whatever was made of earlier events has
    /// to be fetched again. What follows comes after the gap. `Unreadable` is also what does not fit `T`;
    /// after `Permission`, nothing that was made of earlier events may be shown any more, of whatever kind
    /// they were.
    Missed(ResyncReason),
    /// The server refused the subscription; it has ended.
    Refused(LiveError),
}

impl<T: Message> Heard<T> {
    /// What an event says on a channel that carries `T`. `None` when it is nothing to `T`: that the
    /// subscription is live, or a change of a row on a channel that carries both.
    pub fn message(event: ClientEvent) -> Option<Self> {
        parse(sort(event, T::DELIVERY == Delivery::Durable, true)?)
    }
}

impl<T: Live> Heard<Change<T>> {
    /// What an event says on a channel of rows. `None` when it is nothing to them, as a message is.
    pub fn change(event: ClientEvent) -> Option<Self> {
        parse(sort(event, true, false)?)
    }
}

/// The part that does not know the type, so that a browser loads it once.
fn sort(event: ClientEvent, durable: bool, messages: bool) -> Option<Heard<Arc<RawValue>>> {
    match event {
        ClientEvent::Change { payload, .. } if durable => Some(Heard::Event(payload)),
        ClientEvent::Message { payload } if messages => Some(Heard::Event(payload)),
        // Whatever was made of the messages may have been for somebody else's eyes.
        ClientEvent::Resync { reason, .. } if durable || reason == ResyncReason::Permission => {
            Some(Heard::Missed(reason))
        }
        ClientEvent::Refused(error) => Some(Heard::Refused(error)),
        _ => None,
    }
}

fn parse<T: DeserializeOwned>(heard: Heard<Arc<RawValue>>) -> Option<Heard<T>> {
    Some(match heard {
        Heard::Event(payload) => match serde_json::from_str(payload.get()) {
            Ok(event) => Heard::Event(event),
            Err(_) => Heard::Missed(ResyncReason::Unreadable),
        },
        Heard::Missed(reason) => Heard::Missed(reason),
        Heard::Refused(error) => Heard::Refused(error),
    })
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::contract::{ErrorCode, Position};

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Order(u64);

    impl Message for Order {
        const PREFIX: &'static str = "order";
        const DELIVERY: Delivery = Delivery::Durable;
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Typing(u64);

    impl Message for Typing {
        const PREFIX: &'static str = "typing";
        const DELIVERY: Delivery = Delivery::Lossy;
    }

    const AT: Position = Position::new(1, 1);

    fn payload(text: &str) -> Arc<RawValue> {
        RawValue::from_string(text.into()).unwrap().into()
    }

    fn resync() -> ClientEvent {
        ClientEvent::Resync { reason: ResyncReason::Overflow, position: AT }
    }

    #[test]
    fn spec_nx3_durable_messages_are_heard_and_so_are_gaps() {
        let change = |text| ClientEvent::Change { position: AT, payload: payload(text) };
        assert_eq!(Heard::message(change("7")), Some(Heard::Event(Order(7))));
        let missed = Heard::<Order>::Missed(ResyncReason::Unreadable);
        assert_eq!(Heard::message(change("\"x\"")), Some(missed));
        assert_eq!(Heard::message(resync()), Some(Heard::<Order>::Missed(ResyncReason::Overflow)));
        let refused = LiveError::new(ErrorCode::PermissionDenied, "no");
        let event = ClientEvent::Refused(refused.clone());
        assert_eq!(Heard::message(event), Some(Heard::<Order>::Refused(refused)));
        assert_eq!(Heard::<Order>::message(ClientEvent::Ready { position: None }), None);
    }

    #[test]
    fn a_lossy_message_is_told_from_a_change_of_the_same_channel() {
        let message = ClientEvent::Message { payload: payload("7") };
        assert_eq!(Heard::message(message), Some(Heard::Event(Typing(7))));
        let change = ClientEvent::Change { position: AT, payload: payload("{}") };
        assert_eq!(Heard::<Typing>::message(change), None);
        assert_eq!(Heard::<Typing>::message(resync()), None, "what it missed was not durable");
    }
}
