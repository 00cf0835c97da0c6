//! The connection's promises, each under its own name, with a virtual clock.

use super::super::{
    config::ClientConfig,
    connection::{Connection, ConnectionInput as In, ConnectionOutput as Out},
    state::{ConnectionState as State, FailReason},
};
use crate::contract::{Transport, close};

struct Bench {
    connection: Connection,
    now: u64,
}

impl Bench {
    fn new(config: &ClientConfig) -> Self {
        Self { connection: Connection::new(config, 7), now: 1_000 }
    }

    fn say(&mut self, input: In) -> Vec<Out> {
        let mut out = Vec::new();
        self.connection.handle(input, self.now, &mut out);
        out
    }

    /// Waits for the deadline and ticks exactly then.
    fn due(&mut self) -> Vec<Out> {
        self.now = self.connection.next_deadline().expect("a deadline");
        self.say(In::Tick)
    }

    fn late(&mut self, ms: u64) -> Vec<Out> {
        self.now = self.connection.next_deadline().expect("a deadline") + ms;
        self.say(In::Tick)
    }

    fn generation(&mut self, out: &[Out]) -> u64 {
        out.iter()
            .find_map(
                |o| if let Out::Open { generation, .. } = o { Some(*generation) } else { None },
            )
            .expect("an Open")
    }

    fn open(&mut self) -> u64 {
        let out = self.say(In::Connect);
        let generation = self.generation(&out);
        self.say(In::Opened { generation });
        generation
    }

    fn wait(&self) -> u64 {
        match self.connection.state() {
            State::Reconnecting { retry_in_ms, .. } => retry_in_ms,
            other => panic!("{other:?}"),
        }
    }
}

fn websocket(generation: u64) -> Out {
    Out::Open { generation, transport: Transport::WebSocket }
}

fn bench() -> Bench {
    Bench::new(&ClientConfig::default())
}

#[test]
fn a_connection_opens_greets_and_says_so() {
    let mut b = bench();
    let out = b.say(In::Connect);
    assert_eq!(out, [Out::StateChanged(State::Connecting), websocket(1)]);
    let out = b.say(In::Opened { generation: 1 });
    assert_eq!(out, [Out::SendHello, Out::StateChanged(State::Connected)]);
    assert_eq!(b.say(In::Connect), [], "a second connect changes nothing");
}

#[test]
fn spec_en5_the_back_off_doubles_is_bounded_and_has_full_jitter() {
    let mut b = bench();
    let mut out = b.say(In::Connect);
    let mut waits = Vec::new();
    for attempt in 0..200_u32 {
        let generation = b.generation(&out);
        b.say(In::Closed { generation, code: 1006 });
        let bound = (500_u64 << attempt.min(20)).min(30_000);
        assert!(b.wait() <= bound, "attempt {attempt}: {} > {bound}", b.wait());
        waits.push(b.wait());
        out = b.due();
    }
    let settled = &waits[10..];
    assert!(settled.iter().any(|w| *w < 5_000) && settled.iter().any(|w| *w > 25_000));
}

#[test]
fn two_seeds_do_not_come_back_together() {
    let wait = |seed| {
        let mut connection = Connection::new(&ClientConfig::default(), seed);
        let mut out = Vec::new();
        connection.handle(In::Connect, 0, &mut out);
        connection.handle(In::Closed { generation: 1, code: 1006 }, 0, &mut out);
        connection.next_deadline()
    };
    assert!((0..50).any(|seed| wait(seed) != wait(seed + 1)));
    assert_eq!(wait(3), wait(3));
}

#[test]
fn the_back_off_resets_only_after_a_stable_time_with_a_valid_frame() {
    // (open for, valid frame, the attempt that follows)
    for (open_ms, valid, expected) in
        [(4_999, true, 3), (5_000, true, 1), (60_000, false, 3), (60_000, true, 1)]
    {
        let mut b = bench();
        let mut out = b.say(In::Connect);
        for _ in 0..2 {
            let generation = b.generation(&out);
            b.say(In::Closed { generation, code: 1006 });
            out = b.due();
        }
        let generation = b.generation(&out);
        b.say(In::Opened { generation });
        b.say(In::FrameReceived { generation, valid });
        b.now += open_ms;
        b.say(In::Closed { generation, code: 1006 });
        let State::Reconnecting { attempt, .. } = b.connection.state() else { panic!() };
        assert_eq!(attempt, expected, "open {open_ms} ms, valid {valid}");
    }
}

#[test]
fn what_an_older_socket_says_is_ignored() {
    let mut b = bench();
    let old = b.open();
    b.say(In::Closed { generation: old, code: 1006 });
    assert_eq!(b.say(In::Closed { generation: old, code: 4500 }), [], "twice");
    let out = b.due();
    let new = b.generation(&out);
    assert!(new > old);
    assert_eq!(b.say(In::Opened { generation: old }), []);
    assert_eq!(b.say(In::Closed { generation: old, code: 4500 }), []);
    b.say(In::Opened { generation: new });
    b.now += 50_000;
    b.say(In::FrameReceived { generation: old, valid: true });
    b.say(In::Sent);
    b.now += 20_000;
    assert!(b.say(In::Tick).contains(&Out::Close { generation: new, code: close::SILENT }));
}

#[test]
fn close_codes_say_whether_to_come_back() {
    for code in [1000, 1001, 1006, 1009, 4000, 4499] {
        let mut b = bench();
        let generation = b.open();
        b.say(In::Closed { generation, code });
        assert!(matches!(b.connection.state(), State::Reconnecting { attempt: 1, .. }), "{code}");
    }
    for code in [4500, 4999] {
        let mut b = bench();
        let generation = b.open();
        let out = b.say(In::Closed { generation, code });
        let failed = State::Failed(FailReason::Refused(code));
        assert_eq!(out, [Out::Lost, Out::StateChanged(failed)]);
        assert_eq!(b.connection.next_deadline(), None);
    }
}

#[test]
fn spec_bq4_attempts_are_counted_and_a_person_can_start_anew() {
    let mut b = Bench::new(&ClientConfig { max_attempts: Some(2), ..ClientConfig::default() });
    let mut out = b.say(In::Connect);
    for _ in 0..2 {
        let generation = b.generation(&out);
        b.say(In::Closed { generation, code: 1006 });
        out = b.due();
    }
    let generation = b.generation(&out);
    b.say(In::Closed { generation, code: 1006 });
    assert_eq!(b.connection.state(), State::Failed(FailReason::AttemptsExhausted));
    let out = b.say(In::RetryNow);
    assert_eq!(out[0], Out::StateChanged(State::Connecting));
}

#[test]
fn spec_bq4_without_auto_reconnect_a_loss_is_final() {
    let mut b = Bench::new(&ClientConfig { auto_reconnect: false, ..ClientConfig::default() });
    let generation = b.open();
    let out = b.say(In::Closed { generation, code: 1006 });
    assert_eq!(out, [Out::Lost, Out::StateChanged(State::Disconnected)]);
}

#[test]
fn a_connect_that_takes_too_long_is_given_up() {
    let mut b = bench();
    b.say(In::Connect);
    let start = b.now;
    let out = b.due();
    assert_eq!(b.now - start, 10_000);
    assert_eq!(out[0], Out::Close { generation: 1, code: 1000 });
    assert!(matches!(out[1], Out::StateChanged(State::Reconnecting { attempt: 1, .. })));
    assert_eq!(b.say(In::Opened { generation: 1 }), [], "too late");
}

#[test]
fn spec_bq4_a_silent_client_sends_heartbeats_and_a_busy_one_does_not() {
    let mut b = bench();
    let generation = b.open();
    let start = b.now;
    assert_eq!(b.due(), [Out::SendHeartbeat]);
    assert_eq!(b.now - start, 25_000);
    b.now += 20_000;
    b.say(In::Sent);
    b.say(In::FrameReceived { generation, valid: true });
    assert_eq!(b.connection.next_deadline(), Some(b.now + 25_000));
}

#[test]
fn a_silent_server_is_dead() {
    let mut b = bench();
    let generation = b.open();
    let start = b.now;
    assert_eq!(b.due(), [Out::SendHeartbeat]);
    assert_eq!(b.due(), [Out::SendHeartbeat]);
    let out = b.due();
    assert_eq!(b.now - start, 70_000);
    assert_eq!(out[..2], [Out::Close { generation, code: close::SILENT }, Out::Lost]);
}

#[test]
fn waking_up_checks_an_open_connection() {
    let mut b = bench();
    let generation = b.open();
    assert_eq!(b.say(In::Wake), [Out::SendHeartbeat]);
    b.now += 4_000;
    assert_eq!(b.say(In::Wake), [], "a check under way is not extended");
    b.say(In::FrameReceived { generation, valid: true });
    assert_eq!(b.connection.state(), State::Connected);

    assert_eq!(b.say(In::Wake), [Out::SendHeartbeat]);
    let start = b.now;
    let out = b.due();
    assert_eq!(b.now - start, 5_000);
    assert_eq!(out[..2], [Out::Close { generation, code: close::SILENT }, Out::Lost]);
}

#[test]
fn waking_up_or_a_person_ends_the_wait() {
    for input in [In::Wake, In::RetryNow] {
        let mut b = bench();
        let generation = b.open();
        b.say(In::Closed { generation, code: 1006 });
        let out = b.say(input);
        assert_eq!(out.last(), Some(&websocket(generation + 1)));
        assert_eq!(b.say(input), [], "one socket at a time");
    }
}

#[test]
fn a_clock_jump_asks_before_it_believes_in_silence() {
    let mut b = bench();
    b.open();
    assert_eq!(b.late(600_000), [Out::SendHeartbeat]);
    assert_eq!(b.connection.next_deadline(), Some(b.now + 5_000));
    assert!(b.due().contains(&Out::Lost));

    // Slightly late timers are everyday life.
    let mut b = bench();
    b.open();
    assert_eq!(b.late(300), [Out::SendHeartbeat]);
    assert_eq!(b.connection.next_deadline(), Some(b.now + 25_000));
}

#[test]
fn a_clock_that_runs_backwards_does_no_harm() {
    let mut b = bench();
    let generation = b.open();
    b.now = 0;
    assert_eq!(b.say(In::Tick), []);
    b.say(In::FrameReceived { generation, valid: true });
    assert_eq!(b.connection.next_deadline(), Some(1_000 + 25_000));
}

#[test]
fn a_drain_spreads_the_return_over_its_window() {
    let mut waits = Vec::new();
    for seed in 0..100 {
        let mut b = bench();
        b.connection = Connection::new(&ClientConfig::default(), seed);
        let generation = b.open();
        b.say(In::Drain { within_ms: 60_000 });
        b.say(In::Closed { generation, code: close::DRAIN });
        waits.push(b.wait());
        // The window is for one return; then the back-off counts.
        let out = b.due();
        let generation = b.generation(&out);
        b.say(In::Closed { generation, code: 1006 });
        assert!(b.wait() <= 1_000);
    }
    assert!(waits.iter().all(|wait| *wait <= 60_000));
    assert!(waits.iter().any(|w| *w < 10_000) && waits.iter().any(|w| *w > 50_000));
}

#[test]
fn spec_bq5_a_disconnect_closes_and_stays_away() {
    let mut b = bench();
    let generation = b.open();
    let out = b.say(In::Disconnect);
    let gone = Out::StateChanged(State::Disconnected);
    assert_eq!(out, [Out::Close { generation, code: 1000 }, Out::Lost, gone]);
    assert_eq!(b.say(In::Closed { generation, code: 1006 }), []);
    assert_eq!(b.say(In::Wake), []);
    assert_eq!(b.connection.next_deadline(), None);
    assert!(b.say(In::Connect).contains(&websocket(generation + 1)));
}

#[test]
fn a_changed_contract_ends_the_connection() {
    let mut b = bench();
    let generation = b.open();
    let out = b.say(In::Fail(FailReason::ContractChanged));
    assert_eq!(out[0], Out::Close { generation, code: 1000 });
    assert_eq!(b.connection.state(), State::Failed(FailReason::ContractChanged));
    assert_eq!(b.connection.next_deadline(), None);
}
