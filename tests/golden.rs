//! The frames in `tests/golden` are what the code writes and reads, and what `docs/protocol.md` shows.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::{Value, value::RawValue};
use tidewire::contract::{
    ClientFrame, ContractVerdict, ErrorCode, Hello, Position, ResyncReason, ServerFrame, parse,
    presence::{PresenceAction, Present},
    protocol::{Health, Token, WelcomeLimits},
};

const EPOCH: u64 = 0x9f86_d081_884c_7d65;

/// Every file of the folder, by name, without the line break at its end.
fn golden() -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let files = fs::read_dir(folder).expect("the folder is there");
    files
        .map(|file| {
            let path = file.expect("a file").path();
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            (name, fs::read_to_string(path).expect("text").trim_end().to_owned())
        })
        .collect()
}

fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.into()).expect("JSON")
}

fn client_frames() -> Vec<(&'static str, ClientFrame)> {
    let channel = || "resource:product".to_owned();
    vec![
        ("client-hello", ClientFrame::Hello(Hello { contract: Some("Todo=1a2b3c4d".into()) })),
        (
            "client-subscribe",
            ClientFrame::Subscribe {
                channel: channel(),
                since: None,
                presence: None,
                reference: None,
            },
        ),
        (
            "client-subscribe-since",
            ClientFrame::Subscribe {
                channel: channel(),
                since: Some(Position::new(EPOCH, 1_042).to_string()),
                presence: None,
                reference: Some(7),
            },
        ),
        ("client-unsubscribe", ClientFrame::Unsubscribe { channel: channel(), reference: None }),
        (
            "client-broadcast",
            ClientFrame::Broadcast {
                channel: "room:general".into(),
                payload: raw(r#"{"text":"hello"}"#),
                reference: Some(8),
            },
        ),
        (
            "client-subscribe-presence",
            ClientFrame::Subscribe {
                channel: "room:general".into(),
                since: None,
                presence: Some(raw(r#"{"name":"Ann"}"#)),
                reference: Some(10),
            },
        ),
        (
            "client-presence",
            ClientFrame::Presence {
                channel: "room:general".into(),
                data: Some(raw(r#"{"name":"Ann","status":"writing"}"#)),
                idle: None,
                leave: false,
                reference: Some(11),
            },
        ),
        (
            "client-presence-idle",
            ClientFrame::Presence {
                channel: "room:general".into(),
                data: None,
                idle: Some(true),
                leave: false,
                reference: None,
            },
        ),
        (
            "client-presence-leave",
            ClientFrame::Presence {
                channel: "room:general".into(),
                data: None,
                idle: None,
                leave: true,
                reference: None,
            },
        ),
        ("client-heartbeat", ClientFrame::Heartbeat(Health::default())),
        (
            "client-auth",
            ClientFrame::Auth {
                token: Token("eyJhbGciOiJIUzI1NiJ9.e30.c2ln".into()),
                reference: Some(12),
            },
        ),
        (
            "client-heartbeat-health",
            ClientFrame::Heartbeat(Health { rtt_ms: Some(12), applied_ms: Some(3) }),
        ),
    ]
}

fn change(offset: u64, payload: &str) -> ServerFrame {
    ServerFrame::Broadcast {
        channel: "resource:product".into(),
        position: Some(Position::new(EPOCH, offset)),
        payload: raw(payload),
    }
}

fn ann() -> Present {
    let data = raw(r#"{"name":"Ann"}"#);
    Present { user_id: "7".into(), data, joined_at: 1_760_000_000_000, idle: false }
}

fn bob(idle: bool) -> Present {
    let data = raw(r#"{"name":"Bob"}"#);
    Present { user_id: "9".into(), data, joined_at: 1_760_000_004_000, idle }
}

const LAMP: &str = r#"{"id":2,"name":"Signal lamp","price":89.5}"#;
const CHEAP: &str = r#"{"id":2,"name":"Signal lamp","price":79.0}"#;

fn changes() -> Vec<(&'static str, ServerFrame)> {
    let payload = |op: &str, rows: &str| {
        format!(r#"{{"type":"{op}","schema":"public","table":"products",{rows}}}"#)
    };
    let insert = payload("INSERT", &format!(r#""record":{LAMP}"#));
    let update = payload("UPDATE", &format!(r#""record":{CHEAP},"old_record":{LAMP}"#));
    let delete = payload("DELETE", &format!(r#""old_record":{CHEAP}"#));
    vec![
        ("server-broadcast-insert", change(1_043, &insert)),
        ("server-broadcast-update", change(1_044, &update)),
        ("server-broadcast-delete", change(1_045, &delete)),
    ]
}

fn server_frames() -> Vec<(&'static str, ServerFrame)> {
    let mut frames = changes();
    frames.extend([
        (
            "server-welcome",
            ServerFrame::Welcome {
                contract: ContractVerdict::Same,
                limits: WelcomeLimits {
                    max_message_bytes: 65_536,
                    max_subscriptions: 100,
                    heartbeat_ms: 30_000,
                },
                view: Some("5f8a09c1d24be763".into()),
                expires_in_ms: None,
            },
        ),
        (
            "server-authenticated",
            ServerFrame::Authenticated {
                user_id: "7".into(),
                view: "5f8a09c1d24be763".into(),
                expires_in_ms: Some(600_000),
                reference: Some(12),
            },
        ),
        (
            "server-ack-subscribe",
            ServerFrame::Ack {
                channel: "resource:product".into(),
                position: Some(Position::new(EPOCH, 1_042)),
                replay: Some(3),
                reached: None,
                reference: Some(7),
            },
        ),
        (
            "server-ack-broadcast",
            ServerFrame::Ack {
                channel: "room:general".into(),
                position: None,
                replay: None,
                reached: Some(2),
                reference: Some(8),
            },
        ),
        (
            "server-broadcast-message",
            ServerFrame::Broadcast {
                channel: "room:general".into(),
                position: None,
                payload: raw(r#"{"text":"hello"}"#),
            },
        ),
        (
            "server-resync",
            ServerFrame::Resync {
                channel: "resource:product".into(),
                reason: ResyncReason::TooOld,
                position: Position::new(EPOCH, 250_000),
                reference: Some(7),
            },
        ),
        (
            "server-heartbeat",
            ServerFrame::Heartbeat { position: Some(Position::new(EPOCH, 1_045)) },
        ),
        (
            "server-broadcast-durable",
            ServerFrame::Broadcast {
                channel: "order:1".into(),
                position: Some(Position::new(EPOCH, 1_046)),
                payload: raw(r#"{"state":"shipped"}"#),
            },
        ),
        (
            "server-presence-state",
            ServerFrame::PresenceState {
                channel: "room:general".into(),
                users: vec![ann(), bob(true)],
            },
        ),
        (
            "server-presence-join",
            ServerFrame::PresenceUpdate {
                channel: "room:general".into(),
                action: PresenceAction::Join,
                user: ann(),
            },
        ),
        (
            "server-presence-leave",
            ServerFrame::PresenceUpdate {
                channel: "room:general".into(),
                action: PresenceAction::Leave,
                user: bob(true),
            },
        ),
        (
            "server-presence-count",
            ServerFrame::PresenceCount { channel: "room:general".into(), count: 1_204 },
        ),
        ("server-open", ServerFrame::Open { connection: "c0ffee".into() }),
        ("server-drain", ServerFrame::Drain { within_ms: 5_000 }),
        (
            "server-error",
            ServerFrame::Error {
                code: ErrorCode::UnknownChannel,
                error: "there is no resource \"boat\"".into(),
                channel: Some("resource:boat".into()),
                reference: Some(9),
                retry_after_ms: None,
            },
        ),
    ]);
    frames
}

#[test]
fn spec_fb1_frames_are_written_as_the_golden_files_say() {
    let golden = golden();
    let mut written = BTreeMap::new();
    for (name, frame) in client_frames() {
        written.insert(name.to_owned(), serde_json::to_string(&frame).unwrap());
    }
    for (name, frame) in server_frames() {
        written.insert(name.to_owned(), serde_json::to_string(&frame).unwrap());
    }
    assert_eq!(written, golden);
}

#[test]
fn spec_fb1_frames_are_read_as_they_are_written() {
    for (name, text) in golden() {
        let again = match name.split_once('-').map(|(side, _)| side) {
            Some("client") => serde_json::to_string(&parse::client_frame(&text).unwrap()).unwrap(),
            _ => serde_json::to_string(&parse::server_frame(&text).expect("understood")).unwrap(),
        };
        assert_eq!(again, text, "{name}");
        // Fields of a newer version, in any order, do no harm.
        let mut later: Value = serde_json::from_str(&text).unwrap();
        later["a_later_field"] = serde_json::json!({"x": [1]});
        let later = later.to_string();
        let understood = match name.starts_with("client") {
            true => parse::client_frame(&later).is_ok(),
            false => parse::server_frame(&later).is_some(),
        };
        assert!(understood, "{name}");
    }
}

#[test]
fn spec_fb1_the_specification_shows_every_golden_frame_and_names_its_file() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/protocol.md");
    let document = fs::read_to_string(path).expect("docs/protocol.md is there");
    let shown: Vec<&str> = document.lines().map(str::trim).collect();
    for (name, text) in golden() {
        assert!(shown.contains(&text.as_str()), "{name} is not shown: {text}");
        assert!(document.contains(&format!("`{name}`")), "{name} is not named");
    }
    let golden: Vec<String> = golden().into_values().collect();
    // A line that looks like a frame is one of the golden ones.
    for line in shown.iter().filter(|line| line.starts_with("{\"type\":")) {
        assert!(golden.iter().any(|text| text == line), "not a golden frame: {line}");
    }
}
