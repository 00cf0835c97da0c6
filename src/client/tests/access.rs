//! What a client does when what it may see has changed: it comes back at once, and forgets.

use serde_json::value::RawValue;

use super::super::{
    config::ClientConfig,
    core::{ClientCore, Input, Output},
    event::{ClientEvent, OwnerId},
    presence::PresenceEvent,
    state::ConnectionState,
};
use crate::contract::{ChannelName, Position, close};

/// A core, and what it has to do.
struct Bench {
    core: ClientCore,
    outputs: Vec<Output>,
    generation: u64,
    now_ms: u64,
}

impl Bench {
    fn new(view: Option<&str>) -> Self {
        let config = ClientConfig { view: view.map(Into::into), ..ClientConfig::default() };
        let core = ClientCore::new(&config, 7);
        let mut bench = Self { core, outputs: Vec::new(), generation: 0, now_ms: 0 };
        bench.feed(Input::Connect);
        bench
    }

    fn take(&mut self) {
        self.outputs.extend(std::iter::from_fn(|| self.core.next_output()));
        for output in &self.outputs {
            if let Output::Open { generation, .. } = output {
                self.generation = *generation;
            }
        }
    }

    fn feed(&mut self, input: Input<'_>) {
        self.core.handle(input, self.now_ms);
        self.take();
    }

    fn open(&mut self) {
        self.feed(Input::Opened { generation: self.generation });
    }

    fn close(&mut self, code: u16) -> u64 {
        self.feed(Input::Closed { generation: self.generation, code });
        match self.core.state() {
            ConnectionState::Reconnecting { retry_in_ms, .. } => retry_in_ms,
            other => panic!("{other:?}"),
        }
    }

    fn due(&mut self) {
        self.now_ms = self.core.next_deadline().expect("something is to come");
        self.feed(Input::Tick);
    }

    fn receive(&mut self, text: &str) {
        self.feed(Input::Frame { generation: self.generation, text });
    }

    fn welcome(&mut self, view: &str) {
        self.receive(&format!(
            r#"{{"type":"welcome","contract":"same","limits":{{"max_message_bytes":1,"max_subscriptions":1,"heartbeat_ms":1}},"view":"{view}"}}"#
        ));
    }

    fn subscribe(&mut self, since: Option<Position>) -> OwnerId {
        let owner = self.core.subscribe(&room(), since, self.now_ms);
        self.take();
        owner
    }

    fn ack(&mut self, number: u64, offset: u64) {
        let position = at(offset);
        self.receive(&format!(
            r#"{{"type":"ack","channel":"room:a","position":"{position}","replay":0,"ref":{number}}}"#
        ));
    }

    fn change(&mut self, offset: u64) {
        let position = at(offset);
        self.receive(&format!(
            r#"{{"type":"broadcast","channel":"room:a","position":"{position}","payload":{{}}}}"#
        ));
    }

    /// The frames sent and the events handed out since the last call, as short lines.
    fn lines(&mut self) -> Vec<String> {
        let outputs = std::mem::take(&mut self.outputs);
        let lines = outputs.into_iter().filter_map(|output| match output {
            Output::Send { text, .. } => Some(text),
            Output::Deliver { owner, event } => Some(format!(
                "{}: {}",
                owner.0,
                match event {
                    ClientEvent::Change { position, .. } => format!("change {}", position.offset),
                    ClientEvent::Ready { position } => {
                        format!("ready {}", position.map_or(0, |position| position.offset))
                    }
                    ClientEvent::Resync { reason, .. } => format!("{reason:?}"),
                    ClientEvent::Presence(PresenceEvent::State(users)) => {
                        format!("{} users", users.len())
                    }
                    ClientEvent::Presence(PresenceEvent::Stale) => "stale".into(),
                    other => format!("{other:?}"),
                }
            )),
            _ => None,
        });
        lines.collect()
    }
}

fn room() -> ChannelName {
    ChannelName::new("room:a").unwrap()
}

const fn at(offset: u64) -> Position {
    Position::new(1, offset)
}

const HELLO: &str = r#"{"type":"hello"}"#;

#[test]
fn spec_sy5_an_equal_view_goes_on_and_the_first_one_is_just_learnt() {
    let mut bench = Bench::new(None);
    bench.subscribe(Some(at(3)));
    bench.open();
    bench.welcome("ann");
    bench.ack(1, 3);
    bench.change(4);
    let subscribe = |since, number| {
        format!(
            r#"{{"type":"subscribe","channel":"room:a","since":"{}","ref":{number}}}"#,
            at(since)
        )
    };
    let seen = bench.lines();
    assert_eq!(seen, [HELLO, &subscribe(3, 1), "1: ready 3", "1: change 4"]);
    bench.close(1006);
    bench.due();
    bench.open();
    bench.welcome("ann");
    bench.ack(2, 4);
    assert_eq!(bench.lines(), [HELLO, &subscribe(4, 2), "1: ready 4"]);
    assert_eq!(bench.core.views(), 0);
}

#[test]
fn spec_sy5_another_view_makes_everybody_forget_and_ask_without_a_position() {
    let mut bench = Bench::new(None);
    let list = bench.subscribe(Some(at(3)));
    let listener = bench.subscribe(None);
    bench.open();
    bench.welcome("ann");
    bench.ack(1, 3);
    bench.change(4);
    bench.close(close::ACCESS);
    bench.due();
    bench.open();
    bench.lines();
    bench.welcome("bob");
    let again = r#"{"type":"subscribe","channel":"room:a","ref":3}"#;
    assert_eq!(bench.lines(), ["1: Permission", "2: Permission", again]);
    assert_eq!(bench.core.views(), 1);
    // What was asked for before the welcome is not answered to anybody.
    bench.ack(2, 4);
    bench.change(5);
    assert_eq!(bench.lines(), [""; 0]);
    bench.ack(3, 9);
    bench.change(10);
    assert_eq!(bench.lines(), ["2: ready 9", "2: change 10"], "who has no rows goes on");
    bench.core.rebase(list, at(9), bench.now_ms);
    bench.take();
    let behind =
        format!(r#"{{"type":"subscribe","channel":"room:a","since":"{}","ref":4}}"#, at(9));
    assert_eq!(bench.lines(), [behind]);
    bench.core.unsubscribe(listener, bench.now_ms);
    // The new one is the known one.
    bench.close(1006);
    bench.due();
    bench.open();
    bench.lines();
    bench.welcome("bob");
    assert_eq!(bench.lines(), [""; 0]);
}

#[test]
fn spec_sy5_a_page_that_was_rendered_for_somebody_else_forgets_it_at_the_first_welcome() {
    let mut bench = Bench::new(Some("ann"));
    bench.subscribe(Some(at(3)));
    bench.open();
    bench.lines();
    bench.welcome("ann");
    assert_eq!(bench.lines(), [""; 0]);
    let mut bench = Bench::new(Some("ann"));
    bench.subscribe(Some(at(3)));
    bench.open();
    bench.lines();
    bench.welcome("bob");
    let again = r#"{"type":"subscribe","channel":"room:a","ref":2}"#;
    assert_eq!(bench.lines(), ["1: Permission", again]);
}

#[test]
fn spec_sy5_a_list_that_is_loading_is_told_too() {
    let mut bench = Bench::new(Some("ann"));
    bench.subscribe(Some(at(3)));
    bench.open();
    bench.receive(&format!(
        r#"{{"type":"resync","channel":"room:a","reason":"too_old","position":"{}","ref":1}}"#,
        at(7)
    ));
    bench.close(1006);
    bench.due();
    bench.open();
    bench.lines();
    bench.welcome("bob");
    assert_eq!(bench.lines()[0], "1: Permission", "what it loads may be ann's");
}

#[test]
fn spec_sy5_another_view_forgets_who_was_there() {
    let mut bench = Bench::new(Some("ann"));
    let data = RawValue::from_string("{}".into()).ok();
    bench.core.subscribe_to_presence(&room(), data, 0);
    bench.open();
    bench.ack(1, 3);
    let state = r#"{"type":"presence_state","channel":"room:a","users":[{"userId":"7","data":{},"joinedAt":1}]}"#;
    bench.receive(state);
    bench.lines();
    bench.welcome("bob");
    assert_eq!(bench.core.online_users(&room()).len(), 0);
    let lines = bench.lines();
    assert!(
        lines.contains(&"1: 0 users".into()) && lines.contains(&"1: stale".into()),
        "{lines:?}"
    );
    bench.receive(state);
    assert_eq!(bench.lines(), ["1: 1 users"]);
}

#[test]
fn spec_sy5_who_is_sent_away_comes_back_at_once_but_not_again_and_again() {
    let mut waits = Vec::new();
    for seed in 0..50 {
        let mut bench = Bench::new(None);
        bench.core = ClientCore::new(&ClientConfig::default(), seed);
        bench.feed(Input::Connect);
        bench.open();
        bench.welcome("ann");
        bench.now_ms += 60_000;
        waits.push(bench.close(close::ACCESS));
    }
    assert!(waits.iter().all(|wait| *wait <= 200), "{waits:?}");
    assert!(waits.iter().any(|wait| *wait > 100), "not all at the same moment");

    let mut bench = Bench::new(None);
    let mut longest = 0;
    for failures in 0..12 {
        bench.open();
        bench.welcome("ann");
        let wait = bench.close(close::ACCESS);
        assert!(wait <= (500_u64 << failures.min(10)).min(30_000), "{failures}: {wait}");
        longest = longest.max(wait);
        bench.due();
    }
    assert!(longest > 2_000, "the back-off grows");
}
