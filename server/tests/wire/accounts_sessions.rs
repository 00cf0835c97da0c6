//! Sessions: fixation, theft, and how they are ended from where one sits.

use serde_json::json;

use super::presence::join;
use crate::support::{Browser, PASSWORD, TestServer, Writer};

const NEW: &str = "staple battery horse";

/// What the log says about whose connections end, newest last.
async fn revoked(writer: &Writer) -> Vec<String> {
    let rows = "SELECT new FROM tidewire_log WHERE tbl = 'access:revoked' ORDER BY id";
    sqlx::query_scalar(rows).fetch_all(writer.pool()).await.expect("the log is read")
}

#[tokio::test]
async fn spec_sy5_signing_in_never_goes_on_under_a_token_that_was_there_before() {
    let server = TestServer::start().await;
    let mut ann = Browser::user(server.address, "Ann", "ann").await;
    let first = ann.session().unwrap().to_owned();
    // Somebody has planted a cookie, or knows the one of before.
    let planted = "a".repeat(64);
    ann.cookies.insert("tidewire_session".into(), planted.clone());
    ann.sign_in("ann", PASSWORD).await;
    let second = ann.session().unwrap().to_owned();
    assert!(second != planted && second != first);
    ann.sign_in("ann", PASSWORD).await;
    let third = ann.session().unwrap().to_owned();
    assert_ne!(third, second);
    let mut thief = Browser::new(server.address);
    for (token, holds) in [(planted, false), (second, false), (first, true), (third, true)] {
        thief.cookies.insert("tidewire_session".into(), token);
        assert_eq!(thief.account().await.is_some(), holds, "its browser never signed out");
    }
    server.stop().await;
}

#[tokio::test]
async fn spec_sy5_signing_in_over_somebody_elses_session_tells_their_account() {
    let server = TestServer::start().await;
    let writer = server.writer().await;
    Browser::user(server.address, "Ann", "ann").await;
    let mut shared = Browser::user(server.address, "Bob", "bob").await;
    let mut bob = Browser::guest(server.address).await;
    bob.sign_in("bob", PASSWORD).await;
    let id = writer.text("SELECT id FROM users WHERE login = 'bob'").await.unwrap();
    let told = async || {
        let rows =
            "SELECT COUNT(*) FROM tidewire_log WHERE tbl = 'revalidate:account' AND new LIKE $1";
        let count = sqlx::query_scalar::<_, i64>(rows).bind(format!("%{id}%"));
        count.fetch_one(writer.pool()).await.unwrap()
    };
    let before = told().await;
    assert!(before > 0, "signing in does");
    shared.sign_in("ann", PASSWORD).await;
    assert_eq!(told().await, before + 1);
    assert_eq!(bob.account().await.unwrap()["sessions"].as_array().unwrap().len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn spec_sy5_a_stolen_cookie_is_worth_nothing_after_signing_out() {
    let server = TestServer::start().await;
    let writer = server.writer().await;
    let mut ann = Browser::user(server.address, "Ann", "ann").await;
    let mut thief = ann.clone();
    let id = thief.account().await.unwrap()["sessions"][0]["id"].as_str().unwrap().to_owned();
    let guest_before = ann.guest_cookie().unwrap().to_owned();
    ann.form("sign_out", "/account", &[]).await;
    assert_ne!(ann.guest_cookie().unwrap(), guest_before, "a guest that nobody was before");
    assert!(thief.account().await.is_none());
    let last = revoked(&writer).await.pop().unwrap();
    assert_eq!(last, json!({"credential": id}).to_string(), "its connections end");
    // Twice is not an error.
    let answer = thief.form("sign_out", "/account", &[]).await;
    assert_eq!((answer.status, answer.location.as_deref()), (302, Some("/")));
    assert_eq!(revoked(&writer).await.len(), 2, "the guest of before, and the session");
    server.stop().await;
}

#[tokio::test]
async fn spec_sy5_a_new_password_ends_every_other_session_and_every_copy_of_this_one() {
    let server = TestServer::start().await;
    let writer = server.writer().await;
    let mut here = Browser::user(server.address, "Ann", "ann").await;
    let mut there = Browser::guest(server.address).await;
    there.sign_in("ann", PASSWORD).await;
    let mut bob = Browser::user(server.address, "Bob", "bob").await;
    let mut thief = here.clone();
    let page = {
        let wrong = [("current", "not her password"), ("new", NEW)];
        let answer = here.form("change_password", "/account", &wrong).await;
        here.follow(&answer).await
    };
    assert!(page.body.contains("This is not your password."), "{}", page.body);
    let short = [("current", PASSWORD), ("new", "short")];
    let answer = here.form("change_password", "/account", &short).await;
    assert!(here.follow(&answer).await.body.contains("A password has 10 to 200 characters."));
    assert!(there.account().await.is_some());

    let user = writer.text("SELECT id FROM users WHERE login = 'ann'").await.unwrap();
    let fields = [("current", PASSWORD), ("new", NEW)];
    let answer = here.form("change_password", "/account", &fields).await;
    assert_eq!(answer.location.as_deref(), Some("/account?done=password"), "{answer:?}");
    let page = here.follow(&answer).await;
    assert!(page.body.contains("The password is changed."), "{}", page.body);
    assert_eq!(here.account().await.unwrap()["sessions"].as_array().unwrap().len(), 1);
    assert!(there.account().await.is_none());
    assert!(thief.account().await.is_none(), "the copy of this browser's cookie");
    assert!(bob.account().await.is_some());
    assert_eq!(revoked(&writer).await.pop().unwrap(), json!({"user": user}).to_string());

    let answer = there.sign_in("ann", PASSWORD).await;
    assert!(answer.location.unwrap().contains("__err"), "the old password");
    there.sign_in("ann", NEW).await;
    assert!(there.account().await.is_some());
    server.stop().await;
}

#[tokio::test]
async fn spec_sy5_sessions_are_ended_one_by_one_or_all_but_this() {
    let server = TestServer::start().await;
    let writer = server.writer().await;
    let mut here = Browser::user(server.address, "Ann", "ann").await;
    let mut browsers = Vec::new();
    for _ in 0..3 {
        let mut browser = Browser::guest(server.address).await;
        browser.sign_in("ann", PASSWORD).await;
        browsers.push(browser);
    }
    let own = async |browser: &mut Browser| {
        let account = browser.account().await.unwrap();
        let sessions = account["sessions"].as_array().unwrap().clone();
        let own: Vec<_> = sessions.iter().filter(|session| session["this"] == true).collect();
        assert_eq!(own.len(), 1);
        own[0]["id"].as_str().unwrap().to_owned()
    };
    let id = own(&mut browsers[0]).await;
    // Nobody ends what is somebody else's, or learns that it is there.
    let mut bob = Browser::user(server.address, "Bob", "bob").await;
    let answer = bob.form("end_session", "/account", &[("id", &id)]).await;
    let theirs = bob.follow(&answer).await;
    let answer = bob.form("end_session", "/account", &[("id", "nothing")]).await;
    let nothing = bob.follow(&answer).await;
    for page in [theirs, nothing] {
        assert!(page.body.contains("This has been deleted in the meantime."), "{}", page.body);
    }
    assert!(browsers[0].account().await.is_some());

    let answer = here.form("end_session", "/account", &[("id", &id)]).await;
    assert_eq!(answer.location.as_deref(), Some("/account?done=session"), "{answer:?}");
    assert!(browsers[0].account().await.is_none());
    assert_eq!(revoked(&writer).await.pop().unwrap(), json!({"credential": id}).to_string());
    let answer = here.form("end_other_sessions", "/account", &[]).await;
    assert_eq!(answer.location.as_deref(), Some("/account?done=sessions"));
    for browser in &mut browsers {
        assert!(browser.account().await.is_none());
    }
    assert!(here.account().await.is_some());
    assert!(bob.account().await.is_some());
    // One's own is signing out.
    let id = own(&mut here).await;
    let answer = here.form("end_session", "/account", &[("id", &id)]).await;
    assert_eq!(answer.location.as_deref(), Some("/"));
    assert!(here.session().is_none());
    // Guests have nothing to end.
    let mut guest = Browser::guest(server.address).await;
    for (form, fields) in [
        ("end_session", vec![("id", id.as_str())]),
        ("end_other_sessions", vec![]),
        ("change_password", vec![("current", PASSWORD), ("new", NEW)]),
    ] {
        let answer = guest.form(form, "/account", &fields).await;
        assert!(answer.location.unwrap().contains("__err"), "{form}");
    }
    server.stop().await;
}

#[tokio::test]
async fn spec_fb4_the_socket_and_the_page_know_the_same_visitor() {
    let server = TestServer::start().await;
    let writer = server.writer().await;
    let mut ann = Browser::user(server.address, "Ann", "ann").await;
    let user = writer.text("SELECT id FROM users").await.unwrap();
    let mut socket = ann.connect().await;
    let state = join(&mut socket, "x").await;
    assert_eq!(state["users"][0]["userId"], json!(user));
    let page = ann.get("/todos").await;
    assert!(page.body.contains(&user), "handed to the page");
    drop(socket);
    // Permissions are read with the session.
    let mut socket = ann.connect().await;
    let ask = json!({"type": "subscribe", "channel": "order:1", "ref": 1});
    socket.send_json(ask.clone()).await;
    assert_eq!(socket.expect("error").await["code"], "permission_denied");
    writer.run("UPDATE users SET permissions = 'read:order:* nonsense'").await;
    drop(socket);
    let mut socket = ann.connect().await;
    socket.send_json(ask.clone()).await;
    let denied = socket.expect("error").await;
    assert_eq!(denied["code"], "permission_denied", "what cannot be read allows nothing");
    writer.run("UPDATE users SET permissions = 'read:order:*  inspect:stats'").await;
    drop(socket);
    let mut socket = ann.connect().await;
    socket.send_json(ask).await;
    socket.expect("ack").await;
    drop(socket);
    server.stop().await;
}
