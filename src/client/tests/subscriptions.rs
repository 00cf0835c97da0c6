//! The subscriptions' promises, each under its own name.

use serde_json::value::RawValue;

use super::super::{
    event::{ClientEvent, OwnerId},
    subscriptions::{SubscriptionOutput as Out, Subscriptions},
};
use crate::contract::{ChannelName, ClientFrame, ErrorCode, LiveError, Position, ResyncReason};

const EPOCH: u64 = 0xabc;

fn at(offset: u64) -> Position {
    Position::new(EPOCH, offset)
}

/// Subscriptions whose outputs are written down as short lines.
struct Bench {
    subs: Subscriptions,
    lines: Vec<String>,
}

impl Bench {
    fn online() -> Self {
        let mut bench = Self { subs: Subscriptions::default(), lines: Vec::new() };
        bench.run(|subs, out| subs.connected(out));
        bench
    }

    fn run<R>(&mut self, f: impl FnOnce(&mut Subscriptions, &mut Vec<Out>) -> R) -> R {
        let mut out = Vec::new();
        let result = f(&mut self.subs, &mut out);
        for output in out {
            self.lines.push(line(&output));
        }
        result
    }

    fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.lines)
    }

    fn join(&mut self, since: Option<u64>) -> OwnerId {
        let name = ChannelName::new("room:a").unwrap();
        self.run(|subs, out| subs.subscribe(&name, since.map(at), out))
    }

    fn ack(&mut self, number: u64, position: u64, replay: usize) {
        self.run(|subs, out| subs.acknowledged(number, Some(at(position)), replay, out));
    }

    fn change(&mut self, offset: u64) {
        let payload = RawValue::from_string("1".into()).unwrap();
        self.run(|subs, out| subs.event("room:a", Some(at(offset)), payload, out));
    }

    fn message(&mut self) {
        let payload = RawValue::from_string("2".into()).unwrap();
        self.run(|subs, out| subs.event("room:a", None, payload, out));
    }

    fn resync(&mut self, position: Position, number: Option<u64>) {
        let reason = ResyncReason::Overflow;
        self.run(|subs, out| subs.resync("room:a", reason, position, number, out));
    }

    fn rebase(&mut self, owner: OwnerId, position: Position) {
        self.run(|subs, out| subs.rebase(owner, position, out));
    }
}

fn line(output: &Out) -> String {
    match output {
        Out::Send(ClientFrame::Subscribe { since, reference, .. }) => {
            let since = since.as_ref().map(|s| s.rsplit('-').next().unwrap().to_owned());
            let since = since.unwrap_or_else(|| "head".into());
            format!("subscribe #{} from {since}", reference.unwrap())
        }
        Out::Send(ClientFrame::Unsubscribe { .. }) => "unsubscribe".into(),
        Out::Send(other) => format!("{other:?}"),
        Out::Deliver { owner, event } => {
            let what = match event {
                ClientEvent::Change { position, .. } => format!("change {}", position.offset),
                ClientEvent::Message { .. } => "message".into(),
                ClientEvent::Presence(_) => "presence".into(),
                ClientEvent::Ready { position } => {
                    format!("ready {}", position.map_or("-".into(), |p| p.offset.to_string()))
                }
                ClientEvent::Resync { position, .. } => format!("resync {}", position.offset),
                ClientEvent::Refused(error) => format!("refused {}", error.code.as_str()),
            };
            format!("{}: {what}", owner.0)
        }
    }
}

#[test]
fn spec_en6_equal_subscriptions_are_shared_and_the_last_owner_ends_them() {
    let mut b = Bench::online();
    let (one, two) = (b.join(None), b.join(None));
    b.ack(1, 5, 0);
    b.change(6);
    assert_eq!(
        b.take(),
        ["subscribe #1 from head", "1: ready 5", "2: ready 5", "1: change 6", "2: change 6"]
    );
    b.run(|subs, out| subs.unsubscribe(one, out));
    b.run(|subs, out| subs.unsubscribe(one, out));
    b.change(7);
    b.run(|subs, out| subs.unsubscribe(two, out));
    b.change(8);
    assert_eq!(b.take(), ["2: change 7", "unsubscribe"]);
    assert!(b.subs.is_empty());
}

#[test]
fn missed_events_come_before_ready_and_repeated_ones_are_skipped() {
    let mut b = Bench::online();
    b.join(Some(3));
    b.ack(1, 3, 2);
    b.change(3);
    b.change(4);
    b.change(4);
    b.change(6);
    b.change(7);
    assert_eq!(
        b.take(),
        ["subscribe #1 from 3", "1: change 4", "1: change 6", "1: ready 6", "1: change 7"]
    );
}

#[test]
fn until_the_answer_with_the_same_number_changes_belong_to_an_older_subscription() {
    let mut b = Bench::online();
    let old = b.join(None);
    b.run(|subs, out| subs.unsubscribe(old, out));
    b.join(Some(2));
    b.take();
    b.ack(1, 9, 0);
    b.change(10);
    b.resync(at(10), None);
    b.resync(at(10), Some(1));
    assert!(b.take().is_empty());
    b.message();
    b.ack(2, 2, 1);
    b.change(10);
    assert_eq!(b.take(), ["2: message", "2: change 10", "2: ready 10"]);
}

#[test]
fn an_owner_from_further_back_asks_again_and_the_others_skip() {
    let mut b = Bench::online();
    b.join(Some(5));
    b.ack(1, 5, 0);
    b.change(8);
    b.take();
    b.join(Some(6));
    b.change(9); // still of the first subscription: comes again below
    b.ack(2, 6, 2);
    b.change(8);
    b.change(9);
    assert_eq!(
        b.take(),
        ["subscribe #2 from 6", "2: change 8", "1: change 9", "2: change 9", "2: ready 9"]
    );
}

#[test]
fn an_owner_that_missed_nothing_does_not_ask_again() {
    let mut b = Bench::online();
    b.join(Some(5));
    b.ack(1, 5, 0);
    b.run(|subs, out| subs.heartbeat(at(50), out));
    b.take();
    // Nothing happened on the channel between 5 and 50.
    b.join(Some(20));
    b.join(None);
    b.change(51);
    let ready = ["2: ready 20", "3: ready 5"];
    assert_eq!(b.take(), [&ready[..], &["1: change 51", "2: change 51", "3: change 51"]].concat());
}

#[test]
fn who_joins_from_further_back_while_the_answer_is_under_way_is_served_after_it() {
    let mut b = Bench::online();
    b.join(None);
    b.join(Some(4));
    assert_eq!(b.take(), ["subscribe #1 from head"]);
    b.ack(1, 9, 0);
    assert_eq!(b.take(), ["1: ready 9", "subscribe #2 from 4"]);
    b.change(10); // of the first subscription
    b.ack(2, 4, 2);
    b.change(7);
    b.change(10);
    let lines = b.take();
    assert_eq!(lines, ["2: change 7", "1: change 10", "2: change 10", "2: ready 10"]);
}

#[test]
fn a_listener_does_not_get_what_happened_before_it_joined() {
    let mut b = Bench::online();
    b.join(Some(3));
    b.ack(1, 3, 2);
    b.join(None);
    b.change(4);
    b.message();
    b.change(5);
    b.change(6);
    assert_eq!(
        b.take()[1..],
        [
            "1: change 4",
            "1: message",
            "2: message",
            "1: change 5",
            "1: ready 5",
            "2: ready 5",
            "1: change 6",
            "2: change 6"
        ]
    );
}

#[test]
fn a_new_socket_subscribes_from_the_lowest_position() {
    let mut b = Bench::online();
    let slow = b.join(Some(3));
    b.join(None);
    b.ack(1, 3, 0);
    b.change(4);
    b.rebase(slow, at(2));
    b.take();
    b.subs.disconnected();
    b.change(9);
    b.message();
    assert!(b.take().is_empty(), "nothing of the old socket");
    b.run(|subs, out| subs.connected(out));
    b.ack(3, 2, 2);
    b.change(4);
    b.change(5);
    assert_eq!(
        b.take(),
        [
            "subscribe #3 from 2",
            "1: change 4",
            "1: change 5",
            "2: change 5",
            "1: ready 5",
            "2: ready 5"
        ]
    );
}

#[test]
fn a_resync_freezes_owners_with_state_until_they_rebase() {
    let mut b = Bench::online();
    let owner = b.join(Some(3));
    b.join(None);
    b.ack(1, 3, 0);
    b.take();
    b.resync(at(20), None);
    b.change(21);
    b.resync(at(22), None);
    b.message();
    assert_eq!(
        b.take(),
        [
            "1: resync 20",
            "2: resync 20",
            "2: change 21",
            "2: resync 22",
            "1: message",
            "2: message"
        ]
    );
    // The snapshot is from before 22: what lies between has to be sent again.
    b.rebase(owner, at(21));
    assert_eq!(b.take(), ["subscribe #2 from 21"]);
    b.ack(2, 21, 1);
    b.change(23);
    assert_eq!(b.take(), ["1: change 23", "2: change 23", "1: ready 23"]);
}

#[test]
fn a_rebase_that_missed_nothing_goes_on_at_once() {
    let mut b = Bench::online();
    let owner = b.join(Some(3));
    b.resync(at(20), Some(1));
    b.rebase(owner, at(20));
    b.change(21);
    assert_eq!(b.take()[1..], ["1: resync 20", "1: ready 20", "1: change 21"]);
}

#[test]
fn frozen_owners_do_not_hold_back_the_others_on_a_new_socket() {
    let mut b = Bench::online();
    let frozen = b.join(Some(3));
    b.resync(at(20), Some(1));
    b.subs.disconnected();
    b.take();
    b.run(|subs, out| subs.connected(out));
    b.ack(2, 30, 0);
    b.change(31);
    assert_eq!(b.take(), ["subscribe #2 from head"]);
    b.rebase(frozen, at(29));
    b.ack(3, 29, 1);
    b.change(31);
    assert_eq!(b.take(), ["subscribe #3 from 29", "1: change 31", "1: ready 31"]);
}

#[test]
fn heartbeats_move_positions_up_but_never_down_and_not_during_a_replay() {
    let mut b = Bench::online();
    b.join(Some(3));
    b.run(|subs, out| subs.heartbeat(at(90), out));
    b.ack(1, 3, 1);
    b.run(|subs, out| subs.heartbeat(at(91), out));
    b.change(7);
    b.run(|subs, out| subs.heartbeat(at(40), out));
    b.run(|subs, out| subs.heartbeat(at(39), out));
    b.run(|subs, out| subs.heartbeat(Position::new(1, 99), out));
    assert_eq!(b.take(), ["subscribe #1 from 3", "1: change 7", "1: ready 7", "1: ready 40"]);
    b.subs.disconnected();
    b.run(|subs, out| subs.connected(out));
    assert_eq!(b.take(), ["subscribe #2 from 40"]);
}

#[test]
fn a_refused_subscription_ends_for_every_owner() {
    let mut b = Bench::online();
    b.join(None);
    b.join(None);
    let error = LiveError::new(ErrorCode::UnknownChannel, "no such table");
    assert!(!b.run(|subs, out| subs.refused(9, &error, out)));
    assert!(b.run(|subs, out| subs.refused(1, &error, out)));
    assert_eq!(b.take()[1..], ["1: refused unknown_channel", "2: refused unknown_channel"]);
    assert!(b.subs.is_empty());

    let mut b = Bench::online();
    b.join(Some(5));
    b.ack(1, 5, 0);
    b.join(Some(1));
    b.take();
    b.run(|subs, out| subs.refused(2, &error, out));
    assert_eq!(b.take()[0], "unsubscribe", "the older subscription must not live on");
}

#[test]
fn a_channel_that_the_server_ends_is_over_for_every_owner() {
    let mut bench = Bench::online();
    bench.join(Some(5));
    let error = LiveError::new(ErrorCode::UnknownChannel, "switched off");
    assert!(!bench.run(|subs, out| subs.ended("room:a", &error, out)), "not answered yet");
    bench.ack(1, 5, 0);
    assert!(!bench.run(|subs, out| subs.ended("room:b", &error, out)));
    assert!(bench.run(|subs, out| subs.ended("room:a", &error, out)));
    assert!(bench.subs.is_empty());
}

#[test]
fn positions_of_another_epoch_end_in_a_resync_never_in_a_mix() {
    let mut b = Bench::online();
    b.join(Some(50));
    b.ack(1, 50, 0);
    let name = ChannelName::new("room:a").unwrap();
    let newer = Position::new(EPOCH + 1, 2);
    b.run(|subs, out| subs.subscribe(&name, Some(newer), out));
    b.run(|subs, out| subs.acknowledged(2, Some(newer), 0, out));
    let payload = RawValue::from_string("1".into()).unwrap();
    let next = Position::new(EPOCH + 1, 3);
    b.run(|subs, out| subs.event("room:a", Some(next), payload, out));
    assert_eq!(b.take()[2..], ["subscribe #2 from 2", "1: resync 2", "2: ready 2", "2: change 3"]);
}

#[test]
fn a_channel_without_a_log_works_too() {
    let mut b = Bench::online();
    b.join(None);
    b.run(|subs, out| subs.acknowledged(1, None, 0, out));
    b.message();
    b.change(4);
    assert_eq!(b.take()[1..], ["1: ready -", "1: message", "1: change 4"]);
}
