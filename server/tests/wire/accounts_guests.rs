//! Guests: what they have comes along into their account, and nobody is the guest of before again.

use serde_json::json;

use super::presence::join;
use crate::support::{Browser, PASSWORD, TestServer, Writer};

const ID: &str = "0197f0a0-0000-7000-8000-00000000000";

async fn note(browser: &mut Browser, n: u32, text: &str) {
    let id = format!("{ID}{n}");
    let fields = [("id", id.as_str()), ("text", text)];
    let answer = browser.post("notes/model/add_note", "/notes", &fields).await;
    assert!(!answer.location.unwrap().contains("__err"));
}

async fn owners(writer: &Writer) -> Vec<(String, String, String)> {
    let rows = "SELECT text, owner, author FROM notes ORDER BY text";
    sqlx::query_as(rows).fetch_all(writer.pool()).await.expect("notes are read")
}

#[tokio::test]
async fn spec_fb4_what_a_guest_has_comes_along_into_the_account() {
    let server = TestServer::start().await;
    let writer = server.writer().await;
    let mut ann = Browser::guest(server.address).await;
    note(&mut ann, 1, "as a guest").await;
    let mut bob = Browser::guest(server.address).await;
    note(&mut bob, 2, "somebody else's").await;
    let before = owners(&writer).await;
    let guest = before[0].1.clone();
    assert!(before[0].2.starts_with("Guest "), "{before:?}");
    let old_cookie = ann.guest_cookie().unwrap().to_owned();

    ann.sign_up("Ann", "ann").await;
    let user = writer.text("SELECT id FROM users").await.unwrap();
    let after = owners(&writer).await;
    assert_eq!(after[0], ("as a guest".into(), user.clone(), "Ann".into()));
    assert_eq!(after[1], before[1], "nobody else's");
    let last = "SELECT new FROM tidewire_log WHERE tbl = 'access:revoked' ORDER BY id DESC";
    let last = writer.text(last).await.unwrap();
    assert_eq!(last, json!({"user": guest}).to_string(), "the guest's other tabs come back");
    assert_ne!(ann.guest_cookie().unwrap(), old_cookie);
    assert!(ann.get("/notes").await.body.contains("as a guest"));
    // Who has kept the guest's cookie has kept nothing.
    let mut old = Browser::new(server.address);
    old.cookies.insert("tidewire_guest".into(), old_cookie);
    assert!(!old.get("/notes").await.body.contains("as a guest"));

    // Signing in adds what was made since.
    ann.form("sign_out", "/account", &[]).await;
    assert!(!ann.get("/notes").await.body.contains("as a guest"), "it is the account's");
    note(&mut ann, 3, "as another guest").await;
    ann.sign_in("ann", PASSWORD).await;
    let page = ann.get("/notes").await;
    assert!(page.body.contains("as a guest") && page.body.contains("as another guest"));
    assert_eq!(owners(&writer).await.iter().filter(|(_, owner, _)| *owner == user).count(), 2);
    server.stop().await;
}

#[tokio::test]
async fn spec_fb4_a_refused_form_takes_nothing_along() {
    let server = TestServer::start().await;
    let writer = server.writer().await;
    Browser::user(server.address, "Bob", "bob").await;
    let mut ann = Browser::guest(server.address).await;
    note(&mut ann, 1, "hers").await;
    let before = owners(&writer).await;
    ann.sign_up("Ann", "bob").await;
    ann.sign_in("bob", "not his password").await;
    assert_eq!(owners(&writer).await, before);
    let users = writer.text("SELECT CAST(count(*) AS TEXT) FROM users").await.unwrap();
    assert_eq!(users, "1");
    server.stop().await;
}

#[tokio::test]
async fn spec_bq9_others_see_the_accounts_name_and_no_other() {
    let server = TestServer::start().await;
    let ann = Browser::user(server.address, "Ann Smith", "ann").await;
    let bob = Browser::guest(server.address).await;
    let (mut ann, mut bob) = (ann.connect().await, bob.connect().await);
    let guest = join(&mut bob, "x").await["users"][0]["userId"].as_str().unwrap().to_owned();
    for socket in [&mut ann, &mut bob] {
        socket.subscribe("typing:notes").await;
    }
    let lie = json!({"user": "somebody", "name": "The captain"});
    let frame = json!({"type": "broadcast", "channel": "typing:notes", "payload": lie});
    ann.send_json(frame.clone()).await;
    assert_eq!(bob.expect("broadcast").await["payload"]["name"], "Ann Smith");
    // Her own message may come before the answer.
    for _ in 0..2 {
        ann.next_json().await;
    }
    bob.send_json(frame).await;
    for _ in 0..2 {
        bob.next_json().await;
    }
    let heard = ann.expect("broadcast").await["payload"].clone();
    assert_eq!(heard["user"], json!(guest));
    assert_eq!(heard["name"], json!(format!("Guest {}", &guest[..4])));
    // On a page, too, when they come and when they say something new.
    let lie = json!({"name": "The captain", "more": 1});
    let frame = json!({"type": "subscribe", "channel": "page:notes", "presence": lie});
    ann.send_json(frame).await;
    ann.expect("ack").await;
    let state = ann.expect("presence_state").await;
    assert_eq!(state["users"][0]["data"], json!({"name": "Ann Smith"}));
    ann.send_json(json!({"type": "presence", "channel": "page:notes", "data": lie, "ref": 1}))
        .await;
    ann.send_json(json!({"type": "presence", "channel": "page:notes", "data": {"x": 1}})).await;
    assert_eq!(ann.expect("error").await["code"], "invalid_payload");
    bob.send_json(json!({"type": "subscribe", "channel": "page:notes", "presence": true})).await;
    bob.expect("ack").await;
    let state = bob.expect("presence_state").await;
    assert_eq!(state["users"][0]["data"], json!({"name": "Ann Smith"}));
    drop((ann, bob));
    server.stop().await;
}
