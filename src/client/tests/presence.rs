//! The client's presences: one a channel, said anew after every reconnect, folded into a list.

use serde_json::{Value, json, value::RawValue};

use super::super::{
    config::ClientConfig,
    core::{ClientCore, Input, Output},
    event::{ClientEvent, OwnerId},
    presence::PresenceEvent,
};
use crate::contract::ChannelName;

/// A client whose socket is this test.
struct Bench {
    core: ClientCore,
    generation: u64,
    sent: Vec<Value>,
    told: Vec<String>,
}

fn room() -> ChannelName {
    ChannelName::new("room:a").unwrap()
}

fn raw(value: Value) -> Box<RawValue> {
    RawValue::from_string(value.to_string()).unwrap()
}

impl Bench {
    fn online() -> Self {
        let mut core = ClientCore::new(&ClientConfig::default(), 1);
        core.handle(Input::Connect, 0);
        let mut bench = Self { core, generation: 0, sent: Vec::new(), told: Vec::new() };
        bench.work();
        bench.open();
        bench
    }

    fn open(&mut self) {
        self.core.handle(Input::Opened { generation: self.generation }, 0);
        self.work();
    }

    fn lose(&mut self) {
        self.core.handle(Input::Closed { generation: self.generation, code: 1006 }, 0);
        self.core.handle(Input::RetryNow, 0);
        self.work();
    }

    fn receive(&mut self, frame: Value) {
        let text = frame.to_string();
        self.core.handle(Input::Frame { generation: self.generation, text: &text }, 0);
        self.work();
    }

    fn work(&mut self) {
        while let Some(output) = self.core.next_output() {
            match output {
                Output::Open { generation, .. } => self.generation = generation,
                Output::Send { text, .. } => {
                    let mut frame: Value = serde_json::from_str(&text).unwrap();
                    frame.as_object_mut().unwrap().remove("ref");
                    if frame["type"] != "hello" {
                        self.sent.push(frame);
                    }
                }
                Output::Deliver { owner, event: ClientEvent::Presence(event) } => {
                    let line = match event {
                        PresenceEvent::State(users) => format!("state {}", users.len()),
                        PresenceEvent::Changed(user) => format!("changed {}", user.user_id),
                        PresenceEvent::Left(user) => format!("left {}", user.user_id),
                        PresenceEvent::Count(count) => format!("count {count}"),
                        PresenceEvent::Stale => "stale".into(),
                        PresenceEvent::Refused(error) => error.code.as_str().into(),
                    };
                    self.told.push(format!("{}: {line}", owner.0));
                }
                _ => {}
            }
        }
    }

    fn join(&mut self, data: Option<Value>) -> OwnerId {
        let owner = self.core.subscribe_to_presence(&room(), data.map(raw), 0);
        self.work();
        owner
    }

    fn sent(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.sent)
    }

    fn told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.told)
    }

    fn state(&mut self, ids: &[&str]) {
        let user = |id: &&str| json!({"userId": id, "data": {}, "joinedAt": 1});
        let users: Vec<Value> = ids.iter().map(user).collect();
        self.receive(json!({"type": "presence_state", "channel": "room:a", "users": users}));
    }

    fn difference(&mut self, action: &str, id: &str) {
        let frame = json!({"type": "presence_update", "channel": "room:a", "action": action,
            "userId": id, "data": {}, "joinedAt": 2});
        self.receive(frame);
    }

    fn ids(&self) -> Vec<&str> {
        self.core.online_users(&room()).iter().map(|user| user.user_id.as_str()).collect()
    }
}

fn subscribe() -> Value {
    json!({"type": "subscribe", "channel": "room:a"})
}

fn presence(fields: Value) -> Value {
    let mut frame = json!({"type": "presence", "channel": "room:a"});
    frame.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    frame
}

#[test]
fn spec_bq5_one_presence_is_shared_by_all_owners_of_a_channel() {
    let mut bench = Bench::online();
    let watcher = bench.join(None);
    assert_eq!(bench.sent(), [subscribe(), presence(json!({}))]);
    bench.state(&["x"]);
    let ann = bench.join(Some(json!({"say": "one"})));
    assert_eq!(bench.sent(), [presence(json!({"data": {"say": "one"}}))]);
    assert_eq!(bench.told(), ["1: state 1", "2: state 1"]);
    bench.core.update_presence(ann, raw(json!({"say": "two"})), 0);
    let second = bench.join(Some(json!({"say": "three"})));
    bench.core.unsubscribe(second, 0);
    bench.core.unsubscribe(ann, 0);
    bench.core.unsubscribe(watcher, 0);
    bench.work();
    let says = |text: &str| presence(json!({"data": {"say": text}}));
    let expected = [
        says("two"),
        says("three"),
        says("two"),
        presence(json!({"leave": true})),
        json!({"type": "unsubscribe", "channel": "room:a"}),
    ];
    assert_eq!(bench.sent(), expected);
}

#[test]
fn spec_ig5_the_set_comes_first_and_differences_are_folded_in() {
    let mut bench = Bench::online();
    bench.join(None);
    // Of an older subscription: there is no set yet to which it could belong.
    bench.difference("join", "ghost");
    assert!(bench.ids().is_empty());
    bench.state(&["a", "b"]);
    bench.difference("leave", "nobody");
    bench.difference("update", "c");
    bench.difference("join", "a");
    bench.difference("leave", "b");
    assert_eq!(bench.ids(), ["a", "c"]);
    bench.receive(json!({"type": "presence_count", "channel": "room:a", "count": 700}));
    assert!(bench.ids().is_empty());
    bench.state(&["z"]);
    assert_eq!(bench.ids(), ["z"]);
    let told = bench.told();
    assert_eq!(told[0], "1: state 2");
    assert_eq!(told[told.len() - 2..], ["1: count 700", "1: state 1"]);
}

#[test]
fn spec_bq3_presence_is_said_anew_after_a_reconnect_and_the_list_survives() {
    let mut bench = Bench::online();
    bench.core.set_idle(true, 0);
    bench.join(Some(json!({"say": "one"})));
    let both = [subscribe(), presence(json!({"data": {"say": "one"}, "idle": true}))];
    assert_eq!(bench.sent(), both);
    bench.state(&["me", "you"]);
    bench.lose();
    assert_eq!(bench.told(), ["1: state 2", "1: stale"]);
    assert_eq!(bench.ids(), ["me", "you"]);
    bench.open();
    assert_eq!(bench.sent(), both);
    bench.state(&["me"]);
    assert_eq!(bench.told(), ["1: state 1"]);
}

#[test]
fn spec_sy2_idleness_of_the_page_is_told_once_in_each_channel_where_it_is_shown() {
    let mut bench = Bench::online();
    bench.join(Some(json!({})));
    let other = ChannelName::new("room:b").unwrap();
    bench.core.subscribe_to_presence(&other, None, 0);
    bench.work();
    bench.sent();
    for idle in [true, true, false] {
        bench.core.set_idle(idle, 0);
    }
    bench.work();
    let expected = [presence(json!({"idle": true})), presence(json!({"idle": false}))];
    assert_eq!(bench.sent(), expected);
}

#[test]
fn a_refusal_reaches_the_owners_and_a_refused_channel_ends() {
    let mut bench = Bench::online();
    bench.join(Some(json!({})));
    let refuse = |bench: &mut Bench, number: u64, code: &str| {
        bench.receive(json!({"type": "error", "code": code, "error": "no", "channel": "room:a", "ref": number}));
    };
    refuse(&mut bench, 2, "permission_denied");
    assert_eq!(bench.told(), ["1: permission_denied"]);
    refuse(&mut bench, 1, "permission_denied");
    bench.sent();
    bench.lose();
    bench.open();
    assert!(bench.sent().is_empty(), "nothing is asked for again");
}

#[test]
fn spec_sy7_a_presence_that_is_refused_for_now_is_asked_for_again() {
    let mut bench = Bench::online();
    let owner = bench.join(Some(json!({"say": "one"})));
    assert_eq!(bench.sent(), [subscribe(), presence(json!({"data": {"say": "one"}}))]);
    // Both are refused: the presence because there is no subscription yet.
    let refuse = |bench: &mut Bench, number: u64, code: &str| {
        bench.receive(json!({"type": "error", "code": code, "error": "", "channel": "room:a",
            "ref": number, "retry_after_ms": 2_000}));
    };
    refuse(&mut bench, 1, "rate_limited");
    refuse(&mut bench, 2, "not_subscribed");
    let wake = |bench: &mut Bench| {
        let due = bench.core.next_deadline().unwrap();
        bench.core.handle(Input::Tick, due);
        bench.work();
        due
    };
    assert!(wake(&mut bench) >= 2_000);
    assert_eq!(bench.sent(), [subscribe(), presence(json!({"data": {"say": "one"}}))]);

    // Only the presence is refused; what is said meanwhile waits for it.
    refuse(&mut bench, 4, "rate_limited");
    bench.core.update_presence(owner, raw(json!({"say": "two"})), 2_000);
    bench.work();
    assert_eq!(bench.sent(), [Value::Null; 0]);
    wake(&mut bench);
    assert_eq!(bench.sent(), [presence(json!({"data": {"say": "two"}}))]);
    assert_eq!(bench.told(), [""; 0], "nobody is told of what mends itself");
}
