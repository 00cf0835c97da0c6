//! A server that strangers reach: it wants secrets of its own, and TLS.

use std::process::Stdio;

use tokio::{process::Command, time::timeout};

use crate::support::{PATIENCE, TestServer, get, new_folder, url};

const STRONG: &str = "b1946ac92492d2347c6235b4d2611184b1946ac92492d2347c6235b4d2611184";

/// What the program says and ends with, when it does not start.
async fn refused(settings: &[(&str, &str)]) -> String {
    let folder = new_folder();
    let ended = Command::new(env!("CARGO_BIN_EXE_server"))
        .env("LEPTOS_SITE_ADDR", "127.0.0.1:0")
        .env("DATABASE_URL", url(&folder))
        .env("TIDEWIRE_ENV", "production")
        .env_remove("TIDEWIRE_TOKEN_SECRET")
        .envs(settings.iter().copied())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(PATIENCE, ended).await.expect("it ends in time").expect("it runs");
    assert!(!output.status.success(), "it has started: {output:?}");
    assert!(!folder.path().join("test.db").exists(), "the database is opened after the settings");
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[tokio::test]
async fn spec_bq9_the_program_does_not_go_public_without_secrets() {
    for (settings, what) in [
        (vec![], "TIDEWIRE_TOKEN_SECRET is missing"),
        (vec![("TIDEWIRE_TOKEN_SECRET", "")], "TIDEWIRE_TOKEN_SECRET is missing"),
        (vec![("TIDEWIRE_TOKEN_SECRET", "hunter2hunter2")], "TIDEWIRE_TOKEN_SECRET is shorter"),
        (
            vec![("TIDEWIRE_TOKEN_SECRET", "change-me-change-me-change-me-hunter2")],
            "TIDEWIRE_TOKEN_SECRET is an example",
        ),
        (
            vec![("TIDEWIRE_TOKEN_SECRET", STRONG), ("TIDEWIRE_BROADCAST_KEY", "hunter2")],
            "TIDEWIRE_BROADCAST_KEY is shorter",
        ),
    ] {
        let said = refused(&settings).await;
        assert!(said.contains(what) && said.contains("openssl rand -hex 32"), "{said}");
        assert!(!said.contains("hunter2") && !said.contains(STRONG), "{said}");
    }
}

#[tokio::test]
async fn spec_bq9_a_public_server_wants_its_cookies_and_its_visitors_over_tls() {
    let server = TestServer::start_in(new_folder(), |config| {
        config.environment = server::Environment::Production;
        config.token_secret = Some(STRONG.into());
    })
    .await;
    let page = get(server.address, "/todos").await;
    let cookie = page.set_cookie.as_deref().unwrap();
    assert!(cookie.ends_with("; Secure"), "{cookie}");
    for path in ["/todos", "/realtime/stats", "/nowhere"] {
        let answer = get(server.address, path).await;
        let rule = answer.header("strict-transport-security");
        assert_eq!(rule.as_deref(), Some("max-age=31536000"), "{path}");
    }
    server.stop().await;
}
