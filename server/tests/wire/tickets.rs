//! Tickets: a connection without a header of its own, as whoever asked for it; and no secret in a log line.

use serde_json::{Value, json};
use tempfile::TempDir;

use super::presence::{ANN, BOB};
use crate::support::{
    Answer, Binary, Events, Socket, TestServer, file, get,
    jwt::{in_seconds, jwt, of, taken},
    new_folder, post_body, run,
};

const HELLO: &[u8] = b"{\"type\":\"hello\"}";

/// Asks for a ticket with these header lines.
async fn ask(server: &TestServer, lines: &[&str]) -> Answer {
    post_body(server.address, "/realtime/ticket", lines, "").await
}

async fn ticket(server: &TestServer, line: &str) -> String {
    let answer = ask(server, &[line]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer = answer.json();
    let life = answer["expires_in_ms"].as_u64().expect("a time");
    assert!((50_000..=60_000).contains(&life), "{answer}");
    answer["ticket"].as_str().expect("a ticket").to_owned()
}

fn refused(answer: &Answer) {
    assert_eq!(answer.status, 401, "{answer:?}");
    assert_eq!(answer.json()["code"], "authentication_required");
}

/// Who a stream's reader is in `room:a`.
async fn own_id(stream: &mut Events, lines: &str) -> Value {
    let join = json!({"type": "subscribe", "channel": "room:a", "presence": {}}).to_string();
    assert_eq!(stream.post(lines, join.as_bytes()).await.status, 202);
    stream.expect("ack").await;
    stream.expect("presence_state").await["users"][0]["userId"].take()
}

#[tokio::test]
async fn spec_fb4_a_ticket_opens_one_connection_as_who_asked_for_it() {
    let server = TestServer::start_in(new_folder(), taken).await;
    let bearer = format!("Authorization: Bearer {}", of("ann", &["read:room:a", "write:room:a"]));
    let once = ticket(&server, &bearer).await;
    let path = format!("/realtime?token={once}");
    let mut socket = Socket::attempt_at(server.address, &path, &[]).await.unwrap();
    socket.send_json(json!({"type": "subscribe", "channel": "room:a", "presence": {}})).await;
    socket.expect("ack").await;
    assert_eq!(socket.expect("presence_state").await["users"][0]["userId"], "ann");
    // What the token may not do the ticket may not either.
    socket.send_json(json!({"type": "subscribe", "channel": "room:b"})).await;
    socket.expect_error("permission_denied").await;
    // It is used up, there and everywhere.
    let away = Socket::attempt_at(server.address, &path, &[]).await.err().unwrap();
    assert_eq!((away.status, &away.body["code"]), (401, &json!("authentication_required")));
    refused(&get(server.address, &format!("/realtime/sse?token={once}")).await);
    drop(socket);
    server.stop().await;
}

#[tokio::test]
async fn spec_fb4_a_ticket_is_good_for_an_address_and_for_nothing_else() {
    let server = TestServer::start_in(new_folder(), taken).await;
    let bearer = format!("Authorization: Bearer {}", of("ann", &["write:*"]));
    let once = ticket(&server, &bearer).await;
    let as_token = format!("Authorization: Bearer {once}");
    refused(&ask(&server, &[&as_token]).await);
    let body = json!({"channel": "room:a", "payload": 1}).to_string();
    refused(&post_body(server.address, "/realtime/broadcast", &[&as_token], &body).await);
    let offered = format!("tidewire, bearer.{once}");
    let away = Socket::attempt(server.address, &[("sec-websocket-protocol", &offered)]).await;
    assert_eq!(away.err().unwrap().status, 401);
    // None of it has used the ticket up. An address that is asked for a ticket takes none.
    let path = format!("/realtime/ticket?token={once}");
    assert_eq!(post_body(server.address, &path, &[], "").await.status, 200, "a guest's");
    let mut stream = Events::open(server.address, &format!("channel=room:a&token={once}")).await;
    stream.expect_error("permission_denied").await;
    // Changed by one character, it is none.
    let mut forged = ticket(&server, &bearer).await.into_bytes();
    let middle = forged.len() / 2;
    forged[middle] = if forged[middle] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).unwrap();
    refused(&get(server.address, &format!("/realtime/sse?token={forged}")).await);
    drop(stream);
    server.stop().await;
}

#[tokio::test]
async fn spec_fb4_a_visitor_asks_by_cookie_from_a_page_of_the_site_alone() {
    let server = TestServer::start().await;
    let cookie = format!("Cookie: tidewire_guest={ANN}");
    let own = format!("Origin: http://{}", server.address);
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1"] {
        let answer = ask(&server, &[&cookie, &format!("Origin: {origin}")]).await;
        assert_eq!((answer.status, &answer.json()["code"]), (403, &json!("permission_denied")));
    }
    let answer = ask(&server, &[&cookie, &own]).await;
    assert_eq!(answer.status, 200, "a secret for tokens is not needed: {answer:?}");
    let once = answer.json()["ticket"].as_str().unwrap().to_owned();
    assert!(!once.contains(ANN));
    // The same guest as over a socket with the cookie.
    let mut socket = server.connect_with_cookie(ANN).await;
    socket.send_json(json!({"type": "subscribe", "channel": "room:a", "presence": {}})).await;
    socket.expect("ack").await;
    let ann = socket.expect("presence_state").await["users"][0]["userId"].take();
    let mut stream = Events::open(server.address, &format!("token={once}")).await;
    let lines = format!("{cookie}\r\n");
    assert_eq!(own_id(&mut stream, "").await, ann, "a ticket alone is enough to be told apart");
    drop(stream);
    let once = ticket(&server, &cookie).await;
    let mut stream = Events::open_with(server.address, &format!("token={once}"), &lines).await;
    assert_eq!(own_id(&mut stream, &lines).await, ann);
    drop((socket, stream));
    refused(&ask(&server, &[&cookie, "Authorization: Bearer nonsense"]).await);
    assert_eq!(get(server.address, "/realtime/ticket").await.status, 405);
    server.stop().await;
}

#[tokio::test]
async fn spec_en4_a_server_that_is_off_gives_no_tickets() {
    let server = TestServer::start_in(new_folder(), |config| config.realtime = false).await;
    let answer = ask(&server, &[]).await;
    assert_eq!((answer.status, &answer.json()["code"]), (503, &json!("realtime_disabled")));
    server.stop().await;
}

#[tokio::test]
async fn spec_fb4_a_connections_name_is_worth_nothing_to_whoever_steals_it() {
    let server = TestServer::start_in(new_folder(), taken).await;
    let line = |user: &str, may: &str| format!("Authorization: Bearer {}\r\n", of(user, &[may]));
    let (ann, bob) = (line("ann", "read:room:a"), line("bob", "read:room:a"));
    let guest = |cookie: &str| format!("Cookie: tidewire_guest={cookie}\r\n");
    let cases = [
        (ann.clone(), vec![bob, line("ann", "read:*"), guest(ANN), String::new()]),
        (guest(ANN), vec![ann, guest(BOB), String::new()]),
    ];
    for (owner, thieves) in cases {
        for by_ticket in [false, true] {
            let mut stream = if by_ticket {
                let once = ticket(&server, owner.trim_end()).await;
                // A page's stream sends its cookie along.
                let lines = if owner.starts_with("Cookie") { owner.as_str() } else { "" };
                Events::open_with(server.address, &format!("token={once}"), lines).await
            } else {
                Events::open_with(server.address, "", &owner).await
            };
            for thief in &thieves {
                let answer = stream.post(thief, HELLO).await;
                assert_eq!(answer.status, 404, "{thief} on {owner}");
                assert_eq!(answer.json()["code"], "unknown_connection");
            }
            assert_eq!(stream.post("Authorization: Bearer x\r\n", HELLO).await.status, 401);
            assert_eq!(stream.post(&owner, HELLO).await.status, 202);
            stream.expect("welcome").await;
            // None of what the others sent has arrived.
            assert_eq!(stream.post(&owner, b"{\"type\":\"heartbeat\"}").await.status, 202);
            assert_eq!(stream.next().await.unwrap()["type"], "heartbeat");
        }
    }
    // Nobody who is known speaks as somebody unknown.
    let stream = Events::open(server.address, "").await;
    let known = line("ann", "read:room:a");
    assert_eq!(stream.post(&known, HELLO).await.status, 404);
    assert_eq!(stream.post("", HELLO).await.status, 202);
    drop(stream);
    server.stop().await;
}

#[tokio::test]
async fn spec_sy5_nothing_that_proves_somebody_gets_into_a_log() {
    let folder = TempDir::new().unwrap();
    let (database, log) = (file(&folder), folder.path().join("log"));
    let settings = [
        ("RUST_LOG", "trace"),
        ("TIDEWIRE_TOKEN_SECRET", crate::support::jwt::SECRET),
        ("TIDEWIRE_BROADCAST_KEY", "the-key-of-another-server"),
    ];
    let server = Binary::start_logging(&database, &settings, &log).await;
    let address = server.address;
    let (added, key) = run(&database, &[], &["key", "add", "shop", "write:room:*"]).await;
    assert!(added);
    let token = of("ann", &["read:*"]);
    let expired = jwt(&json!({"sub": "bob", "permissions": [], "exp": in_seconds(-1)}));
    let bearer = format!("Authorization: Bearer {token}");
    let answer = post_body(address, "/realtime/ticket", &[&bearer], "").await.json();
    let once = answer["ticket"].as_str().unwrap().to_owned();
    let path = format!("/realtime?token={once}");
    let mut socket = Socket::attempt_at(address, &path, &[]).await.unwrap();
    socket.send_json(json!({"type": "auth", "token": token})).await;
    socket.next_json().await;
    for text in [&once, &token, &expired] {
        refused(&get(address, &format!("/realtime/sse?channel=room:a&token={text}")).await);
        get(address, &format!("/todos?token={text}")).await;
    }
    for text in [&token, &expired, key.trim(), settings[2].1] {
        let line = format!("Authorization: Bearer {text}");
        post_body(address, "/realtime/broadcast", &[&line], "{}").await;
        let offered = format!("tidewire, bearer.{text}");
        _ = Socket::attempt(address, &[("sec-websocket-protocol", &offered)]).await;
    }
    let cookie = format!("tidewire_guest={ANN}");
    crate::support::get_as(address, "/todos", &cookie).await;
    drop(socket);
    assert!(server.terminate().await.success());
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("TRACE") && log.contains("/realtime"), "it was asked for everything");
    let signature = |token: &str| token.rsplit_once('.').unwrap().1.to_owned();
    let secrets = [once, token, expired].map(|token| signature(&token));
    let others = [key.trim().to_owned(), settings[1].1.into(), settings[2].1.into(), ANN.into()];
    for secret in secrets.iter().chain(&others) {
        let line = log.lines().find(|line| line.contains(secret.as_str()));
        assert_eq!(line, None, "{secret}");
    }
}
