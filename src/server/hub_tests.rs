//! Tests of the hub among threads.

use std::{
    sync::{Arc, Barrier},
    thread,
};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Hub, Queue};
use crate::{
    contract::{ChannelName, Limits, Live, Op},
    server::{
        Identity, connections::Seat, event::Event, lease::Lease, log::Entry, queue::Queued,
        routing::Routing,
    },
};

#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct Note {
    id: i64,
}

impl Live for Note {
    const RESOURCE: &'static str = "note";
    const TABLE: &'static str = "notes";
    type Id = i64;

    fn id(&self) -> i64 {
        self.id
    }
}

/// A row that does not say where it belongs may have belonged to any scope.
#[test]
fn spec_nx4_a_loss_and_the_position_behind_it_are_seen_together() {
    let mut routing = Routing::default();
    routing.add::<Note>();
    routing.set_tables(["notes".to_owned()].into());
    let limits = Limits::default();
    let hub = Hub::new(1, 0, &limits, Arc::new(routing));
    let scope = ChannelName::new("room:a").unwrap();
    let start = Barrier::new(2);
    let mut unaware = 0;
    thread::scope(|threads| {
        threads.spawn(|| {
            for offset in 1..=3_000 {
                let mut entry = Entry::for_tests(offset, "notes", Op::Insert);
                entry.record = Some(RawValue::from_string("\"no note\"".into()).unwrap());
                start.wait();
                hub.publish(vec![entry]);
                start.wait();
            }
        });
        for offset in 1..=3_000 {
            start.wait();
            let mut attached = Vec::new();
            loop {
                let queue = Arc::new(Queue::new(&limits));
                let head = hub.head().offset;
                // From before the entry: either it is told of the loss, or sent to the log.
                let found = hub.subscribe(&scope, Some(offset - 1), &queue, |_, _, _| Vec::new());
                attached.extend(found.ok().map(|subscription| (queue, subscription)));
                if head == offset {
                    break;
                }
            }
            start.wait();
            for (_queue, subscription) in attached {
                unaware += usize::from(!subscription.is_lagging());
                hub.unsubscribe(&subscription);
            }
        }
    });
    assert_eq!(unaware, 0, "so many do not know that they have missed something");
}

/// In one batch, and although the session never runs: the order of the log decides.
#[test]
fn spec_sy5_nothing_behind_a_revocation_is_queued_and_nothing_before_it_is_kept() {
    let mut routing = Routing::default();
    routing.add::<Note>();
    routing.set_tables(["notes".to_owned()].into());
    let limits = Limits::default();
    let hub = Hub::new(1, 0, &limits, Arc::new(routing));
    let notes = ChannelName::new("resource:note").unwrap();
    let enter = |who: Identity| {
        let (queue, lease) = (Arc::new(Queue::new(&limits)), Arc::new(Lease::new(None)));
        let seat = Seat::new(&who, &queue, &lease);
        hub.connections().add(&seat, 0);
        let subscription = hub.subscribe(&notes, None, &queue, |_, _, _| Vec::new());
        (queue, lease, subscription.expect("the head is never evicted"))
    };
    let (ann, bob) = (enter(Identity::user("ann")), enter(Identity::user("bob")));
    let note = |offset| {
        let mut entry = Entry::for_tests(offset, "notes", Op::Insert);
        entry.record = RawValue::from_string(format!(r#"{{"id":{offset}}}"#)).ok();
        entry
    };
    let mut revocation = Entry::for_tests(2, "", Op::Update);
    revocation.message = ChannelName::new("access:revoked").ok();
    revocation.record = RawValue::from_string(r#"{"user":"ann"}"#.into()).ok();
    hub.publish(vec![note(1), revocation, note(3)]);

    let payload = RawValue::NULL.to_owned();
    assert_eq!(hub.send(Event::message(notes.clone(), payload.clone())), 1);
    assert_eq!(hub.send(Event::latest(notes, "", payload)), 1);
    for (queue, lease, subscription) in [&ann, &bob] {
        let of_ann = Arc::ptr_eq(queue, &ann.0);
        queue.push_own([Queued::Heartbeat(None)]);
        queue.lag(subscription, crate::contract::ResyncReason::Overflow);
        assert_eq!(queue.take().len(), if of_ann { 0 } else { 5 });
        assert_eq!(queue.take_lagging().len(), usize::from(!of_ann));
        assert_eq!(lease.is_cut(), of_ann);
        hub.unsubscribe(subscription);
    }
}
