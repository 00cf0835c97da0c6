//! What belongs to one person, such as a receipt that a message was read, goes to that person's channel.

use serde_json::json;
use tidewire::{Channel, ChannelName};

use crate::support::{Browser, TestServer};

#[tokio::test]
async fn spec_ig6_what_is_told_to_one_person_reaches_all_of_their_screens_and_nobody_else() {
    let server = TestServer::start().await;
    let mut ann = Browser::user(server.address, "Ann", "ann").await;
    let bob = Browser::user(server.address, "Bob", "bob").await;
    let (mut desk, mut phone) = (ann.connect().await, ann.connect().await);
    let id = signed_in_id(&server, "ann").await;
    let channel = format!("user:{id}:receipts");
    for screen in [&mut desk, &mut phone] {
        screen.subscribe(&channel).await;
    }
    for mut other in [bob.connect().await, server.connect().await] {
        for frame in [
            json!({"type": "subscribe", "channel": channel}),
            json!({"type": "broadcast", "channel": channel, "payload": {"read": 7}}),
        ] {
            other.send_json(frame).await;
            let code = other.expect("error").await["code"].clone();
            assert!(
                ["permission_denied", "authentication_required"].contains(&code.as_str().unwrap())
            );
        }
    }
    let receipts = Channel::new(ChannelName::new(&channel).unwrap());
    let tell = |number| server.realtime.send(&receipts, &json!({"read": number})).unwrap();
    assert_eq!(tell(7), 2);
    for screen in [&mut desk, &mut phone] {
        assert_eq!(screen.message(&channel).await["read"], 7);
    }
    // Signed out, nothing more comes.
    ann.form("sign_out", "/account", &[]).await;
    assert_eq!(desk.until_closed().await.1, Some(4004));
    assert_eq!(phone.until_closed().await.1, Some(4004));
    assert_eq!(tell(8), 0);
    server.stop().await;
}

async fn signed_in_id(server: &TestServer, login: &str) -> String {
    let mut tx = server.realtime.database().read().await.unwrap();
    tidewire::sql!(tx, |db| sqlx::query_scalar("SELECT id FROM users WHERE login = $1")
        .bind(login)
        .fetch_one(db))
    .unwrap()
}
