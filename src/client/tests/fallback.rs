//! Which transport a client takes, and when: the connection's promises with a virtual clock.

use proptest::prelude::*;

use super::super::{
    config::{ClientConfig, Transports},
    connection::{Connection, ConnectionInput as In, ConnectionOutput as Out},
    state::ConnectionState as State,
};
use crate::contract::Transport::{self, EventStream, WebSocket};

/// A client whose tries end as the test says.
struct Bench {
    connection: Connection,
    now: u64,
    /// What was asked for last.
    open: Option<(u64, Transport)>,
}

impl Bench {
    fn new(config: &ClientConfig, seed: u64) -> Self {
        let mut bench = Self { connection: Connection::new(config, seed), now: 1_000, open: None };
        bench.say(In::Connect);
        bench
    }

    fn say(&mut self, input: In) {
        let mut out = Vec::new();
        self.connection.handle(input, self.now, &mut out);
        for output in out {
            if let Out::Open { generation, transport } = output {
                self.open = Some((generation, transport));
            }
        }
    }

    /// The transport of the try that is under way.
    fn transport(&self) -> Transport {
        self.open.expect("a try").1
    }

    /// Ends the connection or try, and goes on to the next one; returns the wait in between.
    fn end(&mut self) -> u64 {
        let (generation, _) = self.open.take().expect("a try");
        self.say(In::Closed { generation, code: 1006 });
        let State::Reconnecting { retry_in_ms, .. } = self.connection.state() else { panic!() };
        self.now = self.connection.next_deadline().expect("a deadline");
        self.say(In::Tick);
        retry_in_ms
    }

    /// The try succeeds, and brings a frame if it is `valid`.
    fn opens(&mut self, valid: bool) {
        let (generation, transport) = self.open.expect("a try");
        self.say(In::Opened { generation });
        self.say(In::FrameReceived { generation, valid });
        assert_eq!(self.connection.transport(), Some(transport));
    }

    fn lives(&mut self, ms: u64) {
        self.opens(true);
        self.now += ms;
    }
}

fn bench() -> Bench {
    Bench::new(&ClientConfig::default(), 7)
}

#[test]
fn spec_en1_two_failures_lead_to_an_event_stream_at_once() {
    for seed in 0..50 {
        let mut b = Bench::new(&ClientConfig::default(), seed);
        assert_eq!(b.transport(), WebSocket);
        assert_eq!(b.connection.transport(), None, "nothing is open");
        b.end();
        assert_eq!(b.transport(), WebSocket);
        assert_eq!(b.end(), 0);
        assert_eq!(b.transport(), EventStream);
        b.opens(true);
    }
}

#[test]
fn spec_en1_a_websocket_that_never_says_anything_valid_has_failed() {
    let mut b = bench();
    for _ in 0..2 {
        assert_eq!(b.transport(), WebSocket);
        b.opens(false);
        b.now += 10_000;
        b.end();
    }
    assert_eq!(b.transport(), EventStream);
}

#[test]
fn spec_en1_where_a_websocket_has_worked_five_have_to_fail() {
    let mut b = bench();
    b.lives(10);
    for failure in 0..6 {
        assert_eq!(b.transport(), WebSocket, "{failure}");
        if b.end() == 0 && failure > 1 {
            break;
        }
    }
    assert_eq!(b.transport(), EventStream);
    // A frame begins the count anew.
    let mut b = bench();
    b.lives(10);
    b.end();
    for _ in 0..4 {
        b.end();
    }
    b.lives(10);
    b.end();
    for _ in 0..4 {
        b.end();
        assert_eq!(b.transport(), WebSocket);
    }
}

#[test]
fn spec_en1_while_both_fail_they_take_turns_and_the_wait_grows() {
    let waits = |seed| {
        let mut b = Bench::new(&ClientConfig::default(), seed);
        b.end();
        b.end();
        let mut waits = Vec::new();
        for round in 0..20 {
            assert_eq!(b.transport(), if round % 2 == 0 { EventStream } else { WebSocket });
            waits.push(b.end());
        }
        waits
    };
    let longest = (0..50)
        .map(waits)
        .reduce(|longest, waits| longest.into_iter().zip(waits).map(|(a, b)| a.max(b)).collect());
    // Full jitter: of 50 clients the one that waits longest comes near the bound.
    assert!(longest.expect("clients").iter().skip(5).all(|wait| *wait > 20_000));
}

#[test]
fn spec_en1_after_an_event_stream_of_more_than_a_minute_a_websocket_is_tried_again() {
    for (lived_ms, next) in [(59_999, EventStream), (60_000, WebSocket)] {
        let mut b = bench();
        b.end();
        b.end();
        b.lives(lived_ms);
        b.end();
        assert_eq!(b.transport(), next, "{lived_ms} ms");
        // Two have to fail again, and then no time is lost.
        if next == WebSocket {
            b.end();
            assert_eq!(b.transport(), WebSocket);
            assert_eq!(b.end(), 0);
            assert_eq!(b.transport(), EventStream);
        }
    }
}

#[test]
fn spec_en1_a_person_who_disconnects_changes_no_transport() {
    let mut b = bench();
    b.end();
    b.end();
    b.lives(100);
    b.say(In::Disconnect);
    b.say(In::Connect);
    assert_eq!(b.transport(), EventStream);
    for _ in 0..10 {
        b.say(In::Disconnect);
        b.say(In::Connect);
    }
    assert_eq!(b.transport(), EventStream, "what was broken off has not failed");
}

#[test]
fn spec_en1_a_client_can_be_told_to_use_only_one() {
    for (transports, only) in
        [(Transports::WebSocketOnly, WebSocket), (Transports::EventStreamOnly, EventStream)]
    {
        let mut b = Bench::new(&ClientConfig { transports, ..ClientConfig::default() }, 7);
        for round in 0..20 {
            assert_eq!(b.transport(), only);
            if round % 3 == 0 {
                b.lives(100_000);
            }
            b.end();
        }
    }
}

#[test]
fn spec_en2_a_client_that_is_not_enabled_never_opens() {
    let config = ClientConfig { enabled: false, ..ClientConfig::default() };
    let mut b = Bench::new(&config, 7);
    for input in [In::Connect, In::RetryNow, In::Wake, In::Tick] {
        b.say(input);
        assert_eq!((b.open, b.connection.next_deadline()), (None, None), "{input:?}");
    }
    assert_eq!(b.connection.state(), State::Disconnected);
}

/// What becomes of one try.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Refused,
    Mute,
    Lives(u64),
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        3 => Just(Fate::Refused),
        1 => Just(Fate::Mute),
        1 => (0_u64..130_000).prop_map(Fate::Lives),
    ]
}

proptest! {
    #[test]
    fn spec_en1_whatever_happens_no_transport_is_given_up(
        fates in prop::collection::vec(fate(), 1..60),
        seed: u64,
    ) {
        let mut b = Bench::new(&ClientConfig::default(), seed);
        let (mut works, mut failures, mut at_once) = (false, 0, 0);
        for fate in fates {
            let transport = b.transport();
            let proven = match fate {
                Fate::Refused => false,
                Fate::Mute => { b.opens(false); false }
                Fate::Lives(ms) => { b.lives(ms); true }
            };
            let wait = b.end();
            let next = b.transport();
            if proven {
                works |= transport == WebSocket;
                (failures, at_once) = (0, 0);
                let lived = matches!(fate, Fate::Lives(60_000..));
                let expected = if lived { WebSocket } else { transport };
                prop_assert_eq!(next, expected);
                continue;
            }
            failures += 1;
            let switched = transport != next;
            if switched && next == EventStream && wait == 0 {
                at_once += 1;
            }
            if transport == EventStream {
                prop_assert_eq!(next, WebSocket, "a stream that fails gives way");
            }
            let most = if works { 5 } else { 2 };
            prop_assert!(switched || failures < most, "{} failures over one transport", failures);
        }
        // A wait of 0 can also be drawn.
        prop_assert!(at_once <= 3, "{} switches without a wait", at_once);
    }
}
