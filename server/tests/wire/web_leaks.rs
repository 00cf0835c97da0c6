//! What nobody is told: a log learns no secret, and a client nothing of the database.

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{
    Binary, Events, Socket, TestServer, get, get_as, new_folder, post_form, post_json, request,
};

const GUEST: &str = "5ec2e7c00c1e5ec2e7c00c1e5ec2e7c0";
const TOKEN_SECRET: &str = "51a9e0c4d7b2f6838e1c5d907a4b3f2251a9e0c4d7b2f6838e1c5d907a4b3f22";
const BROADCAST_KEY: &str = "77d0a3c9e5f1b24688ac0e3d5f719b2477d0a3c9e5f1b24688ac0e3d5f719b24";

/// Everything that is sent below and proves who somebody is, or could.
const SECRETS: [&str; 12] = [
    GUEST,
    TOKEN_SECRET,
    BROADCAST_KEY,
    "session-5ecret",
    "bearer-5ecret",
    "query-5ecret",
    "frame-5ecret",
    "posted-frame-5ecret",
    "protocol-5ecret",
    "passw0rd-in-a-form",
    "passw0rd-in-json",
    "passw0rd-in-the-wrong-field",
];

#[tokio::test]
async fn spec_bq9_a_log_that_tells_everything_tells_no_secret() {
    let folder = new_folder();
    let log = folder.path().join("log");
    let settings = [
        ("RUST_LOG", "trace,tungstenite::protocol=trace"),
        ("TIDEWIRE_ENV", "production"),
        ("TIDEWIRE_TOKEN_SECRET", TOKEN_SECRET),
        ("TIDEWIRE_BROADCAST_KEY", BROADCAST_KEY),
    ];
    let server = Binary::start_logging(&folder.path().join("test.db"), &settings, &log).await;
    let address = server.address;

    let cookie = format!("tidewire_guest={GUEST}; session=session-5ecret");
    get_as(address, "/todos?token=query-5ecret", &cookie).await;
    get_as(address, "/nowhere?token=query-5ecret", &cookie).await;
    let bearer =
        "GET /todos HTTP/1.1\r\nAccept: text/html\r\nAuthorization: Bearer bearer-5ecret\r\n";
    request(address, bearer, b"").await.unwrap();
    let key = format!("Authorization: Bearer {BROADCAST_KEY}");
    for key in [key.as_str(), "Authorization: Bearer bearer-5ecret"] {
        let head = format!("POST /realtime/broadcast HTTP/1.1\r\n{key}\r\n");
        let body = br#"{"channel":"room:a","payload":1}"#;
        request(address, &head, body).await.unwrap();
    }

    Socket::attempt_at(address, "/realtime?token=query-5ecret", &[]).await.err().unwrap();
    let mut socket = Socket::connect(address).await;
    socket.send_json(json!({"type": "auth", "token": "frame-5ecret"})).await;
    socket.next_json().await;
    socket.send_text(r#"{"type":"auth","token":"frame-5ecret""#).await;
    socket.next_json().await;
    drop(socket);
    let headers = [
        ("cookie", cookie.as_str()),
        ("authorization", "Bearer bearer-5ecret"),
        ("sec-websocket-protocol", "tidewire, bearer.protocol-5ecret"),
    ];
    upgrade(address, &headers).await;
    let path = "/realtime/sse?channel=room:a&token=query-5ecret";
    assert_eq!(get_as(address, path, &cookie).await.status, 401);
    let lines = format!("Cookie: {cookie}\r\n");
    let stream = Events::open_with(address, "channel=room:a", &lines).await;
    stream.post(&lines, br#"{"type":"auth","token":"posted-frame-5ecret"}"#).await;
    drop(stream);

    // Any function with such a field, one that there is not, and a person who mistakes the field.
    let fields = [("password", "passw0rd-in-a-form"), ("title", "x")];
    for path in ["/api/app/todos/model/add_todo", "/api/app/accounts/sign_in", "/todos"] {
        post_form(address, path, "/todos", &fields).await;
        post_json(address, path, &fields).await.unwrap();
        let head = format!("POST {path} HTTP/1.1\r\nContent-Type: application/json\r\n");
        request(address, &head, br#"{"password":"passw0rd-in-json"}"#).await.unwrap();
    }
    let wrong = [("id", "passw0rd-in-the-wrong-field"), ("title", "x")];
    post_form(address, "/api/app/todos/model/add_todo", "/todos", &wrong).await;

    assert!(server.terminate().await.success());
    let log = std::fs::read_to_string(&log).unwrap();
    for told in ["TRACE", "DEBUG", "/todos", "/api/app/accounts/sign_in"] {
        assert!(log.contains(told), "the log tells less than everything: no {told}");
    }
    for secret in SECRETS {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret} is in the log");
    }
}

/// Asks for a WebSocket with these headers, whatever comes of it.
async fn upgrade(address: std::net::SocketAddr, headers: &[(&str, &str)]) {
    let lines: String =
        headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!(
        "GET /realtime HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{lines}\r\n"
    );
    let mut tcp = TcpStream::connect(address).await.unwrap();
    tcp.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    tcp.read_exact(&mut answer).await.unwrap();
}

/// Words that only a database says.
const INSIDE: [&str; 9] = [
    "no such",
    "from todos",
    "from products",
    "insert into",
    "sqlite",
    "sqlx",
    "test.db",
    "(code:",
    "syntax error",
];

#[tokio::test]
async fn spec_bq9_what_fails_inside_is_nobodys_business_outside() {
    let server = TestServer::start().await;
    let mut socket = server.connect().await;
    let writer = server.writer().await;
    writer.run("DROP TABLE todos").await;
    writer.run("DROP TABLE products").await;
    let mut said = Vec::new();

    let id = ("id", "0197f0a0-0000-7000-8000-000000000001");
    let call =
        post_json(server.address, "/api/app/todos/model/add_todo", &[id, ("title", "x")]).await;
    let call = call.unwrap();
    assert_eq!(call.status, 500, "{call:?}");
    assert!(call.json()["failed"]["message"].as_str().unwrap().contains("try again"));
    said.push(call.body);
    let fields = [id, ("title", "x")];
    let form = post_form(server.address, "/api/app/todos/model/add_todo", "/todos", &fields).await;
    let back = form.location.unwrap();
    let back = back.split_once(&server.address.to_string()).unwrap().1;
    let page = get(server.address, back).await;
    assert!(page.body.contains("That was not saved"));
    for path in ["/", "/todos", "/products"] {
        // The pages' examples of code and commands are no failures.
        let page = get(server.address, path).await.body;
        said.push(
            page.split("<figure")
                .map(|part| part.split_once("</figure>").map_or(part, |(_, rest)| rest))
                .collect(),
        );
    }
    let head = "POST /api/app/todos/model/list_todos HTTP/1.1\r\nAccept: application/json\r\n\
                Content-Type: application/json\r\n";
    said.push(request(server.address, head, b"{}").await.unwrap().body);
    for body in [&b"{"[..], b"\xff\xfe", b"[1]"] {
        said.push(request(server.address, head, body).await.unwrap().body);
    }
    socket.send_json(json!({"type": "subscribe", "channel": "query:worth:pe30"})).await;
    for _ in 0..2 {
        said.push(socket.next_json().await.to_string());
    }
    assert!(said.last().unwrap().contains("refused"), "{said:?}");
    said.push(page.body.split("<figure").next().unwrap_or_default().to_owned());

    for text in said {
        let lower = text.to_lowercase();
        for word in INSIDE {
            let from_there = lower.find(word).map(|at| &lower[at..]);
            let shown: Option<String> = from_there.map(|text| text.chars().take(80).collect());
            assert_eq!(shown, None, "{word}");
        }
    }
    drop(socket);
    server.stop().await;
}
