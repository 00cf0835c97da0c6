//! What bounds guessing, and that nothing secret gets into a log.

use crate::support::{Browser, LogLines, PASSWORD, TestServer, new_folder, post_json};

const SIGN_IN: &str = "/api/app/accounts/forms/sign_in";

#[tokio::test]
async fn spec_sy7_attempts_at_a_name_are_limited_from_wherever_they_come() {
    let server =
        TestServer::start_in(new_folder(), |config| config.account_args.attempts_per_name = 4)
            .await;
    // Making the account was the first.
    Browser::user(server.address, "Ann", "ann").await;
    let attempt = async |login: &str, password: &str| {
        let fields = [("login", login), ("password", password)];
        post_json(server.address, SIGN_IN, &fields).await.unwrap()
    };
    for _ in 0..3 {
        assert_eq!(attempt("ann", "not her password").await.status, 422);
    }
    // Not even the right one, however it is written.
    let refused = attempt(" ANN", PASSWORD).await;
    assert_eq!(refused.status, 429, "{refused:?}");
    let wait = refused.retry_after.expect("when to try again");
    assert!((200..=225).contains(&wait), "{wait}");
    let message = refused.json()["too_many"]["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("attempts_per_name: "), "{message}");
    assert_eq!(attempt("bob", PASSWORD).await.status, 422, "other names go on");
    // A person reads the same.
    let mut ann = Browser::guest(server.address).await;
    let answer = ann.sign_in("ann", PASSWORD).await;
    let page = ann.follow(&answer).await;
    assert!(page.body.contains("attempts_per_name: at most 4 in 900 s"), "{}", page.body);
    assert!(page.body.contains("value=\"ann\""), "what was typed is kept");
    server.stop().await;
}

#[tokio::test]
async fn spec_sy7_attempts_of_an_address_are_limited_whatever_the_name() {
    let server = TestServer::start_in(new_folder(), |config| {
        config.account_args.sign_ins_per_address = 3;
        config.account_args.sign_ups_per_address = 2;
        config.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await;
    let attempt = async |form: &str, n: u32, from: &str| {
        let head = format!(
            "POST /api/app/accounts/forms/{form} HTTP/1.1\r\nAccept: application/json\r\n\
             X-Forwarded-For: {from}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        );
        let body = format!("name=N&login=n{n}&password=short");
        crate::support::request(server.address, &head, body.as_bytes()).await.unwrap()
    };
    for n in 0..3 {
        assert_eq!(attempt("sign_in", n, "192.0.2.1").await.status, 422);
    }
    let refused = attempt("sign_in", 4, "192.0.2.1").await;
    assert_eq!(refused.status, 429);
    assert!(refused.body.contains("sign_ins_per_address: "), "{refused:?}");
    assert_eq!(attempt("sign_in", 5, "192.0.2.2").await.status, 422, "another address");
    // A form that is refused at once costs nothing, so it is not counted.
    for n in 0..5 {
        assert_eq!(attempt("sign_up", n, "192.0.2.1").await.status, 422);
    }
    server.stop().await;
}

#[tokio::test]
async fn spec_sy7_accounts_of_an_address_are_limited() {
    let server = TestServer::start_in(new_folder(), |config| {
        config.account_args.sign_ups_per_address = 2;
    })
    .await;
    for login in ["ann", "bob"] {
        Browser::user(server.address, "N", login).await;
    }
    let fields = [("name", "N"), ("login", "carl"), ("password", PASSWORD)];
    let path = "/api/app/accounts/forms/sign_up";
    let refused = post_json(server.address, path, &fields).await.unwrap();
    assert_eq!(refused.status, 429);
    assert!(refused.body.contains("sign_ups_per_address: "), "{refused:?}");
    server.stop().await;
}

#[tokio::test]
async fn spec_bq9_no_password_and_no_token_gets_into_a_log() {
    let log = LogLines::start();
    let server = TestServer::start().await;
    let mut ann = Browser::guest(server.address).await;
    ann.sign_up("Ann", "ann@example.org").await;
    let first = ann.session().unwrap().to_owned();
    ann.sign_in("ann@example.org", "wrong but secret").await;
    ann.sign_in("ann@example.org", PASSWORD).await;
    let second = ann.session().unwrap().to_owned();
    let new = "another long secret";
    ann.form("change_password", "/account", &[("current", PASSWORD), ("new", new)]).await;
    let third = ann.session().unwrap().to_owned();
    ann.get("/account").await;
    drop(ann.connect().await);
    ann.form("sign_out", "/account", &[]).await;
    server.stop().await;
    let lines = log.lines();
    assert!(
        lines.iter().any(|line| line.contains("accounts/forms/sign_in")),
        "it is logged at all: {lines:?}"
    );
    let guest = ann.guest_cookie().unwrap();
    for secret in [
        PASSWORD,
        "wrong but secret",
        new,
        &first,
        &second,
        &third,
        guest,
        "ann@example.org",
        "$argon2",
    ] {
        let found: Vec<_> = lines.iter().filter(|line| line.contains(secret)).collect();
        assert!(found.is_empty(), "{secret}: {found:?}");
    }
}
