//! The guests who look at pages: their cookie, who they see there, and that they write.

use serde_json::json;

use super::presence::{ANN, BOB, join, names};
use crate::support::{TestServer, get, get_as};

#[tokio::test]
async fn spec_sy2_a_page_makes_its_visitor_a_guest_who_is_the_same_in_every_tab() {
    let server = TestServer::start().await;
    let page = get(server.address, "/todos").await;
    let cookie = page.set_cookie.expect("a visitor is given a cookie");
    for part in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=31536000"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let pair = cookie.split(';').next().unwrap();
    let secret = pair.strip_prefix("tidewire_guest=").unwrap();
    assert_eq!(secret.len(), 32);
    assert!(!page.body.contains(secret), "scripts do not see it");
    assert_eq!(get_as(server.address, "/todos", pair).await.set_cookie, None);
    for other in ["/realtime/stats", "/healthz", "/favicon.ico"] {
        assert_eq!(get(server.address, other).await.set_cookie, None, "{other}");
    }
    let (mut one, mut two) =
        (server.connect_with_cookie(secret).await, server.connect_with_cookie(secret).await);
    join(&mut one, "one").await;
    let state = join(&mut two, "two").await;
    assert_eq!(names(&state["users"]), ["two"]);
    let id = state["users"][0]["userId"].as_str().unwrap();
    assert!(id.len() == 16 && !secret.contains(id), "{id}");
    // Without a cookie every connection is a guest of its own.
    let (mut three, mut four) = (server.connect().await, server.connect().await);
    join(&mut three, "three").await;
    assert_eq!(names(&join(&mut four, "four").await["users"]), ["two", "three", "four"]);
    drop((one, two, three, four));
    server.stop().await;
}

#[tokio::test]
async fn spec_nx8_a_page_names_who_is_on_it_and_its_reader_does_not_join() {
    let server = TestServer::start().await;
    let mut ann = server.connect_with_cookie(ANN).await;
    let wish = json!({"name": "Ann of the boats"});
    let frame = json!({"type": "subscribe", "channel": "page:todos", "presence": wish});
    ann.send_json(frame).await;
    ann.expect("ack").await;
    ann.expect("presence_state").await;
    let page = get_as(server.address, "/todos", &format!("tidewire_guest={BOB}")).await;
    let (shown, script) = page.body.split_once("<script id").unwrap_or((&page.body, ""));
    for text in ["Ann of the boats", "2 people here", "(you)"] {
        assert!(shown.contains(text) || script.contains(text), "{text}");
    }
    assert!(page.body.contains("title=\"Ann of the boats\""), "rendered, not only handed over");
    assert!(page.body.contains("presence page:todos"), "handed over to the browser");
    assert!(!page.body.contains(BOB));
    ann.expect_silence().await;
    drop(ann);
    server.stop().await;
}

#[tokio::test]
async fn spec_ig4_typing_is_a_message_that_nobody_keeps() {
    use tidewire::{contract::Message, reactive::Typing};
    let server = TestServer::start().await;
    let channel = Typing::channel("todos").unwrap();
    let (mut ann, mut bob) =
        (server.connect_with_cookie(ANN).await, server.connect_with_cookie(BOB).await);
    ann.subscribe(channel.name().as_str()).await;
    let typing = Typing { user: "b".into(), name: "Bob".into(), stopped: false };
    let payload = serde_json::to_value(&typing).unwrap();
    assert_eq!(payload, json!({"user": "b", "name": "Bob"}));
    let frame = json!({"type": "broadcast", "channel": "typing:todos", "payload": payload});
    bob.send_json(frame).await;
    bob.expect("ack").await;
    let heard = ann.expect("broadcast").await;
    assert_eq!((&heard["payload"], heard.get("position")), (&payload, None));
    let mut late = server.connect().await;
    late.subscribe("typing:todos").await;
    late.expect_silence().await;
    drop((ann, bob, late));
    server.stop().await;
}
