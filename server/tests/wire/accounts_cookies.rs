//! The cookies of accounts: how they are set in both modes, and under which name alone they are read.

use crate::support::{
    Browser, PASSWORD, TestServer,
    jwt::{of, taken},
    new_folder, request,
};

#[tokio::test]
async fn spec_sy8_a_sessions_cookie_is_for_this_server_alone() {
    for secure in [false, true] {
        let server =
            TestServer::start_in(new_folder(), |config| config.secure_cookies = secure).await;
        let mut ann = Browser::guest(server.address).await;
        let answer = ann.sign_up("Ann", "ann").await;
        let (name, end) = if secure {
            ("__Host-tidewire_session", "; Path=/; Max-Age=2592000; Secure")
        } else {
            ("tidewire_session", "; Path=/; Max-Age=2592000")
        };
        let cookie = answer.set_cookies.iter().find(|cookie| cookie.starts_with(name));
        let cookie = cookie.unwrap_or_else(|| panic!("{:?}", answer.set_cookies)).clone();
        assert!(cookie.ends_with(&format!("; HttpOnly; SameSite=Lax{end}")), "{cookie}");
        let token = ann.cookies[name].clone();
        assert_eq!(token.len(), 64, "256 bits");
        assert!(ann.account().await.is_some());
        let page = ann.get("/account").await;
        assert!(!page.body.contains(token.as_str()), "scripts do not see it");
        assert!(page.set_cookies.is_empty(), "{:?}", page.set_cookies);
        // It lasts from the last visit on, be that a page or a form.
        for visit in ["a page", "a form"] {
            server.writer().await.run("UPDATE sessions SET seen = seen - 3600001").await;
            let answer = match visit {
                "a page" => ann.get("/account").await,
                _ => ann.form("end_other_sessions", "/account", &[]).await,
            };
            assert_eq!(answer.set_cookies, [cookie.as_str()], "{visit}");
        }
        // A form that sets another one, or none, has the last word.
        server.writer().await.run("UPDATE sessions SET seen = seen - 3600001").await;
        let answer = ann.form("sign_out", "/account", &[]).await;
        let cookies = answer.set_cookies.iter().filter(|cookie| cookie.starts_with(name));
        assert_eq!(cookies.count(), 1, "{:?}", answer.set_cookies);
        assert!(!ann.cookies.contains_key(name));
        ann.sign_in("ann", PASSWORD).await;
        let token = ann.cookies[name].clone();
        // Under another name it is not hers.
        let mut other = Browser::new(server.address);
        let other_name = if secure { "tidewire_session" } else { "__Host-tidewire_session" };
        other.cookies.insert(other_name.to_owned(), token.clone());
        assert!(other.account().await.is_none());
        server.stop().await;
    }
}

#[tokio::test]
async fn spec_sy5_a_session_cookie_that_does_not_hold_makes_a_guest() {
    let server = TestServer::start().await;
    let writer = server.writer().await;
    let mut ann = Browser::user(server.address, "Ann", "ann").await;
    let stored = writer.text("SELECT token FROM sessions").await.unwrap();
    assert_ne!(Some(stored.as_str()), ann.session(), "the database has its hash alone");
    for wrong in [stored.as_str(), "admin", &"0".repeat(64), ""] {
        let mut thief = Browser::new(server.address);
        thief.cookies.insert("tidewire_session".into(), wrong.into());
        assert!(thief.account().await.is_none(), "{wrong}");
        let page = thief.get("/account").await;
        assert_eq!(page.status, 200);
        assert!(page.body.contains("You are a guest"));
        // The browser may have another one by the time that this answer arrives.
        let set = |cookie: &String| cookie.starts_with("tidewire_session");
        assert!(!page.set_cookies.iter().any(set), "{:?}", page.set_cookies);
        assert!(thief.guest_cookie().is_some());
        drop(thief.connect().await);
    }
    // Nor does one that has ended by itself.
    writer.run("UPDATE sessions SET expires = 1").await;
    assert!(ann.account().await.is_none());
    let answer = ann.sign_in("ann", PASSWORD).await;
    assert_eq!(answer.location.as_deref(), Some("/"));
    assert_eq!(ann.account().await.unwrap()["sessions"].as_array().unwrap().len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn spec_sy5_an_answer_that_comes_late_sets_no_cookie_of_before() {
    let server = TestServer::start_in(new_folder(), taken).await;
    let mut ann = Browser::user(server.address, "Ann", "ann").await;
    let late = ann.clone();
    let mut late_too = ann.clone();
    let on_its_way = late_too.get("/account").await;
    let fields = [("current", PASSWORD), ("new", "staple battery horse")];
    ann.form("change_password", "/account", &fields).await;
    let answers = [on_its_way, late.clone().get("/account").await];
    for answer in answers {
        assert!(answer.set_cookies.iter().all(|cookie| !cookie.contains("session")), "{answer:?}");
    }
    // A token opens no page, and says nothing of the session beside it.
    server.writer().await.run("UPDATE sessions SET seen = seen - 3600001").await;
    let head = format!(
        "GET /account HTTP/1.1\r\nAccept: text/html\r\nAuthorization: Bearer {}\r\n\
         Cookie: tidewire_session={}\r\n",
        of("bob", &[]),
        ann.session().unwrap()
    );
    let answer = request(server.address, &head, b"").await.unwrap();
    assert_eq!((answer.status, answer.set_cookies), (403, vec![]));
    server.stop().await;
}

#[tokio::test]
async fn spec_sy5_that_a_session_was_seen_is_written_once_an_hour_and_lets_it_last() {
    let server = TestServer::start().await;
    let writer = server.writer().await;
    let mut ann = Browser::user(server.address, "Ann", "ann").await;
    let times = async || writer.text("SELECT seen || '|' || expires FROM sessions").await.unwrap();
    let before = times().await;
    ann.get("/account").await;
    assert_eq!(times().await, before, "it was written a moment ago");
    writer.run("UPDATE sessions SET seen = seen - 3600001, expires = expires - 3600001").await;
    let old = times().await;
    drop(ann.connect().await);
    let now = times().await;
    assert!(now > old, "{old} {now}");
    let (seen, expires) = now.split_once('|').unwrap();
    let (seen, expires): (i64, i64) = (seen.parse().unwrap(), expires.parse().unwrap());
    assert_eq!(expires - seen, 30 * 24 * 3_600_000);
    server.stop().await;
}
