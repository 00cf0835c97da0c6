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
    server::{log::Entry, routing::Routing},
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
