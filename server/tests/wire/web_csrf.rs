//! Only the site's own pages change something, and only what changes nothing answers to a link.

use axum::http::Method;
use leptos::server_fn::axum::server_fn_paths;
use tidewire::Refusal;

use crate::support::{Answer, TestServer, Writer, get, new_folder, request};

const ID: &str = "0197f0a0-0000-7000-8000-000000000001";
const COOKIE: &str = "tidewire_guest=0123456789abcdef0123456789abcdef";
const ADD: &str = "/api/app/todos/model/add_todo";

/// What a browser sends for a form on some page, with these further header lines.
async fn post(server: &TestServer, path: &str, accept: &str, lines: &str) -> Answer {
    let head = format!(
        "POST {path} HTTP/1.1\r\nCookie: {COOKIE}\r\nAccept: {accept}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n{lines}"
    );
    let body = format!("id={ID}&title=Posted");
    request(server.address, &head, body.as_bytes()).await.expect("the server answers")
}

async fn todos(writer: &Writer) -> String {
    writer.text("SELECT CAST(count(*) AS TEXT) FROM todos").await.unwrap()
}

#[tokio::test]
async fn spec_bq9_a_form_on_a_page_of_another_site_changes_nothing() {
    let server = TestServer::start_in(new_folder(), |config| {
        config.allowed_origins = vec!["https://friend.example".into()];
    })
    .await;
    let writer = server.writer().await;
    let own = format!("Origin: http://{}\r\n", server.address);
    for foreign in [
        "Origin: https://evil.example\r\n".to_owned(),
        "Origin: null\r\n".to_owned(),
        "Origin: http://127.0.0.1:1\r\n".to_owned(),
        "Origin: https://evil.example\r\nSec-Fetch-Site: cross-site\r\n".to_owned(),
        "Sec-Fetch-Site: cross-site\r\n".to_owned(),
        "Sec-Fetch-Site: same-site\r\n".to_owned(),
        format!("{own}Sec-Fetch-Site: same-site\r\n"),
        format!("{own}Origin: https://evil.example\r\n"),
    ] {
        let form = post(&server, ADD, "text/html", &foreign).await;
        assert_eq!(form.status, 403, "{foreign}");
        assert!(form.body.contains("by a page of another site"), "{}", form.body);
        assert_eq!(form.header("content-type").unwrap(), "text/plain; charset=utf-8");
        let call = post(&server, ADD, "application/json", &foreign).await;
        assert_eq!(call.status, 403, "{foreign}");
        let refusal: Refusal =
            serde_json::from_str(&call.body).expect("what the page's code reads");
        assert!(refusal.reason().contains("another site"));
    }
    assert_eq!(todos(&writer).await, "0");
    for own in [
        String::new(),
        own.clone(),
        format!("{own}Sec-Fetch-Site: same-origin\r\n"),
        "Origin: null\r\nSec-Fetch-Site: same-origin\r\n".to_owned(),
        "Origin: https://friend.example\r\nSec-Fetch-Site: cross-site\r\n".to_owned(),
    ] {
        writer.run("DELETE FROM todos").await;
        let call = post(&server, ADD, "application/json", &own).await;
        assert_eq!((call.status, todos(&writer).await.as_str()), (200, "1"), "{own}");
    }
    server.stop().await;
}

#[tokio::test]
async fn spec_bq9_whatever_changes_something_asks_whose_page_it_is() {
    let server = TestServer::start_in(new_folder(), |config| {
        config.broadcast_key = Some("key".into());
    })
    .await;
    let foreign = "Origin: https://evil.example\r\nSec-Fetch-Site: cross-site\r\n";
    let paths: Vec<_> = server_fn_paths().map(|(path, _)| path).collect();
    assert!(paths.len() >= 9, "{paths:?}");
    for path in paths.into_iter().chain(["/", "/todos", "/nowhere", "/favicon.ico"]) {
        for method in ["POST", "PUT", "DELETE", "PATCH"] {
            let head = format!("{method} {path} HTTP/1.1\r\nCookie: {COOKIE}\r\n{foreign}");
            let answer = request(server.address, &head, b"").await.unwrap();
            assert_eq!(answer.status, 403, "{method} {path}");
        }
    }
    for path in ["/realtime/sse?connection=c0ffee", "/realtime/sse"] {
        let head = format!("POST {path} HTTP/1.1\r\nCookie: {COOKIE}\r\n{foreign}");
        assert_eq!(request(server.address, &head, b"{}").await.unwrap().status, 403, "{path}");
    }
    // The one that looks at no cookie, but at a key that no browser has.
    let head = format!("POST /realtime/broadcast HTTP/1.1\r\nCookie: {COOKIE}\r\n{foreign}");
    let body = br#"{"channel":"room:a","payload":1}"#;
    assert_eq!(request(server.address, &head, body).await.unwrap().status, 401);
    let head = format!("{head}Authorization: Bearer key\r\n");
    assert_eq!(request(server.address, &head, body).await.unwrap().status, 200);
    server.stop().await;
}

#[tokio::test]
async fn spec_bq9_no_server_function_answers_to_a_link() {
    let server = TestServer::start().await;
    let writer = server.writer().await;
    writer.run(format!("INSERT INTO todos VALUES ('{ID}', 'Still here', 0, 1)")).await;
    let dump = "SELECT group_concat(id || title || done || version) || \
                (SELECT group_concat(id || name || price) FROM products) FROM todos";
    let before = writer.text(dump).await;
    for (path, method) in server_fn_paths() {
        assert_eq!(method, Method::POST, "{path}");
        let query = format!("id={ID}&title=Changed&done=true&version=1&was=x&name=x&price=1");
        for method in ["GET", "HEAD"] {
            let head = format!("{method} {path}?{query} HTTP/1.1\r\nCookie: {COOKIE}\r\n");
            if let Ok(answer) = request(server.address, &head, b"").await {
                assert!([404, 405].contains(&answer.status), "{method} {path}: {}", answer.status);
            }
        }
    }
    assert_eq!(writer.text(dump).await, before);
    server.stop().await;
}

#[tokio::test]
async fn spec_bq9_a_form_does_not_lead_to_another_site() {
    let server = TestServer::start().await;
    let address = server.address;
    for foreign in [
        "https://evil.example/todos".to_owned(),
        format!("http://{address}@evil.example/"),
        format!("http://{address}.evil.example/"),
        "//evil.example/".to_owned(),
        "javascript:alert(1)".to_owned(),
    ] {
        // Done, and refused.
        for path in [ADD, "/api/app/todos/model/rename_todo"] {
            let answer = post(&server, path, "text/html", &format!("Referer: {foreign}\r\n")).await;
            assert_eq!((answer.status, answer.location.as_deref()), (302, Some("/")), "{foreign}");
        }
    }
    let back = format!("http://{address}/todos?show=open");
    let answer = post(&server, ADD, "text/html", &format!("Referer: {back}\r\n")).await;
    assert_eq!(answer.location, Some(back));
    assert_eq!(get(address, "/todos").await.status, 200);
    server.stop().await;
}
