//! What every answer tells a browser: the policy of a page with its nonce, who may keep it, by which way to
//! come back.

use std::collections::HashSet;

use crate::support::{Answer, Browser, TestServer, get, get_as, new_folder, post_form, request};

const COOKIE: &str = "tidewire_guest=0123456789abcdef0123456789abcdef";

/// A server with a few built files.
async fn with_files() -> TestServer {
    let folder = new_folder();
    let site = folder.path().join("site");
    std::fs::create_dir_all(site.join("pkg")).unwrap();
    for (name, text) in
        [("pkg/tidewire.js", "export {}"), ("pkg/tidewire.css", "a{}"), ("x.svg", "<svg/>")]
    {
        std::fs::write(site.join(name), text).unwrap();
    }
    TestServer::start_in(folder, |_| {}).await
}

fn policy(answer: &Answer) -> String {
    answer.header("content-security-policy").expect("a policy")
}

/// The sources of one directive.
fn sources(policy: &str, directive: &str) -> Vec<String> {
    let mut directives = policy.split(';').map(|text| text.split_whitespace());
    let found = directives.find_map(|mut words| (words.next() == Some(directive)).then_some(words));
    found.unwrap_or_else(|| panic!("{directive}: {policy}")).map(str::to_owned).collect()
}

fn nonce(policy: &str) -> String {
    let sources = sources(policy, "script-src");
    let nonce = sources.iter().find_map(|source| source.strip_prefix("'nonce-")).expect("a nonce");
    nonce.trim_end_matches('\'').to_owned()
}

/// The tags of this name, as they are opened.
fn tags<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
    let begin = format!("<{name}");
    let found = html.match_indices(&begin).map(|(at, _)| &html[at + 1..]);
    let found = found.filter(|tag| !tag[name.len()..].starts_with(|c: char| c.is_alphanumeric()));
    found.map(|tag| &tag[..tag.find('>').expect("a tag ends")]).collect()
}

#[tokio::test]
async fn spec_sy8_a_page_runs_no_script_but_its_own() {
    let server = TestServer::start().await;
    let mut nonces = HashSet::new();
    for path in ["/", "/todos", "/products", "/nowhere", "/todos?__err=x", "/todos"] {
        let page = get(server.address, path).await;
        let policy = policy(&page);
        let nonce = nonce(&policy);
        assert!(nonce.len() >= 22 && nonces.insert(nonce.clone()), "used before: {nonce}");
        let own = format!("'nonce-{nonce}'");
        let expected = ["'self'", &own, "'wasm-unsafe-eval'"];
        assert_eq!(sources(&policy, "script-src"), expected, "{path}");
        for (directive, expected) in [
            ("default-src", "'self'"),
            ("connect-src", "'self'"),
            ("form-action", "'self'"),
            ("base-uri", "'none'"),
            ("object-src", "'none'"),
            ("frame-ancestors", "'none'"),
        ] {
            assert_eq!(sources(&policy, directive), [expected], "{path} {directive}");
        }
        // What it does run: every script has the nonce, and nothing is written into an attribute.
        let scripts = tags(&page.body, "script");
        assert!(scripts.len() >= 4, "{path}: {scripts:?}");
        for script in scripts {
            assert!(script.contains(&format!("nonce=\"{nonce}\"")), "{path}: {script}");
        }
        for tag in page.body.split('<').filter_map(|rest| rest.split('>').next()) {
            let attributes = tag.split_whitespace().skip(1);
            for attribute in attributes {
                let name = attribute.split_once('=').map_or("", |(name, _)| name);
                assert!(name != "style" && !name.starts_with("on"), "{path}: {tag}");
            }
        }
        assert_eq!(tags(&page.body, "style"), [""; 0]);
    }
    server.stop().await;
}

#[tokio::test]
async fn spec_sy8_every_answer_says_what_a_browser_may_not_do_with_it() {
    let server = with_files().await;
    let form = post_form(server.address, "/api/app/todos/model/add_todo", "/todos", &[]).await;
    let mut answers = vec![("a form".to_owned(), form)];
    for path in [
        "/",
        "/todos",
        "/nowhere",
        "/pkg/tidewire.js",
        "/x.svg",
        "/api/nowhere",
        "/healthz",
        "/metrics",
        "/realtime",
        "/realtime/stats",
        "/realtime/nowhere",
        "/%ff",
    ] {
        answers.push((path.to_owned(), get(server.address, path).await));
    }
    let foreign = "POST /todos HTTP/1.1\r\nOrigin: https://evil.example\r\n";
    answers.push(("403".into(), request(server.address, foreign, b"").await.unwrap()));
    let wrong = "DELETE /todos HTTP/1.1\r\n";
    answers.push(("405".into(), request(server.address, wrong, b"").await.unwrap()));
    for (what, answer) in answers {
        for (name, expected) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("x-frame-options", "DENY"),
        ] {
            assert_eq!(answer.header(name).as_deref(), Some(expected), "{what}: {answer:?}");
        }
        assert!(answer.header("permissions-policy").unwrap().contains("camera=()"), "{what}");
        let html = answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
        let policy = policy(&answer);
        assert_eq!(policy.contains("'nonce-"), html, "{what}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{what}: {policy}");
        assert!(!policy.contains("ws:"), "nobody watches this server: {policy}");
        assert_eq!(answer.header("strict-transport-security"), None, "{what}");
    }
    server.stop().await;
}

#[tokio::test]
async fn spec_bq9_what_was_made_for_one_visitor_is_kept_by_nobody() {
    let server = with_files().await;
    for path in ["/", "/todos", "/products", "/nowhere"] {
        let page = get_as(server.address, path, COOKIE).await;
        assert_eq!(page.header("cache-control").as_deref(), Some("private, no-store"), "{path}");
        let vary = page.header("vary").unwrap().to_ascii_lowercase();
        assert!(vary.contains("cookie") && vary.contains("accept-encoding"), "{path}: {vary}");
        assert_eq!(page.header("etag").or(page.header("last-modified")), None, "{path}");
    }
    let mut ann = Browser::user(server.address, "Ann", "ann").await;
    for path in ["/", "/account"] {
        let page = ann.get(path).await;
        assert_eq!(page.header("cache-control").as_deref(), Some("private, no-store"), "{path}");
    }
    let head = "POST /api/app/todos/model/list_todos HTTP/1.1\r\nAccept: application/json\r\n\
                Content-Type: application/json\r\n";
    let rows = request(server.address, head, b"{}").await.unwrap();
    assert_eq!(
        (rows.status, rows.header("cache-control").as_deref()),
        (200, Some("private, no-store"))
    );
    let stats = get(server.address, "/realtime/stats").await;
    assert_eq!(stats.header("cache-control").as_deref(), Some("private, no-store"));
    // Files are everybody's: a browser keeps them and asks whether they still hold.
    for path in ["/pkg/tidewire.js", "/pkg/tidewire.css"] {
        let file = get(server.address, path).await;
        assert_eq!(
            (file.status, file.header("cache-control").as_deref()),
            (200, Some("no-cache")),
            "{path}"
        );
        let vary = file.header("vary").unwrap_or_default().to_ascii_lowercase();
        assert!(!vary.contains("cookie"), "{vary}");
        assert!(file.header("last-modified").is_some());
    }
    server.stop().await;
}

#[tokio::test]
async fn spec_bq9_a_compressed_page_has_its_policy_too() {
    let server = TestServer::start().await;
    let head = "GET /todos HTTP/1.1\r\nAccept: text/html\r\nAccept-Encoding: br\r\n";
    let page = request(server.address, head, b"").await.unwrap();
    assert_eq!(page.header("content-encoding").as_deref(), Some("br"));
    assert!(!nonce(&policy(&page)).is_empty());
    server.stop().await;
}

#[tokio::test]
async fn spec_fb4_the_page_of_an_address_with_nothing_there_knows_who_it_is_for() {
    let server = with_files().await;
    let mut ann = Browser::user(server.address, "Ann", "ann").await;
    let page = ann.get("/nowhere").await;
    assert_eq!(page.status, 404);
    assert!(page.body.contains(">Ann<") && !page.body.contains("Sign in"), "{}", page.body);
    // A file is for nobody in particular, and a missing one gives nobody a cookie.
    server.writer().await.run("UPDATE sessions SET seen = seen - 3600001").await;
    let file = ann.get("/pkg/tidewire.js").await;
    assert_eq!((file.status, file.set_cookies), (200, vec![]));
    assert_eq!(get(server.address, "/pkg/missing.js").await.set_cookie, None);
    let page = ann.get("/nowhere/at/all").await;
    assert_eq!((page.status, page.set_cookies.len()), (404, 1), "the session lasts longer");
    server.stop().await;
}
