//! Tokens: whose connection it is and what it may do, in a header or a subprotocol, and every way in which
//! one does not hold.

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{
    Events, Socket, TestServer, get,
    jwt::{SECRET, in_seconds, jwt, of, signed, taken},
    new_folder, post_body, request,
};

/// What a socket is told about itself in `room:a`.
async fn own_id(socket: &mut Socket) -> Value {
    let frame = json!({"type": "subscribe", "channel": "room:a", "presence": {}});
    socket.send_json(frame).await;
    socket.expect("ack").await;
    socket.expect("presence_state").await["users"][0]["userId"].take()
}

/// How an attempt with these headers is refused.
async fn refusal(server: &TestServer, headers: &[(&'static str, &str)]) -> (u16, Value, String) {
    let away = Socket::attempt(server.address, headers).await.err().expect("it is refused");
    let message = away.body["message"].as_str().expect("a sentence").to_owned();
    (away.status, away.body["code"].clone(), message)
}

#[tokio::test]
async fn spec_sy5_spec_fb4_a_token_says_whose_connection_it_is_and_all_it_may_do() {
    let server = TestServer::start_in(new_folder(), taken).await;
    let token = of("ann", &["read:room:a", "write:room:a"]);
    let bearer = format!("Bearer {token}");
    let mut ann = Socket::attempt(server.address, &[("authorization", &bearer)]).await.unwrap();
    assert_eq!(own_id(&mut ann).await, "ann");
    ann.send_json(json!({"type": "broadcast", "channel": "room:a", "payload": 1})).await;
    ann.message("room:a").await;
    ann.expect("ack").await;
    // The demo opens all of these to its guests: permissions are necessary, too.
    for channel in ["room:b", "resource:product", "typing:todos"] {
        ann.send_json(json!({"type": "subscribe", "channel": channel})).await;
        ann.expect_error("permission_denied").await;
        ann.send_json(json!({"type": "broadcast", "channel": channel, "payload": 1})).await;
        ann.expect_error("permission_denied").await;
    }
    // The same over an event stream, and for a question.
    let lines = format!("Authorization: {bearer}\r\n");
    let mut stream = Events::open_with(server.address, "channel=room:a", &lines).await;
    stream.expect("ack").await;
    assert_eq!(stream.post(&lines, b"{\"type\":\"hello\"}").await.status, 202);
    assert_eq!(stream.post("", b"{\"type\":\"hello\"}").await.status, 404);
    stream.expect("welcome").await;
    let ask = async |channel: &str| {
        let head = format!("GET /realtime/channel/users?channel={channel} HTTP/1.1\r\n{lines}");
        request(server.address, &head, b"").await.unwrap().status
    };
    assert_eq!((ask("room:a").await, ask("room:b").await), (200, 403));
    let post = async |channel: &str| {
        let body = json!({"channel": channel, "payload": 2}).to_string();
        post_body(server.address, "/realtime/broadcast", &[lines.trim_end()], &body).await.status
    };
    assert_eq!((post("room:a").await, post("room:b").await), (200, 403));
    assert_eq!(ann.message("room:a").await, 2);
    drop((ann, stream));
    server.stop().await;
}

#[tokio::test]
async fn spec_fb4_a_page_sends_its_token_as_a_subprotocol_and_is_not_told_it() {
    let server = TestServer::start_in(new_folder(), taken).await;
    let token = of("ann", &["read:room:a", "write:room:a"]);
    let protocols = format!("tidewire, bearer.{token}");
    let headers = [("sec-websocket-protocol", protocols.as_str())];
    let mut ann = Socket::attempt(server.address, &headers).await.unwrap();
    assert_eq!(own_id(&mut ann).await, "ann");

    let mut tcp = TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "GET /realtime HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: bearer.{token}, tidewire\r\n\r\n",
        server.address
    );
    tcp.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(tcp.read_u8().await.unwrap());
    }
    let answer = String::from_utf8(answer).unwrap().to_ascii_lowercase();
    assert!(answer.starts_with("http/1.1 101"), "{answer}");
    assert!(answer.contains("\r\nsec-websocket-protocol: tidewire\r\n"), "{answer}");
    assert!(!answer.contains("bearer"), "{answer}");
    drop((ann, tcp));
    server.stop().await;
}

/// Tokens that do not hold, each for one reason.
fn wrong() -> Vec<(&'static str, String)> {
    let good = json!({"sub": "ann", "permissions": ["read:*"], "exp": in_seconds(60)});
    let text = good.to_string();
    let header = |algorithm: &str| format!(r#"{{"alg":"{algorithm}","typ":"JWT"}}"#);
    let by = |algorithm: &str| signed(&header(algorithm), &text, SECRET);
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        jwt(&claims)
    };
    let without = |name: &str| {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove(name);
        jwt(&claims)
    };
    let right = jwt(&good);
    let (rest, signature) = right.rsplit_once('.').unwrap();
    let (_, root) = with("sub", json!("root"))
        .split_once('.')
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    let (root, _) = root.split_once('.').unwrap();
    let (head, _) = rest.split_once('.').unwrap();
    let twice = text.replacen('{', r#"{"sub":"root","#, 1);
    let mut all = vec![
        ("no signature asked for", by("none")),
        ("no signature asked for, none there", {
            let unsigned = by("none");
            format!("{}.", unsigned.rsplit_once('.').unwrap().0)
        }),
        ("no signature there", format!("{rest}.")),
        ("two parts", rest.to_owned()),
        ("four parts", format!("{right}.{signature}")),
        ("other claims under the same signature", format!("{head}.{root}.{signature}")),
        (
            "another secret",
            signed(&header("HS256"), &text, "another secret altogether, of some length"),
        ),
        ("an empty secret", signed(&header("HS256"), &text, "")),
        ("a claim twice", signed(&header("HS256"), &twice, SECRET)),
        ("a header of nothing", signed("{}", &text, SECRET)),
        ("claims of nothing", signed(&header("HS256"), "{}", SECRET)),
        ("claims that are a list", signed(&header("HS256"), "[]", SECRET)),
        ("nothing", String::new()),
        ("nonsense", "nonsense".into()),
        ("dots", "..".into()),
        ("far too long", with("sub", json!("a".repeat(10_000)))),
    ];
    for algorithm in ["None", "NONE", "HS384", "HS512", "RS256", "PS256", "ES256", "EdDSA", "hs256"]
    {
        all.push(("another algorithm", by(algorithm)));
    }
    for name in ["sub", "permissions", "exp"] {
        all.push(("a claim is missing", without(name)));
        all.push(("a claim is null", with(name, Value::Null)));
        all.push(("a claim is of another type", with(name, json!({"a": 1}))));
    }
    for (why, name, value) in [
        ("it has expired", "exp", json!(in_seconds(-1))),
        ("it has expired long ago", "exp", json!(0)),
        ("its end is before time", "exp", json!(-1)),
        ("its end is a text", "exp", json!(in_seconds(60).to_string())),
        ("it is not valid yet", "nbf", json!(in_seconds(30))),
        ("its beginning is a text", "nbf", json!("soon")),
        ("it is for somebody else", "aud", json!("another-service")),
        ("it is for others", "aud", json!(["one", "two"])),
        ("it says that it is a ticket", "aud", json!("ticket")),
        ("an id without characters", "sub", json!("")),
        ("an id with too many", "sub", json!("a".repeat(65))),
        ("an id with a line end", "sub", json!("ann\nroot")),
        ("an id that is a number", "sub", json!(7)),
        ("a name with too many characters", "name", json!("a".repeat(65))),
        ("permissions as one text", "permissions", json!("read:*")),
        ("a malformed permission", "permissions", json!(["read:*", "write:ch*"])),
        ("a permission of another kind", "permissions", json!(["admin"])),
        ("a permission that is no text", "permissions", json!(["read:*", 7])),
    ] {
        all.push((why, with(name, value)));
    }
    all
}

#[tokio::test]
async fn spec_sy5_spec_sy10_a_token_that_does_not_hold_is_refused_and_makes_no_guest() {
    let server = TestServer::start_in(new_folder(), |config| {
        taken(config);
        config.limit_args.wrong_proofs_per_minute = 10_000;
    })
    .await;
    for (why, token) in wrong() {
        let bearer = format!("Bearer {token}");
        let (status, code, message) = refusal(&server, &[("authorization", &bearer)]).await;
        assert_eq!((status, code), (401, json!("authentication_required")), "{why}: {message}");
        assert!(token.is_empty() || !message.contains(&token), "{why}: {message}");
        // A cookie beside it does not help.
        let headers = [
            ("authorization", bearer.as_str()),
            ("cookie", "tidewire_guest=0123456789abcdef0123456789abcdef"),
        ];
        assert_eq!(refusal(&server, &headers).await.0, 401, "{why}");
        let offered = format!("tidewire, bearer.{token}");
        let head = format!("GET /realtime/sse HTTP/1.1\r\nSec-WebSocket-Protocol: {offered}\r\n");
        assert_eq!(request(server.address, &head, b"").await.unwrap().status, 401, "{why}");
    }
    for (claim, value) in [
        ("nbf", json!(in_seconds(3))),
        ("nbf", json!(in_seconds(-60))),
        ("aud", json!("tidewire")),
        ("aud", json!(["another-service", "tidewire"])),
        ("exp", json!(in_seconds(60) as f64 + 0.5)),
        ("name", json!("Ann of the boats")),
        ("jti", json!("one-of-many")),
        ("iss", json!("whoever")),
        ("sub", json!("ä".repeat(64))),
    ] {
        let mut claims = json!({"sub": "ann", "permissions": [], "exp": in_seconds(60)});
        claims[claim] = value;
        let bearer = format!("bearer {}", jwt(&claims));
        let attempt = Socket::attempt(server.address, &[("authorization", &bearer)]).await;
        assert!(attempt.is_ok(), "{claims}: {attempt:?}", attempt = attempt.err());
    }
    server.stop().await;
}

#[tokio::test]
async fn spec_sy10_a_refusal_says_what_is_wrong_with_a_token_only_to_who_can_sign_one() {
    let server = TestServer::start_in(new_folder(), taken).await;
    let said = async |token: String| {
        refusal(&server, &[("authorization", &format!("Bearer {token}"))]).await.2
    };
    let claims = |exp| json!({"sub": "ann", "permissions": ["read:ch*"], "exp": exp});
    assert!(said(jwt(&claims(in_seconds(-10)))).await.contains("expired"));
    assert!(said(jwt(&claims(in_seconds(60)))).await.contains("read:ch*"));
    let forged = signed(r#"{"alg":"HS256"}"#, &claims(in_seconds(-10)).to_string(), "guessed");
    let answer = said(forged).await;
    assert!(answer.contains("does not hold") && !answer.contains("expired"), "{answer}");
    server.stop().await;
}

#[tokio::test]
async fn spec_fb4_a_server_that_is_not_told_a_secret_takes_no_token() {
    for secret in [None, Some(String::new().into())] {
        let server =
            TestServer::start_in(new_folder(), |config| config.token_secret = secret).await;
        for secret in [SECRET, ""] {
            let claims = json!({"sub": "ann", "permissions": [], "exp": in_seconds(60)});
            let token = signed(r#"{"alg":"HS256"}"#, &claims.to_string(), secret);
            let bearer = format!("Bearer {token}");
            let (status, code, _) = refusal(&server, &[("authorization", &bearer)]).await;
            assert_eq!((status, code), (401, json!("authentication_required")));
        }
        server.connect().await.expect_silence().await;
        server.stop().await;
    }
}

#[tokio::test]
async fn spec_sy5_a_token_in_an_address_is_refused_with_the_reason() {
    let server = TestServer::start_in(new_folder(), taken).await;
    for text in [of("ann", &["read:*"]), "tw_0123".into(), "nonsense".into(), String::new()] {
        let answer =
            get(server.address, &format!("/realtime/sse?channel=room:a&token={text}")).await;
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (401, &json!("authentication_required"))
        );
        let message = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(message.contains("ticket") && message.contains("Authorization"), "{message}");
        let path = format!("/realtime?token={text}");
        let away = Socket::attempt_at(server.address, &path, &[]).await.err().unwrap();
        assert_eq!(away.status, 401);
    }
    server.stop().await;
}

#[tokio::test]
async fn spec_sy7_a_flood_of_guesses_is_told_to_wait_and_concerns_nobody_else() {
    let server = TestServer::start_in(new_folder(), |config| {
        taken(config);
        config.limit_args.wrong_proofs_per_minute = 5;
    })
    .await;
    let guess = format!("Bearer tw_{}", "0".repeat(64));
    for _ in 0..5 {
        assert_eq!(refusal(&server, &[("authorization", &guess)]).await.0, 401);
    }
    let away = Socket::attempt(server.address, &[("authorization", &guess)]).await.err().unwrap();
    assert_eq!((away.status, &away.body["code"]), (429, &json!("rate_limited")));
    assert!(away.retry_after.is_some_and(|seconds| (1..=12).contains(&seconds)), "{away:?}");
    assert!(away.body["message"].as_str().unwrap().contains("wrong_proofs_per_minute"));
    // The right one does not stand out among the guesses, wherever it is brought.
    let bearer = format!("Authorization: Bearer {}", of("ann", &["write:*"]));
    let body = json!({"channel": "room:a", "payload": 1}).to_string();
    let answer = post_body(server.address, "/realtime/broadcast", &[&bearer], &body).await;
    assert_eq!(answer.status, 429);
    // Who brings nothing goes on.
    server.connect().await.expect_silence().await;
    server.stop().await;
}
