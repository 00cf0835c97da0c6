//! The guests who look at pages: their cookie, who they see there, and that they write.

use serde_json::json;

use super::presence::{ANN, BOB, join, names};
use crate::support::{
    Answer, Events, Socket, TestServer, get, get_as, jwt::taken, new_folder, request,
};

#[tokio::test]
async fn spec_sy2_a_page_makes_its_visitor_a_guest_who_is_the_same_in_every_tab() {
    let server = TestServer::start().await;
    let page = get(server.address, "/todos").await;
    let cookie = page.set_cookie.expect("a visitor is given a cookie");
    for part in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=31536000"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Secure"), "the site is not served over TLS: {cookie}");
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
    let state = ann.expect("presence_state").await;
    let id = state["users"][0]["userId"].as_str().unwrap();
    let name = format!("Guest {}", &id[..4]);
    assert_eq!(
        state["users"][0]["data"],
        json!({"name": name}),
        "nobody is there as somebody else"
    );
    let page = get_as(server.address, "/todos", &format!("tidewire_guest={BOB}")).await;
    let (shown, script) = page.body.split_once("<script id").unwrap_or((&page.body, ""));
    for text in [name.as_str(), "2 people here", "(you)"] {
        assert!(shown.contains(text) || script.contains(text), "{text}");
    }
    assert!(page.body.contains(&format!("title=\"{name}\"")), "rendered, not only handed over");
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
    assert_eq!(heard.get("position"), None);
    let (user, name) = (&heard["payload"]["user"], heard["payload"]["name"].as_str().unwrap());
    let own = format!("Guest {}", &user.as_str().unwrap()[..4]);
    assert_eq!(name, own, "whoever writes does so as themselves");
    let mut late = server.connect().await;
    late.subscribe("typing:todos").await;
    late.expect_silence().await;
    drop((ann, bob, late));
    server.stop().await;
}

#[tokio::test]
async fn spec_sy2_a_site_over_tls_gives_its_cookie_to_tls_alone() {
    let secure = |config: &mut server::Config| config.secure_cookies = true;
    let server = TestServer::start_in(new_folder(), secure).await;
    let cookie = get(server.address, "/todos").await.set_cookie.unwrap();
    assert!(cookie.ends_with("; Secure"), "{cookie}");
    server.stop().await;
}

#[tokio::test]
async fn spec_bq9_a_page_of_another_site_does_not_connect_with_a_visitors_cookie() {
    let server = TestServer::start_in(new_folder(), |config| {
        config.allowed_origins = vec!["https://friend.example".into()];
    })
    .await;
    let cookie = format!("tidewire_guest={ANN}");
    let own = format!("http://{}", server.address);
    for origin in [own.as_str(), "https://friend.example"] {
        let headers = [("cookie", cookie.as_str()), ("origin", origin)];
        let mut socket = Socket::attempt(server.address, &headers).await.unwrap();
        socket.expect_silence().await;
        let lines = format!("Cookie: {cookie}\r\nOrigin: {origin}\r\n");
        let mut stream = Events::open_with(server.address, "channel=room:a", &lines).await;
        stream.expect("ack").await;
        assert_eq!(stream.post(&lines, b"{\"type\":\"hello\"}").await.status, 202);
        stream.expect("welcome").await;
        // Whoever knows its name is not its own page for that.
        let foreign = format!("Cookie: {cookie}\r\nOrigin: https://evil.example\r\n");
        refused(&stream.post(&foreign, b"{\"type\":\"hello\"}").await);
    }
    for origin in ["https://evil.example", "null", "http://127.0.0.1", "http://127.0.0.1:1"] {
        let headers = [("cookie", cookie.as_str()), ("origin", origin)];
        let away = Socket::attempt(server.address, &headers).await.err().expect(origin);
        assert_eq!((away.status, &away.body["code"]), (403, &json!("permission_denied")));
        let head = format!("GET /realtime/sse?channel=room:a HTTP/1.1\r\nOrigin: {origin}\r\n");
        refused(&request(server.address, &head, b"").await.unwrap());
    }
    // Programs are no pages.
    server.connect_with_cookie(ANN).await.close().await;
    server.stop().await;
}

fn refused(answer: &Answer) {
    assert_eq!(answer.status, 403, "{answer:?}");
    assert_eq!(answer.json()["code"], "permission_denied", "{answer:?}");
}

#[tokio::test]
async fn spec_sy5_a_page_refuses_a_wrong_proof_as_it_refuses_anything() {
    let server = TestServer::start_in(new_folder(), taken).await;
    let ask = async |accept: &str| {
        let head = format!(
            "POST /api/app/accounts/forms/my_account HTTP/1.1\r\nAccept: {accept}\r\n\
             Content-Type: application/json\r\nAuthorization: Bearer wrong\r\n"
        );
        request(server.address, &head, b"{}").await.unwrap()
    };
    let refused = ask("application/json").await;
    assert_eq!(refused.status, 401, "{refused:?}");
    assert!(refused.json()["failed"]["message"].is_string(), "{refused:?}");
    let page = ask("text/html").await;
    assert!(page.status == 401 && !page.body.contains('{'), "{page:?}");
    // Until there have been too many, which have to wait.
    let refused = loop {
        let refused = ask("application/json").await;
        if refused.status != 401 {
            break refused;
        }
    };
    assert!(refused.status == 429 && refused.retry_after.is_some_and(|s| s > 0), "{refused:?}");
    assert!(refused.json()["failed"]["message"].is_string(), "{refused:?}");
    server.stop().await;
}
