//! Tickets that were taken before access was taken away, and are used after it: they open nothing.

use serde_json::json;
use tidewire::server::Revoked;

use crate::support::{
    Browser, Events, PASSWORD, Socket, TestServer, get,
    jwt::{in_seconds, jwt, taken},
    new_folder, post_body, run,
};

/// Where an address takes a ticket beside the WebSocket.
const ADDRESSES: [&str; 3] = [
    "/realtime/sse?channel=room:a",
    "/realtime/stats?detail=clients",
    "/realtime/channel/users?channel=room:a",
];

/// A ticket for whoever these header lines prove.
async fn ticket(server: &TestServer, line: &str) -> String {
    let answer = post_body(server.address, "/realtime/ticket", &[line], "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["ticket"].as_str().expect("a ticket").to_owned()
}

/// One for the WebSocket, and one for each of the addresses.
async fn tickets(server: &TestServer, line: &str) -> Vec<String> {
    let mut tickets = Vec::new();
    for _ in 0..=ADDRESSES.len() {
        tickets.push(ticket(server, line).await);
    }
    tickets
}

/// Waits until the revocation is handed out, and tries them all.
async fn open_nothing(server: &TestServer, tickets: &[String], whose: &str) {
    server.caught_up().await;
    let path = format!("/realtime?token={}", tickets[0]);
    let away = Socket::attempt_at(server.address, &path, &[]).await.err();
    let away = away.unwrap_or_else(|| panic!("{whose}: a socket is open"));
    assert_eq!((away.status, &away.body["code"]), (401, &json!("authentication_required")));
    for (address, ticket) in ADDRESSES.iter().zip(&tickets[1..]) {
        let answer = status_and_code(server, address, ticket).await;
        assert_eq!(answer, (401, json!("authentication_required")), "{whose}: {address}");
    }
}

/// The status, and the code of a refusal. An event stream that opens after all is not read to its end.
async fn status_and_code(
    server: &TestServer,
    address: &str,
    ticket: &str,
) -> (u16, serde_json::Value) {
    let path = format!("{address}&token={ticket}");
    let asked = tokio::time::timeout(crate::support::PATIENCE, get(server.address, &path)).await;
    let answer = asked.unwrap_or_else(|_| panic!("{address} is open"));
    (answer.status, answer.json()["code"].clone())
}

fn cookies(browser: &Browser) -> String {
    let session = browser.session().expect("it has signed in");
    format!("Cookie: tidewire_session={session}")
}

#[tokio::test]
async fn spec_sy5_a_ticket_of_a_session_that_has_ended_opens_nothing() {
    let server = TestServer::start().await;
    let mut ann = Browser::user(server.address, "Ann", "ann").await;
    let bob = Browser::user(server.address, "Bob", "bob").await;
    let (anns, bobs) =
        (ticket(&server, &cookies(&ann)).await, ticket(&server, &cookies(&bob)).await);
    drop(Events::open(server.address, &format!("token={anns}")).await);

    let before = tickets(&server, &cookies(&ann)).await;
    ann.form("sign_out", "/account", &[]).await;
    open_nothing(&server, &before, "signed out").await;

    ann.sign_in("ann", PASSWORD).await;
    let before = tickets(&server, &cookies(&ann)).await;
    let fields = [("current", PASSWORD), ("new", "staple battery horse")];
    let answer = ann.form("change_password", "/account", &fields).await;
    assert_eq!(answer.location.as_deref(), Some("/account?done=password"), "{answer:?}");
    open_nothing(&server, &before, "a new password").await;

    // The new session's, and those of whom none of this concerns, are as good as before.
    for good in [ticket(&server, &cookies(&ann)).await, bobs] {
        let mut stream =
            Events::open(server.address, &format!("channel=room:a&token={good}")).await;
        stream.expect("ack").await;
    }
    server.stop().await;
}

#[tokio::test]
async fn spec_sy5_a_ticket_of_a_revoked_key_opens_nothing() {
    let server = TestServer::start().await;
    let arguments = ["key", "add", "shop", "read:room:a", "inspect:stats"];
    let (added, key) = run(&server.file(), &[], &arguments).await;
    assert!(added);
    let bearer = format!("Authorization: Bearer {}", key.trim());
    // All of them hold as long as the key does.
    for (address, ticket) in ADDRESSES.iter().zip(tickets(&server, &bearer).await).skip(1) {
        assert_eq!(status_and_code(&server, address, &ticket).await.0, 200, "{address}");
    }
    let before = tickets(&server, &bearer).await;
    let (_, listed) = run(&server.file(), &[], &["key", "list"]).await;
    let id = listed.split('\t').next().expect("a key");
    assert!(run(&server.file(), &[], &["key", "revoke", id]).await.0);
    open_nothing(&server, &before, "a revoked key").await;
    server.stop().await;
}

#[tokio::test]
async fn spec_sy5_a_ticket_of_a_user_who_was_revoked_opens_nothing_even_after_a_restart() {
    let server = TestServer::start_in(new_folder(), taken).await;
    let claims = json!({
        "sub": "ann", "permissions": ["read:*", "inspect:*"], "exp": in_seconds(60), "jti": "phone"
    });
    let bearer = format!("Authorization: Bearer {}", jwt(&claims));
    for whose in [Revoked::User("ann".into()), Revoked::Credential("phone".into())] {
        let before = tickets(&server, &bearer).await;
        server.revoke(&whose).await;
        open_nothing(&server, &before, "revoked").await;
    }
    let before = tickets(&server, &bearer).await;
    server.revoke(&Revoked::User("ann".into())).await;
    let folder = server.folder();
    server.stop().await;
    let server = TestServer::start_in(folder, taken).await;
    open_nothing(&server, &before, "revoked before the start").await;
    let after = ticket(&server, &bearer).await;
    let mut stream = Events::open(server.address, &format!("channel=room:a&token={after}")).await;
    stream.expect("ack").await;
    drop(stream);
    server.stop().await;
}
