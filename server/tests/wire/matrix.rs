//! Who may do what on which kind of channel: all of them, over real sockets and requests, in one table.
//!
//! Of a cell each letter is the answer to one operation, in this order:
//! `S` subscribe, `R` replay (subscribe from a position), `P` publish, `J` join, `U` users (HTTP),
//! `D` detail of the statistics (HTTP), `B` broadcast (HTTP), `E` event stream.
//!
//! `+` done, `a` authentication_required, `d` permission_denied, `u` unknown_channel. Nobody who may not do
//! something learns whether the channel exists; on a channel of the database or the server nobody
//! publishes, whoever they are; and what a browser sends by itself, a cookie, broadcasts nothing over HTTP.

use async_trait::async_trait;
use serde_json::{Value, json};
use server::identify::Everybody;
use tidewire::{
    ChannelName, LiveError,
    contract::Limits,
    server::{
        Action, Database, Identity, Permissions, Policy,
        identity::{Authenticate, Connect},
    },
};

use crate::support::{
    Answer, Events, Socket, TestServer, declare,
    jwt::{SECRET, in_seconds, jwt},
    new_folder, post_body, queries, request, url,
};

const WHO: [&str; 8] =
    ["guest", "ann", "bob", "admin", "expired", "revoked", "weak key", "strong key"];

#[rustfmt::skip]
const TABLE: [(&str, [&str; 8]); 13] = [
    //                         guest       ann         bob         admin       expired     revoked     weak key    strong key
    //                         SRPJUDBE    SRPJUDBE    SRPJUDBE    SRPJUDBE    SRPJUDBE    SRPJUDBE    SRPJUDBE    SRPJUDBE
    ("resource:product",     ["++daaaa+", "++dddda+", "++dddda+", "++d+++a+", "aaaaaaaa", "aaaaaaaa", "dddddddd", "++d+++d+"]),
    ("product:1",            ["++daaaa+", "++dddda+", "++dddda+", "++d+++a+", "aaaaaaaa", "aaaaaaaa", "dddddddd", "++d+++d+"]),
    ("table:public.products",["aadaaaaa", "ddddddad", "ddddddad", "++d+++a+", "aaaaaaaa", "aaaaaaaa", "dddddddd", "++d+++d+"]),
    ("room:lobby",           ["++aaaaa+", "+++++da+", "+++++da+", "++++++a+", "aaaaaaaa", "aaaaaaaa", "dddddddd", "++++++++"]),
    ("room:board",           ["aaaaaaaa", "+++++da+", "ddddddad", "++++++a+", "aaaaaaaa", "aaaaaaaa", "dddddddd", "++++++++"]),
    ("user:ann:inbox",       ["aaaaaaaa", "++dddda+", "ddddddad", "++++++a+", "aaaaaaaa", "aaaaaaaa", "dddddddd", "++++++++"]),
    ("order:1",              ["aaaaaaaa", "+++ddda+", "+++ddda+", "++++++a+", "aaaaaaaa", "aaaaaaaa", "dddddddd", "++++++++"]),
    ("revalidate:products",  ["++daaaa+", "++dddda+", "++dddda+", "++d+++a+", "aaaaaaaa", "aaaaaaaa", "dddddddd", "++d+++d+"]),
    ("query:dearer:{}",      ["aadaaaaa", "++dddda+", "++dddda+", "++d+++a+", "aaaaaaaa", "aaaaaaaa", "dddddddd", "++d+++d+"]),
    ("query:mine:{}",        ["aadaaaaa", "++dddda+", "++dddda+", "++d+++a+", "aaaaaaaa", "aaaaaaaa", "dddddddd", "++d+++d+"]),
    ("access:revoked",       ["aadaaaaa", "ddddddad", "ddddddad", "ddddd+ad", "aaaaaaaa", "aaaaaaaa", "dddddddd", "ddddd+dd"]),
    ("resource:boat",        ["aadaaaaa", "ddddddad", "ddddddad", "uudu++au", "aaaaaaaa", "aaaaaaaa", "dddddddd", "uudu++du"]),
    ("nobody:knows",         ["aaaaaaaa", "ddddddad", "ddddddad", "++++++a+", "aaaaaaaa", "aaaaaaaa", "dddddddd", "++++++++"]),
];

/// The rules of the house; what they do not name is closed.
struct House;

#[async_trait]
impl Policy for House {
    async fn allows(&self, who: &Identity, action: Action, channel: &ChannelName) -> bool {
        use Action::{Inspect, Read, Write};
        let user = who.signed_in().map(|id| &**id);
        let segments: Vec<&str> = channel.as_str().split(':').collect();
        match (&segments[..], action) {
            // The catalogue is public.
            (["resource" | "revalidate", "product" | "products"] | ["product", _], Read) => true,
            // Everybody listens in the lobby; users speak, and are seen.
            (["room", "lobby"], Read) => true,
            (["room", "lobby"], action) => user.is_some() && action != Inspect,
            // Of the board ann is the only member.
            (["room", "board"], action) => user == Some("ann") && action != Inspect,
            // An inbox is its owner's.
            (["user", owner, "inbox"], Read) => user == Some(owner),
            (["order", _] | ["query", ..], Read) | (["order", _], Write) => user.is_some(),
            _ => false,
        }
    }
}

/// Who has signed in, by a cookie that needs no secret.
struct Signed;

#[async_trait]
impl Authenticate for Signed {
    async fn identify(&self, request: Connect<'_>) -> Result<Identity, LiveError> {
        let cookie = request.headers.get("cookie").and_then(|value| value.to_str().ok());
        let all = || Permissions::parse(["read:*", "write:*", "inspect:*"]).unwrap();
        Ok(match cookie.and_then(|cookie| cookie.strip_prefix("user=")) {
            None => Identity::guest("a guest"),
            Some("admin") => Identity::user("admin").with_permissions(all()),
            Some(user) => Identity::user(user),
        })
    }
}

/// A server, and the header by which each of [`WHO`] proves themselves.
async fn house() -> (TestServer, Vec<Option<(&'static str, String)>>) {
    let limits = Limits {
        looks_per_minute: 100_000,
        wrong_proofs_per_minute: 100_000,
        connects_per_minute: 100_000,
        broadcasts_per_window: 100_000,
        ..Limits::default()
    };
    let folder = new_folder();
    let database = Database::open(&url(&folder)).await.unwrap();
    database.migrate(&app::MIGRATIONS).await.unwrap();
    let everybody = Everybody::new(database.clone(), Signed).token_secret(Some(SECRET));
    let describe = |builder| queries::add(declare(builder)).authenticate(everybody).policy(House);
    let server = TestServer::start_with(folder, limits, describe).await;
    let key = async |name: &str, permissions: &[&str]| {
        let permissions = Permissions::parse(permissions.iter().copied()).unwrap();
        app::keys::add(&database, name, &permissions).await.unwrap()
    };
    let all = ["read:*", "write:*", "inspect:*"];
    let (id, revoked) = key("revoked", &all).await;
    assert!(app::keys::revoke(&database, &id).await.unwrap());
    let (_, weak) = key("weak", &["read:elsewhere", "write:room", "inspect:clients"]).await;
    let (_, strong) = key("strong", &all).await;
    let expired = jwt(&json!({"sub": "ann", "permissions": all, "exp": in_seconds(-1)}));
    let cookie = |user: &str| Some(("cookie", format!("user={user}")));
    let bearer = |proof: &str| Some(("authorization", format!("Bearer {proof}")));
    let proofs = vec![
        None,
        cookie("ann"),
        cookie("bob"),
        cookie("admin"),
        bearer(&expired),
        bearer(revoked.reveal()),
        bearer(weak.reveal()),
        bearer(strong.reveal()),
    ];
    (server, proofs)
}

#[tokio::test]
async fn spec_sy6_spec_fb4_spec_sy5_everybody_may_do_what_the_table_says_and_nothing_else() {
    let (server, proofs) = house().await;
    let head = server.realtime.database().read().await.unwrap().position().to_string();
    let (mut expected, mut found) = (String::new(), String::new());
    for (kind, row) in TABLE {
        let channel = channel(kind);
        for ((who, proof), cell) in WHO.iter().zip(&proofs).zip(row) {
            let seen = cell_of(&server, &channel, proof.as_ref(), &head).await;
            expected += &format!("{kind:<22} {who:<10} {cell}\n");
            found += &format!("{kind:<22} {who:<10} {seen}\n");
        }
    }
    for (expected, found) in expected.lines().zip(found.lines()) {
        assert_eq!(found, expected, "SRPJUDBE");
    }
    server.stop().await;
}

/// A kind's channel; `{}` stands for the parameters of a query.
fn channel(kind: &str) -> String {
    // {"tag":"matrix","than":1}, which the other query does not mind.
    kind.replace("{}", "peyJ0YWciOiJtYXRyaXgiLCJ0aGFuIjoxfQ")
}

/// The letters of all operations of somebody on a channel.
async fn cell_of(
    server: &TestServer,
    channel: &str,
    proof: Option<&(&'static str, String)>,
    head: &str,
) -> String {
    let line = proof.map(|(name, value)| format!("{name}: {value}"));
    let lines = line.as_ref().map(|line| format!("{line}\r\n")).unwrap_or_default();
    let by_socket = over_a_socket(server, channel, proof, head).await;
    let mut cell = by_socket.clone().unwrap_or_else(|letter| letter.to_string().repeat(4));
    let get = async |path: String| {
        let head = format!("GET {path} HTTP/1.1\r\n{lines}");
        request(server.address, &head, b"").await.unwrap()
    };
    cell.push(answered(&get(format!("/realtime/channel/users?channel={channel}")).await));
    cell.push(answered(&get("/realtime/stats?detail=channels".into()).await));
    let body = json!({"channel": channel, "payload": {"number": 1}}).to_string();
    let sent: Vec<&str> = line.iter().map(String::as_str).collect();
    let sent = post_body(server.address, "/realtime/broadcast", &sent, &body).await;
    cell.push(answered(&sent));
    let path = format!("/realtime/sse?channel={channel}");
    cell.push(if by_socket.is_err() {
        answered(&get(path).await)
    } else {
        let channel = format!("channel={channel}");
        let mut stream = Events::open_with(server.address, &channel, &lines).await;
        told(&stream.next_json().await)
    });
    cell
}

/// The letters of the first four, or how the connection was refused.
async fn over_a_socket(
    server: &TestServer,
    channel: &str,
    proof: Option<&(&'static str, String)>,
    head: &str,
) -> Result<String, char> {
    let headers: Vec<_> = proof.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let mut socket = match Socket::attempt(server.address, &headers).await {
        Ok(socket) => socket,
        Err(away) => return Err(letter(&away.body["code"])),
    };
    let mut letters = String::new();
    for (reference, mut frame) in (1..).zip([
        json!({"type": "subscribe"}),
        json!({"type": "subscribe", "since": head}),
        json!({"type": "broadcast", "payload": {"number": 1}}),
        json!({"type": "subscribe", "presence": {}}),
    ]) {
        frame["channel"] = channel.into();
        frame["ref"] = reference.into();
        socket.send_json(frame).await;
        // Between the answers there are events.
        let answer = loop {
            let frame = socket.next_json().await;
            if frame["ref"] == reference {
                break frame;
            }
        };
        letters.push(told(&answer));
    }
    Ok(letters)
}

fn told(frame: &Value) -> char {
    match frame["type"].as_str() {
        Some("ack") => '+',
        Some("error") => letter(&frame["code"]),
        _ => panic!("no answer: {frame}"),
    }
}

fn answered(answer: &Answer) -> char {
    if answer.status == 200 { '+' } else { letter(&answer.json()["code"]) }
}

fn letter(code: &Value) -> char {
    match code.as_str() {
        Some("authentication_required") => 'a',
        Some("permission_denied") => 'd',
        Some("unknown_channel") => 'u',
        _ => panic!("{code}"),
    }
}
