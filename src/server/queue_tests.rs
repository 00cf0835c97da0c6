//! Random pushes of every class into small queues, and readers that come now and then: what arrives is
//! what its class promises.

use std::collections::{BTreeMap, HashSet};

use proptest::prelude::*;
use serde_json::{Value, json, value::to_raw_value};

use super::*;
use crate::{
    contract::{ChannelName, Op},
    server::log::Entry,
};

#[derive(Clone, Debug)]
enum Step {
    Durable,
    Lossy {
        size: usize,
    },
    Latest {
        key: u8,
        size: usize,
    },
    /// The session sends what waits, and owns up to what was lost.
    Flush,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Durable),
        4 => (0..300usize).prop_map(|size| Step::Lossy { size }),
        6 => (0..6u8, 0..300usize).prop_map(|(key, size)| Step::Latest { key, size }),
        2 => Just(Step::Flush),
    ]
}

/// One connection with one subscription of a channel that carries every class.
struct Bed {
    queue: Queue,
    subscription: Arc<Subscription>,
    head: u64,
    number: u64,
    /// What was sent: `(kind, key, number)`, and `resync` with the head.
    sent: Vec<(String, String, u64)>,
}

impl Bed {
    fn new(limits: &Limits) -> Self {
        let name = ChannelName::new("room:a").unwrap();
        let subscription = Arc::new(Subscription::new(name, 0));
        Self { queue: Queue::new(limits), subscription, head: 0, number: 0, sent: Vec::new() }
    }

    fn push(&mut self, step: &Step) -> Pushed {
        let channel = self.subscription.channel().clone();
        self.number += 1;
        let payload = |kind: &str, key: &str, size: usize| {
            let pad = "x".repeat(size);
            to_raw_value(&json!({"kind": kind, "key": key, "n": self.number, "pad": pad})).unwrap()
        };
        let event = match step {
            Step::Durable => {
                self.head += 1;
                let mut entry = Entry::for_tests(self.head, "", Op::Update);
                entry.message = Some(channel.clone());
                entry.record = Some(
                    to_raw_value(&json!({"kind": "durable", "key": "", "n": self.head})).unwrap(),
                );
                let position = Position::new(1, self.head);
                Event::logged(channel, position, Arc::new(entry), Op::Update)
            }
            Step::Lossy { size } => Event::message(channel, payload("lossy", "", *size)),
            Step::Latest { key, size } => {
                let key = key_name(*key);
                let value = payload("latest", &key, *size);
                Event::latest(channel, &key, value)
            }
            Step::Flush => unreachable!("not pushed"),
        };
        self.queue.push(&self.subscription, &Arc::new(event))
    }

    fn flush(&mut self) {
        for frame in self.queue.take() {
            if let Some(text) = frame.into_text(|| true) {
                let frame: Value = serde_json::from_str(&text).unwrap();
                let text = |field: &str| frame["payload"][field].as_str().unwrap().to_owned();
                self.sent.push((
                    text("kind"),
                    text("key"),
                    frame["payload"]["n"].as_u64().unwrap(),
                ));
            }
        }
        for lost in self.queue.take_lagging() {
            lost.subscription.resume(self.head);
            self.sent.push(("resync".into(), String::new(), self.head));
        }
    }

    fn numbers(&self, kind: &str) -> Vec<u64> {
        let of_kind = self.sent.iter().filter(|(sent, _, _)| sent == kind);
        of_kind.map(|(_, _, number)| *number).collect()
    }
}

/// Key 0 is the empty one.
fn key_name(key: u8) -> String {
    if key == 0 { String::new() } else { format!("k{key}") }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn spec_nx5_every_class_keeps_its_promise_under_pressure(
        steps in proptest::collection::vec(step(), 0..120),
        queue_frames in 1..8usize,
        queue_bytes in 300..4_000usize,
        queue_latest in 1..5usize,
    ) {
        let limits = Limits { queue_frames, queue_bytes, queue_latest, ..Limits::default() };
        let mut bed = Bed::new(&limits);
        let (mut lossy, mut lost_lossy, mut resyncs) = (0, 0, 0);
        let mut newest: BTreeMap<String, u64> = BTreeMap::new();
        let mut waiting = HashSet::new();
        for step in &steps {
            match step {
                Step::Flush => {
                    bed.flush();
                    waiting.clear();
                }
                Step::Durable => resyncs += usize::from(bed.push(step) == Pushed::Dropped),
                Step::Lossy { .. } => {
                    lossy += 1;
                    lost_lossy += usize::from(bed.push(step) == Pushed::Dropped);
                }
                Step::Latest { key, .. } => {
                    let pushed = bed.push(step);
                    let replaces = waiting.contains(key);
                    prop_assert_eq!(pushed == Pushed::Conflated, replaces, "{:?}", pushed);
                    prop_assert!(*key != 0 || pushed != Pushed::Dropped);
                    if pushed != Pushed::Dropped {
                        waiting.insert(*key);
                        newest.insert(key_name(*key), bed.number);
                    }
                    prop_assert!(waiting.len() <= queue_latest + 1);
                }
            }
        }
        bed.flush();

        let sent = bed.numbers("lossy");
        prop_assert!(sent.is_sorted(), "lossy messages keep their order: {:?}", sent);
        prop_assert_eq!(sent.len() + lost_lossy, lossy, "what is missing was counted");

        let mut shown: BTreeMap<String, u64> = BTreeMap::new();
        for (_, key, number) in bed.sent.iter().filter(|(kind, _, _)| kind == "latest") {
            let before = shown.insert(key.clone(), *number);
            prop_assert!(before < Some(*number), "a value never goes back");
        }
        prop_assert_eq!(shown, newest, "the newest of each key arrives");

        // Complete and in order, or owned up to: then it goes on behind what was lost.
        let mut last = 0;
        let mut owned_up = 0;
        for (kind, _, number) in &bed.sent {
            match kind.as_str() {
                "durable" => {
                    prop_assert_eq!(*number, last + 1, "a gap without a word");
                    last = *number;
                }
                "resync" => {
                    prop_assert!(*number > last);
                    last = *number;
                    owned_up += 1;
                }
                _ => {}
            }
        }
        prop_assert_eq!(last, bed.head);
        prop_assert_eq!(owned_up, resyncs);
    }
}

#[test]
fn spec_nx5_a_newer_value_takes_the_place_of_the_older_in_its_own_subscription() {
    let limits = Limits { queue_frames: 2, queue_latest: 2, ..Limits::default() };
    let mut bed = Bed::new(&limits);
    let latest = |key| Step::Latest { key, size: 0 };
    assert_eq!(bed.push(&latest(1)), Pushed::Queued);
    assert_eq!(bed.push(&Step::Durable), Pushed::Queued);
    assert_eq!(bed.push(&latest(1)), Pushed::Conflated);
    assert_eq!(bed.push(&latest(2)), Pushed::Queued);
    assert_eq!(bed.push(&latest(3)), Pushed::Dropped, "a third key");
    assert_eq!(bed.push(&Step::Lossy { size: 0 }), Pushed::Queued, "values fill no frames");
    assert_eq!(bed.push(&Step::Lossy { size: 0 }), Pushed::Dropped);

    // A subscription that takes the place of this one has values of its own.
    let newer = Arc::new(Subscription::new(bed.subscription.channel().clone(), bed.head));
    let older = std::mem::replace(&mut bed.subscription, newer);
    bed.queue.take_lagging();
    assert_eq!(bed.push(&latest(0)), Pushed::Queued);
    older.end();
    bed.flush();
    assert_eq!(bed.sent, [("latest".into(), String::new(), bed.number)]);
    bed.push(&latest(3));
    bed.flush();
    assert_eq!(bed.sent.len(), 2, "there is room again");
}

#[test]
fn a_message_is_not_lost_with_the_durable_events_around_it() {
    let limits = Limits { queue_frames: 1, ..Limits::default() };
    let mut bed = Bed::new(&limits);
    assert_eq!(bed.push(&Step::Durable), Pushed::Queued);
    assert_eq!(bed.push(&Step::Durable), Pushed::Dropped);
    assert_eq!(bed.push(&Step::Durable), Pushed::Ignored);
    assert_eq!(bed.push(&Step::Latest { key: 1, size: 0 }), Pushed::Queued);
    bed.flush();
    let kinds: Vec<_> = bed.sent.iter().map(|(kind, _, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["latest", "resync"]);
}
