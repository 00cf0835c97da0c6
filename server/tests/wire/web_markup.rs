//! What people write is shown as what they wrote: no title, name, answer or address becomes markup, an
//! attribute or a script.

use serde_json::json;

use super::presence::BOB;
use crate::support::{Answer, Browser, PASSWORD, TestServer, get, get_as, post_form, snapshot};

const ID: &str = "0197f0a0-0000-7000-8000-000000000001";

/// What breaks out of text, an attribute, a comment, a script, or a string in one.
const HOSTILE: [&str; 12] = [
    "</script><script>alert(1)</script>",
    "<script>alert(1)</script>",
    "<!--<script>",
    "--><img src=x onerror=alert(1)>",
    "\"><img src=x onerror=alert(1)>",
    "' onfocus='alert(1)' autofocus='",
    "\" onfocus=\"alert(1)\" autofocus=\"",
    "</title></textarea></style><svg onload=alert(1)>",
    "\\\"];alert(1);//",
    "\u{2028}alert(1)\u{2029}//",
    "${alert(1)}`{{alert(1)}}",
    "&lt;img src=x onerror=alert(1)&gt; &amp;quot;",
];

/// One more tag than the page has with harmless text, or one attribute that runs code.
fn check(page: &Answer, harmless: &Answer, what: &str) {
    let html = &page.body;
    for broken in
        ["<img", "<svg onload", "<script>alert", "</script><script>alert", "\u{2028}", "\u{2029}"]
    {
        assert!(!script_part(html).contains(broken), "{what}: {broken} in a script");
    }
    for tag in tags(html) {
        let attributes = unquoted(tag);
        for wrong in ["onerror", "onfocus", "onload", "autofocus", "alert("] {
            assert!(!attributes.contains(wrong), "{what}: {tag}");
        }
        assert!(!tag.starts_with("img"), "{what}: {tag}");
    }
    let count =
        |html: &str, name: &str| tags(html).iter().filter(|tag| is_called(tag, name)).count();
    for name in ["title", "textarea", "style", "form", "li"] {
        assert_eq!(count(html, name), count(&harmless.body, name), "{what}: <{name}>");
    }
    // How many there are depends on what was ready when; but all of them are the server's.
    assert_eq!(count(html, "script"), count(html, "/script"), "{what}");
    for script in tags(html).into_iter().filter(|tag| is_called(tag, "script")) {
        assert!(script.contains(" nonce=\""), "{what}: {script}");
    }
}

fn is_called(tag: &str, name: &str) -> bool {
    tag.strip_prefix(name).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
}

/// Everything between `<` and `>`, where a quoted `>` does not end it.
fn tags(html: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        // Leptos marks places by comments, in which nobody's words are.
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, rest)| rest);
            continue;
        }
        let mut quote = None;
        let end = rest.find(|c: char| match (quote, c) {
            (None, '"' | '\'') => {
                quote = Some(c);
                false
            }
            (Some(open), c) if open == c => {
                quote = None;
                false
            }
            (None, '>') => true,
            _ => false,
        });
        let tag = &rest[..end.unwrap_or(rest.len())];
        found.push(tag);
        rest = &rest[tag.len()..];
        // Inside of a script only its end is a tag.
        if is_called(tag, "script") {
            rest = &rest[rest.find("</script").unwrap_or(rest.len())..];
        }
    }
    found
}

/// A tag without the values of its attributes.
fn unquoted(tag: &str) -> String {
    tag.split('"').step_by(2).collect()
}

/// The scripts' own text.
fn script_part(html: &str) -> String {
    let scripts = html.split("<script").skip(1);
    scripts.map(|script| script.split("</script").next().unwrap_or_default()).collect()
}

#[tokio::test]
async fn spec_sy8_a_title_is_shown_as_text_wherever_it_stands() {
    let server = TestServer::start().await;
    let writer = server.writer().await;
    writer.run(format!("INSERT INTO todos VALUES ('{ID}', 'Harmless', 0, 1)")).await;
    let quiet = [get(server.address, "/todos").await, get(server.address, "/").await];
    for title in HOSTILE {
        let quoted = title.replace('\'', "''");
        writer.run(format!("UPDATE todos SET title = '{quoted}'")).await;
        for (path, harmless) in ["/todos", "/"].into_iter().zip(&quiet) {
            check(&get(server.address, path).await, harmless, &format!("{path} {title:?}"));
        }
        // Nothing was lost over it.
        let rows = snapshot(server.address, "todos/model/list_todos").await.unwrap();
        assert_eq!(rows["rows"][0]["title"], title);
    }
    let escaped = get(server.address, "/todos").await.body;
    assert!(
        escaped.contains("&amp;lt;img src=x"),
        "an entity that was written stays what was written"
    );
    server.stop().await;
}

#[tokio::test]
async fn spec_sy8_a_products_name_is_shown_as_text() {
    let server = TestServer::start().await;
    let writer = server.writer().await;
    let quiet = get(server.address, "/products").await;
    for name in HOSTILE {
        let quoted = name.replace('\'', "''");
        writer.run(format!("UPDATE products SET name = '{quoted}' WHERE id = 2")).await;
        check(&get(server.address, "/products").await, &quiet, &format!("{name:?}"));
    }
    server.stop().await;
}

#[tokio::test]
async fn spec_sy8_a_visitors_name_is_shown_as_text() {
    let server = TestServer::start().await;
    let ann = Browser::user(server.address, "Harmless", "ann").await;
    let writer = server.writer().await;
    let cookie = format!("tidewire_guest={BOB}");
    let join = json!({"type": "subscribe", "channel": "page:todos", "presence": {"name": "x"}});
    let mut here = ann.connect().await;
    here.send_json(join.clone()).await;
    here.expect("ack").await;
    here.expect("presence_state").await;
    let quiet = get_as(server.address, "/todos", &cookie).await;
    for name in HOSTILE {
        // Past the form, which does not take all of these.
        let quoted = name.replace('\'', "''");
        writer.run(format!("UPDATE users SET name = '{quoted}' WHERE login = 'ann'")).await;
        let mut newer = ann.connect().await;
        newer.send_json(join.clone()).await;
        newer.expect("ack").await;
        let state = newer.expect("presence_state").await;
        assert_eq!(state["users"][0]["data"]["name"], name, "{state}");
        here = newer;
        let page = get_as(server.address, "/todos", &cookie).await;
        assert!(page.body.contains("2 people here"), "{name:?}");
        check(&page, &quiet, &format!("{name:?}"));
    }
    drop(here);
    server.stop().await;
}

#[tokio::test]
async fn spec_sy8_an_address_is_not_shown_as_markup() {
    let server = TestServer::start().await;
    let quiet = get(server.address, "/todos").await;
    for text in HOSTILE {
        let escaped: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        // As browsers write it, and as a program may.
        let raw: String = text.chars().filter(|c| c.is_ascii_graphic()).collect();
        for query in [escaped, raw.replace('#', "")] {
            for name in ["show", "__path", "__err", "x"] {
                let path = format!("/todos?{name}={query}");
                let page = get(server.address, &path).await;
                // Not all of this is an address.
                if page.status != 400 {
                    check(&page, &quiet, &path);
                }
            }
        }
    }
    server.stop().await;
}

/// {"failed":{"message":"Call 555 to keep your account."}}
const LIE: &str = "eyJmYWlsZWQiOnsibWVzc2FnZSI6IkNhbGwgNTU1IHRvIGtlZXAgeW91ciBhY2NvdW50LiJ9fQ==";

/// Whether a page says it with whatever an answer made of it.
async fn says_the_lie(server: &TestServer, answer: &Answer) -> bool {
    let back = answer.location.clone().unwrap_or_default();
    let mut said = false;
    for part in back.split(['?', '&', '#', '/']).filter(|part| part.starts_with("__err=")) {
        for path in [format!("/todos?{part}"), format!("/sign-in?__path={SIGN_IN}&{part}")] {
            said |= get(server.address, &path).await.body.contains("Call 555");
        }
    }
    said
}

const SIGN_IN: &str = "/api/app/accounts/forms/sign_in";

#[tokio::test]
async fn spec_sy8_nobody_has_the_server_seal_what_they_brought_along() {
    let server = TestServer::start().await;
    let lies = [
        format!("#__err={LIE}"),
        format!("?x#__err={LIE}"),
        format!("?__err={LIE}"),
        format!("?show=open&__path=%2Fapi&__err={LIE}#x"),
        format!("/__err={LIE}"),
    ];
    let mut next_id = 0;
    for lie in &lies {
        for title in ["Whatever", " "] {
            next_id += 1;
            let id = format!("0197f0a0-0000-7000-8000-{next_id:012}");
            let fields = [("id", id.as_str()), ("title", title)];
            let path = "/api/app/todos/model/add_todo";
            let from = format!("/todos{lie}");
            let answer = post_form(server.address, path, &from, &fields).await;
            assert_eq!(answer.status, 302, "{answer:?}");
            assert!(!says_the_lie(&server, &answer).await, "{from}: {answer:?}");
            let back = answer.location.unwrap();
            assert_eq!(back.contains("&__err="), title == " ", "{back}");
        }
    }
    // Nor does the place to go to after signing in.
    let mut ann = Browser::user(server.address, "Ann", "ann").await;
    for lie in &lies {
        let next = format!("/sign-in{lie}");
        let fields = [("login", "ann"), ("password", PASSWORD), ("next", &next)];
        let answer = ann.post("accounts/forms/sign_in", "/sign-in", &fields).await;
        assert_eq!(answer.location.as_deref(), Some("/"), "{next}");
    }
    server.stop().await;
}

#[tokio::test]
async fn spec_sy8_a_link_does_not_make_a_page_say_what_its_author_likes() {
    let server = TestServer::start().await;
    let reason = LIE;
    for query in [
        format!("__err={reason}"),
        format!("__err={}", reason.replace('=', "%3D")),
        format!("__path=%2Fapi&__err={reason}.00000000000000000000000000000000"),
        format!("__err={reason}&__err={reason}."),
        "__err=!".to_owned(),
        "__err=".to_owned(),
    ] {
        let page = get(server.address, &format!("/todos?{query}")).await;
        assert_eq!(page.status, 200);
        for said in ["Call 555", "That was not saved", "Invalid symbol"] {
            assert!(!page.body.contains(said), "{query}: {said}");
        }
    }
    // What the server itself refused, it says; and what somebody wrote is text there, too.
    let writer = server.writer().await;
    let title = "</script><img src=x onerror=alert(1)>";
    writer.run(format!("INSERT INTO todos VALUES ('{ID}', '{title}', 0, 5)")).await;
    let quiet = get(server.address, "/todos").await;
    let fields = [("id", ID), ("version", "4"), ("was", "Before"), ("title", "Mine")];
    let path = "/api/app/todos/model/rename_todo";
    let answer = post_form(server.address, path, "/todos", &fields).await;
    let back = answer.location.unwrap();
    let back = back.split_once(&server.address.to_string()).unwrap().1.to_owned();
    let page = get(server.address, &back).await;
    assert!(page.body.contains("Somebody else changed this") && page.body.contains("It is now"));
    check(&page, &quiet, "a conflict");
    // Not after somebody has changed a letter of it.
    let forged = back.replacen("__err=ey", "__err=ez", 1);
    assert_ne!(forged, back);
    assert!(!get(server.address, &forged).await.body.contains("That was not saved"));
    server.stop().await;
}
