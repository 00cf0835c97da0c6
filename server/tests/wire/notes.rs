//! Notes: rows that are somebody's, by plain forms and by scripts.

use serde_json::json;

use crate::support::{Answer, Browser, TestServer, Writer};

const ID: &str = "0197f0a0-0000-7000-8000-000000000001";
const OTHER: &str = "0197f0a0-0000-7000-8000-000000000002";

async fn post(browser: &mut Browser, function: &str, fields: &[(&str, &str)]) -> Answer {
    let answer = browser.post(&format!("notes/model/{function}"), "/notes", fields).await;
    browser.follow(&answer).await
}

async fn notes(writer: &Writer) -> Vec<(String, bool)> {
    let rows = "SELECT text, shared FROM notes ORDER BY text";
    sqlx::query_as(rows).fetch_all(writer.pool()).await.expect("notes are read")
}

#[tokio::test]
async fn spec_nx8_spec_fb9_every_form_of_the_notes_page_posts_and_shows_what_is_ones_own() {
    let server = TestServer::start().await;
    let writer = server.writer().await;
    let mut ann = Browser::user(server.address, "Ann", "ann").await;
    let mut bob = Browser::guest(server.address).await;
    let page = post(&mut ann, "add_note", &[("id", ID), ("text", " Mend the nets ")]).await;
    assert!(page.body.contains("Mend the nets") && page.body.contains("Private"));
    assert_eq!(notes(&writer).await, [("Mend the nets".into(), false)]);
    assert!(!bob.get("/notes").await.body.contains("Mend the nets"));

    post(&mut ann, "share_note", &[("id", ID), ("shared", "true")]).await;
    let page = bob.get("/notes").await;
    assert!(page.body.contains("Mend the nets") && page.body.contains(">Ann<"), "{}", page.body);
    post(&mut ann, "share_note", &[("id", ID), ("shared", "false")]).await;
    assert!(!bob.get("/notes").await.body.contains("Mend the nets"));

    let edit = [("id", ID), ("was", "Mend the nets"), ("text", "Mend the ropes")];
    post(&mut ann, "edit_note", &edit).await;
    assert_eq!(notes(&writer).await, [("Mend the ropes".into(), false)]);
    // From another tab that still shows the old text.
    let page = post(&mut ann, "edit_note", &edit).await;
    assert!(page.body.contains("Somebody else changed this in the meantime."), "{}", page.body);
    assert!(page.body.contains("It is now"));
    let page = post(&mut ann, "add_note", &[("id", OTHER), ("text", "  ")]).await;
    assert!(page.body.contains("A note needs a text."), "{}", page.body);
    post(&mut ann, "remove_note", &[("id", ID)]).await;
    assert_eq!(notes(&writer).await, []);
    server.stop().await;
}

#[tokio::test]
async fn spec_bq9_nobody_changes_a_note_of_somebody_else_or_learns_that_it_is_there() {
    let server = TestServer::start().await;
    let writer = server.writer().await;
    let mut ann = Browser::user(server.address, "Ann", "ann").await;
    let mut bob = Browser::user(server.address, "Bob", "bob").await;
    post(&mut ann, "add_note", &[("id", ID), ("text", "Hers")]).await;
    let calls: [(&str, &[(&str, &str)]); 4] = [
        ("share_note", &[("shared", "true")]),
        ("edit_note", &[("was", "Hers"), ("text", "His")]),
        ("edit_note", &[("was", "Not it"), ("text", "His")]),
        ("remove_note", &[]),
    ];
    for (function, fields) in calls {
        let mut said = Vec::new();
        for id in [ID, OTHER] {
            let fields: Vec<_> = [("id", id)].into_iter().chain(fields.iter().copied()).collect();
            let answer = bob.post(&format!("notes/model/{function}"), "/notes", &fields).await;
            let location = answer.location.unwrap();
            said.push((answer.status, location.contains("__err"), bob.get("/notes").await.status));
            let page =
                bob.get(location.strip_prefix(&format!("http://{}", server.address)).unwrap());
            said.last_mut().unwrap().1 &= page.await.body.contains("deleted in the meantime");
        }
        assert_eq!(said[0], said[1], "{function}");
    }
    assert_eq!(notes(&writer).await, [("Hers".into(), false)]);
    // The same id is taken, which does not show either: his is a note of its own.
    let page = post(&mut bob, "add_note", &[("id", ID), ("text", "His")]).await;
    assert!(page.body.contains("His") && !page.body.contains("Hers"), "{}", page.body);
    assert_eq!(notes(&writer).await, [("Hers".into(), false), ("His".into(), false)]);
    server.stop().await;
}

#[tokio::test]
async fn spec_bq9_a_note_says_whose_it_is_by_itself() {
    let server = TestServer::start().await;
    let writer = server.writer().await;
    let mut ann = Browser::user(server.address, "Ann", "ann").await;
    let lie = [("id", ID), ("text", "x"), ("owner", "somebody"), ("author", "The captain")];
    post(&mut ann, "add_note", &lie).await;
    let user = writer.text("SELECT id FROM users").await.unwrap();
    let row = writer.text("SELECT owner || '|' || author FROM notes").await.unwrap();
    assert_eq!(row, format!("{user}|Ann"));
    // Nobody writes notes past the server functions.
    let mut socket = ann.connect().await;
    for channel in ["resource:note", "table:public.notes", &format!("note:{ID}")] {
        let frame = json!({"type": "broadcast", "channel": channel, "payload": {}, "ref": 1});
        socket.send_json(frame).await;
        assert_eq!(socket.expect("error").await["code"], "permission_denied", "{channel}");
    }
    for channel in ["table:public.users", "table:public.sessions", "access:revoked"] {
        socket.send_json(json!({"type": "subscribe", "channel": channel, "ref": 1})).await;
        assert_eq!(socket.expect("error").await["code"], "permission_denied", "{channel}");
    }
    drop(socket);
    server.stop().await;
}
