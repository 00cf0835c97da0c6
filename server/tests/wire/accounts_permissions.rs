//! An account's permissions are given and taken on the command line, and what is taken ends at once.

use serde_json::json;

use crate::support::{Browser, TestServer, run};

const DETAIL: &str = "/realtime/stats?detail=clients";

async fn change(server: &TestServer, what: &str, login: &str, permission: &str) -> (bool, String) {
    run(&server.file(), &[], &["account", what, login, permission]).await
}

#[tokio::test]
async fn spec_sy6_a_permission_that_is_taken_away_ends_the_connections_that_had_it() {
    let server = TestServer::start().await;
    let mut ann = Browser::user(server.address, "Ann", "ann").await;
    assert_eq!(ann.get(DETAIL).await.status, 403);
    let (done, printed) = change(&server, "permit", "ANN", "inspect:stats").await;
    assert!(done && printed.contains("inspect:stats"), "{printed}");
    assert!(change(&server, "permit", "ann", "read:staff:*").await.0);
    assert_eq!(ann.get(DETAIL).await.status, 200);

    let mut bob = Browser::user(server.address, "Bob", "bob").await.connect().await;
    let mut socket = ann.connect().await;
    socket.subscribe("staff:plans").await;
    bob.send_json(json!({"type": "subscribe", "channel": "staff:plans"})).await;
    assert_eq!(bob.expect("error").await["code"], "permission_denied");

    // Giving twice changes nothing, and ends nothing.
    assert!(change(&server, "permit", "ann", "inspect:stats").await.0);
    assert!(change(&server, "forbid", "ann", "write:staff:*").await.0);
    socket.expect_silence().await;

    let (done, printed) = change(&server, "forbid", "ann", "read:staff:*").await;
    assert!(done && !printed.contains("staff"), "{printed}");
    assert_eq!(socket.until_closed().await.1, Some(4004));
    let mut again = ann.connect().await;
    again.send_json(json!({"type": "subscribe", "channel": "staff:plans"})).await;
    assert_eq!(again.expect("error").await["code"], "permission_denied");
    assert_eq!(ann.get(DETAIL).await.status, 200, "what was not taken is still there");

    let (done, _) = change(&server, "permit", "nobody", "read:staff:*").await;
    assert!(!done);
    assert!(!change(&server, "permit", "ann", "read:st*").await.0);
    drop((bob, again));
    server.stop().await;
}
