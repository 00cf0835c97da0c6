//! What the client measures, and how it goes on after a refusal that is not for good.

use super::super::{
    ClientConfig,
    core::{ClientCore, Input, Output},
    event::ClientEvent,
};
use crate::contract::{ChannelName, ErrorCode};

const WELCOME: &str = r#"{"type":"welcome","contract":"same","limits":{"max_message_bytes":1,"max_subscriptions":1,"heartbeat_ms":1}}"#;

/// A core whose socket is open, and what it has to do.
struct Bench {
    core: ClientCore,
    outputs: Vec<Output>,
    now_ms: u64,
}

impl Bench {
    fn online(config: &ClientConfig) -> Self {
        let core = ClientCore::new(config, 7);
        let mut bench = Self { core, outputs: Vec::new(), now_ms: 0 };
        bench.feed(Input::Connect);
        bench.feed(Input::Opened { generation: 1 });
        bench.sent();
        bench
    }

    fn feed(&mut self, input: Input<'_>) {
        self.core.handle(input, self.now_ms);
        self.outputs.extend(std::iter::from_fn(|| self.core.next_output()));
    }

    fn receive(&mut self, text: &str) {
        self.feed(Input::Frame { generation: 1, text });
    }

    /// Turns the clock forward to the next deadline.
    fn due(&mut self) {
        self.now_ms = self.core.next_deadline().expect("something is to come");
        self.feed(Input::Tick);
    }

    /// The frames sent since the last call.
    fn sent(&mut self) -> Vec<String> {
        let outputs = std::mem::take(&mut self.outputs);
        let frames = outputs.into_iter().filter_map(|output| match output {
            Output::Send { text, .. } => Some(text).filter(|text| !text.contains("\"hello\"")),
            _ => None,
        });
        frames.collect()
    }

    fn subscribe(&mut self) {
        self.core.subscribe(&ChannelName::new("room:a").unwrap(), None, self.now_ms);
        self.outputs.extend(std::iter::from_fn(|| self.core.next_output()));
    }

    fn refusal(&mut self) -> Option<ErrorCode> {
        let mut outputs = self.outputs.iter();
        outputs.find_map(|output| match output {
            Output::Deliver { event: ClientEvent::Refused(error), .. } => Some(error.code),
            _ => None,
        })
    }
}

#[test]
fn spec_en8_a_heartbeat_measures_the_round_trip_and_tells_the_last_one() {
    let mut bench = Bench::online(&ClientConfig::default());
    assert_eq!(bench.core.health(), Default::default());
    bench.due();
    assert_eq!(bench.sent(), [r#"{"type":"heartbeat"}"#]);
    bench.now_ms += 42;
    bench.receive(r#"{"type":"heartbeat"}"#);
    assert_eq!(bench.core.health().rtt_ms, Some(42));
    // One that the server sends by itself says nothing.
    bench.now_ms += 1_000;
    bench.receive(r#"{"type":"heartbeat"}"#);
    assert_eq!(bench.core.health().rtt_ms, Some(42));
    for took in [3, 17, 5] {
        bench.core.applied(took);
    }
    assert_eq!(bench.core.health().applied_ms, Some(17));
    bench.due();
    assert_eq!(bench.sent(), [r#"{"type":"heartbeat","rtt_ms":42,"applied_ms":17}"#]);
    // The longest since then; until there is one, the last that was told is shown.
    assert_eq!(bench.core.health().applied_ms, Some(17));
    bench.receive(r#"{"type":"heartbeat"}"#);
    bench.due();
    assert_eq!(bench.sent(), [r#"{"type":"heartbeat","rtt_ms":0}"#]);
}

#[test]
fn spec_en8_the_first_round_trip_is_the_greetings() {
    let config = ClientConfig { contract: Some("A=1".into()), ..ClientConfig::default() };
    let mut bench = Bench::online(&config);
    bench.now_ms += 9;
    bench.receive(WELCOME);
    assert_eq!(bench.core.health().rtt_ms, Some(9));
}

#[test]
fn spec_en8_a_lost_connection_ends_the_measurement() {
    let mut bench = Bench::online(&ClientConfig::default());
    bench.due();
    bench.feed(Input::Closed { generation: 1, code: 1006 });
    bench.due();
    bench.now_ms += 5_000;
    bench.feed(Input::Opened { generation: 2 });
    bench.now_ms += 9;
    bench.feed(Input::Frame { generation: 2, text: WELCOME });
    assert_eq!(bench.core.health().rtt_ms, Some(9), "of the greeting, not of what was lost");
}

#[test]
fn spec_sy7_a_subscription_refused_for_now_is_asked_for_again_when_the_server_says() {
    let mut bench = Bench::online(&ClientConfig::default());
    bench.subscribe();
    assert_eq!(bench.sent(), [r#"{"type":"subscribe","channel":"room:a","ref":1}"#]);
    bench.receive(
        r#"{"type":"error","code":"rate_limited","error":"slowly","channel":"room:a","ref":1,"retry_after_ms":4000}"#,
    );
    assert_eq!((bench.refusal(), bench.sent().len()), (None, 0));
    bench.due();
    assert!((4_000..=4_250).contains(&bench.now_ms), "{}", bench.now_ms);
    assert_eq!(bench.sent(), [r#"{"type":"subscribe","channel":"room:a","ref":2}"#]);
    bench.receive(
        r#"{"type":"ack","channel":"room:a","position":"0000000000000001-5","replay":0,"ref":2}"#,
    );
    let ready = |output: &Output| {
        matches!(output, Output::Deliver { event: ClientEvent::Ready { .. }, .. })
    };
    assert!(bench.outputs.iter().any(ready));
}

#[test]
fn spec_sy10_a_server_that_fails_is_asked_again_with_a_growing_wait() {
    let mut bench = Bench::online(&ClientConfig::default());
    bench.subscribe();
    let mut waits = Vec::new();
    for reference in 1..=9 {
        bench.receive(&format!(
            r#"{{"type":"error","code":"internal","error":"?","channel":"room:a","ref":{reference}}}"#
        ));
        assert_eq!(bench.refusal(), None);
        bench.sent();
        let refused_at = bench.now_ms;
        while !bench.sent().iter().any(|frame| frame.contains("subscribe")) {
            bench.due();
        }
        waits.push(bench.now_ms - refused_at);
    }
    for (failures, wait) in waits.iter().enumerate() {
        let bound = (500 << failures).min(30_000);
        assert!((bound / 2..=bound).contains(wait), "{waits:?}");
    }
    // One that is for good ends it.
    bench.receive(
        r#"{"type":"error","code":"permission_denied","error":"no","channel":"room:a","ref":10}"#,
    );
    assert_eq!(bench.refusal(), Some(ErrorCode::PermissionDenied));
    assert_eq!(bench.core.channels(), 0);
}

#[test]
fn spec_sy7_a_postponed_subscription_can_be_left_and_does_not_outlive_its_socket() {
    let mut bench = Bench::online(&ClientConfig::default());
    let channel = ChannelName::new("room:a").unwrap();
    let owner = bench.core.subscribe(&channel, None, 0);
    bench.receive(
        r#"{"type":"error","code":"rate_limited","error":"slowly","channel":"room:a","ref":1,"retry_after_ms":4000}"#,
    );
    bench.sent();
    bench.core.unsubscribe(owner, 0);
    bench.feed(Input::Tick);
    assert_eq!(bench.sent().len(), 0, "the server knows of no subscription to end");
    assert!(bench.core.next_deadline().unwrap() > 20_000, "nothing is asked for again");

    bench.core.subscribe(&channel, None, 0);
    bench.receive(
        r#"{"type":"error","code":"rate_limited","error":"slowly","channel":"room:a","ref":2,"retry_after_ms":4000}"#,
    );
    bench.feed(Input::Closed { generation: 1, code: 1006 });
    bench.due();
    assert!(bench.now_ms < 4_000, "the connection comes back first");
    bench.sent();
    bench.feed(Input::Opened { generation: 2 });
    assert_eq!(bench.sent(), [r#"{"type":"subscribe","channel":"room:a","ref":3}"#]);
    bench.now_ms = 4_500;
    bench.feed(Input::Tick);
    assert_eq!(bench.sent().len(), 0, "it is under way already");
}
