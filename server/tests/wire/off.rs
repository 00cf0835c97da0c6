//! Realtime switched off: pages work and say that they are not live, and nobody connects.

use clap::Parser;
use serde_json::json;
use server::{Config, Server, StartError};

use crate::support::{
    Answer, Socket, TestServer, get, new_folder, post_form, post_json, request, snapshot, url,
};

fn expect_off(answer: &Answer) {
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(answer.json()["code"], "realtime_disabled");
    assert!(answer.json()["message"].as_str().is_some_and(|text| !text.is_empty()));
    assert!(answer.retry_after.is_some());
}

#[tokio::test]
async fn spec_en4_switched_off_nobody_connects_and_everything_else_works() {
    let server = TestServer::start_in(new_folder(), |config| config.realtime = false).await;
    let upgrade = "GET /realtime HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    for head in [
        upgrade,
        "GET /realtime HTTP/1.1\r\n",
        "GET /realtime/sse?channel=resource:todo HTTP/1.1\r\n",
        "POST /realtime/sse?connection=c0ffee HTTP/1.1\r\n",
    ] {
        expect_off(&request(server.address, head, b"").await.unwrap());
    }
    let stats = get(server.address, "/realtime/stats").await.json();
    assert_eq!(stats["connections"], 0);

    let fields = [("id", "0197f0a0-0000-7000-8000-000000000001"), ("title", "Still here")];
    let written = post_json(server.address, "/api/app/todos/model/add_todo", &fields).await;
    let written = written.unwrap().json();
    assert_eq!(written["row"]["title"], "Still here");
    let todos = snapshot(server.address, "todos/model/list_todos").await.unwrap();
    assert_eq!(todos["rows"][0]["title"], "Still here");
    assert_eq!(todos["position"], written["position"]);
    let fields = [("id", "0197f0a0-0000-7000-8000-000000000002"), ("title", "By a form")];
    let posted =
        post_form(server.address, "/api/app/todos/model/add_todo", "/todos", &fields).await;
    assert_eq!(posted.status, 302);
    assert!(posted.location.is_some_and(|to| to.contains("/todos")));
    for path in ["/", "/todos", "/products", "/nowhere"] {
        let page = get(server.address, path).await.body;
        assert!(page.contains("Not live"), "{path} says so in its badge");
        assert!(page.contains("Live updates are switched off on this server."), "{path}");
    }
    let page = get(server.address, "/todos").await.body;
    assert!(page.contains("Still here") && page.contains("By a form"));
    server.stop().await;
}

#[tokio::test]
async fn spec_en4_positions_hold_while_it_is_off() {
    let server = TestServer::start().await;
    let since = server.connect().await.subscribe("resource:product").await;
    let folder = server.folder();
    server.stop().await;
    let server = TestServer::start_in(folder.clone(), |config| config.realtime = false).await;
    server.writer().await.products("meanwhile", 0..3).await;
    server.stop().await;
    let server = TestServer::start_in(folder, |_| {}).await;
    let mut client = server.connect().await;
    let ack = client.subscribe_since("resource:product", &since).await;
    assert_eq!((&ack["type"], &ack["replay"]), (&json!("ack"), &json!(3)));
    assert_eq!(client.payloads(3).await[0]["record"]["name"], "meanwhile0");
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn spec_en4_switched_on_pages_do_not_say_that_they_are_off() {
    let server = TestServer::start().await;
    let page = get(server.address, "/todos").await.body;
    assert!(page.contains("Connecting"));
    assert!(!page.contains("Not live<") && !page.contains("switched off"));
    server.stop().await;
}

#[tokio::test]
async fn spec_bq8_the_path_can_be_chosen_and_pages_are_told() {
    let live = |config: &mut Config| config.realtime_path = "/live/now".into();
    let server = TestServer::start_in(new_folder(), live).await;
    let mut socket = Socket::connect_at(server.address, "/live/now").await;
    socket.subscribe("resource:todo").await;
    assert_eq!(get(server.address, "/live/now/stats").await.json()["connections"], 1);
    assert_eq!(get(server.address, "/api/realtime/stats").await.json()["connections"], 1);
    assert_eq!(get(server.address, "/realtime").await.status, 404);
    assert!(get(server.address, "/").await.body.contains("/live/now"));
    drop(socket);
    server.stop().await;
}

#[test]
fn spec_bq8_settings_are_checked() {
    let parse = |arguments: &[&str]| {
        Config::try_parse_from(std::iter::once(&"server").chain(arguments)).ok()
    };
    assert!(!parse(&["--realtime", "off"]).unwrap().realtime);
    assert!(parse(&["--realtime", "on"]).unwrap().realtime);
    assert!(parse(&["--realtime", "maybe"]).is_none());
    for path in [
        "",
        "/",
        "live",
        "/live/",
        "//live",
        "/{x}",
        "/a b",
        "/api",
        "/api/x",
        "/*x",
        "/metrics",
        "/healthz",
        "/readyz",
        "/pkg",
        "/pkg/live",
        "/..",
    ] {
        assert!(parse(&["--realtime-path", path]).is_none(), "{path:?}");
    }
    assert_eq!(parse(&["--realtime-path", "/a/b.c"]).unwrap().realtime_path, "/a/b.c");
}

#[tokio::test]
async fn spec_bq8_a_path_that_is_a_pages_keeps_the_server_from_starting() {
    for path in ["/todos", "/products"] {
        let folder = new_folder();
        let mut config = Config::parse_from(["server", "--realtime-path", path]);
        config.address = "127.0.0.1:0".parse().unwrap();
        config.database_url = url(&folder).into();
        let Err(StartError::Settings(why)) = Server::start(config).await else { panic!("{path}") };
        assert!(why.contains(path) && why.contains("TIDEWIRE_REALTIME_PATH"), "{why}");
    }
}
